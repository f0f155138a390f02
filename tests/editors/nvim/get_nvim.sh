#!/usr/bin/env bash
# Unpacks Debian testing's Neovim (0.12 and newer, with vim.lsp.inline_completion) with its libraries into build/editors/nvim,
# beside the system's own; nothing is installed. Needs apt, and patchelf, which binds the program to the libraries unpacked with it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
suite=${1:-forky}
target=$PWD/build/editors/nvim
if [ -x "$target/usr/bin/nvim" ]; then exec "$target/usr/bin/nvim" --version; fi

apt=$PWD/build/editors/apt
rm -rf "$apt" "$target"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$target"
: > "$apt/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
# The mirror that this machine uses anyway: the first that has packages of the main archive.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | grep -v security | head -n 1)
if [ -z "$mirror" ]; then echo "apt knows no mirror: make editors-system" >&2; exit 1; fi
trap 'echo "Neovim could not be had from $suite; is the mirror of apt reachable?" >&2' ERR
echo "deb [signed-by=$key] $mirror $suite main" > "$apt/sources.list"
# An empty status file: everything that Neovim depends on is fetched, as if nothing were installed.
options=(
  -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$apt/lists"
  -o "Dir::State::status=$apt/status" -o "Dir::Cache::Archives=$apt/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
  -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3
)
apt-get -q "${options[@]}" update
apt-get -q -y "${options[@]}" --no-install-recommends --download-only install neovim
for package in "$apt"/archives/*.deb; do dpkg-deb --extract "$package" "$target"; done

loader=$(find "$target" -name 'ld-linux*.so.*' \( -type f -o -type l \) | head -n 1)
libraries=$(find "$target" -name 'libc.so.6' -printf '%h\n' | head -n 1)
others=$(find "$target" -name 'libuv.so*' -printf '%h\n' | head -n 1)
patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$libraries:$others" "$target/usr/bin/nvim"
rm -rf "$apt"
"$target/usr/bin/nvim" --version
