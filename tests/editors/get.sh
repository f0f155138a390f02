#!/usr/bin/env bash
# Unpacks editors of Debian testing with their libraries into build/editors, beside the system's own; nothing is installed.
#   tests/editors/get.sh nvim|emacs|helix
# nvim: 0.12 and newer, with vim.lsp.inline_completion. emacs: 30 and newer, with lsp-mode 10. helix: Debian 12 has none.
# Needs apt, and patchelf, which binds the program to the libraries unpacked with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=forky
case ${1:-} in
  nvim) packages=(neovim) program=usr/bin/nvim ;;
  emacs) packages=(emacs-nox elpa-lsp-mode) program=usr/bin/emacs-nox ;;
  helix) packages=(hx) program=usr/lib/hx/hx ;;
  *) sed -n '2,5s/^# *//p' "$0" >&2; exit 2 ;;
esac
target=$PWD/build/editors/$1
if [ -x "$target/$program" ]; then exec "$target/$program" --version; fi

apt=$PWD/build/editors/apt
rm -rf "$apt" "$target"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$target"
: > "$apt/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
# The mirror that this machine uses anyway: the first that has packages of the main archive.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | grep -v security | head -n 1)
if [ -z "$mirror" ]; then echo "apt knows no mirror: make editors-system" >&2; exit 1; fi
trap 'echo "${packages[*]} could not be had from $suite; is the mirror of apt reachable?" >&2' ERR
echo "deb [signed-by=$key] $mirror $suite main" > "$apt/sources.list"
# An empty status file: everything that the packages depend on is fetched, as if nothing were installed.
options=(
  -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$apt/lists"
  -o "Dir::State::status=$apt/status" -o "Dir::Cache::Archives=$apt/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
  -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3
)
apt-get -q "${options[@]}" update
apt-get -q -y "${options[@]}" --no-install-recommends --download-only install "${packages[@]}"
for package in "$apt"/archives/*.deb; do dpkg-deb --extract "$package" "$target"; done

loader=$(find "$target" -name 'ld-linux*.so.*' \( -type f -o -type l \) | head -n 1)
libraries=$(find "$target" -name 'libc.so.6' -printf '%h\n' | head -n 1)
patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$target/$program"
rm -rf "$apt"
"$target/$program" --version
