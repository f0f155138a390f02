#!/usr/bin/env bash
# What the editors' tests need of the system: editors, Chromium and a few tools, from Debian. Does nothing where all of it is there.
set -euo pipefail
packages=(chromium neovim patchelf tmux lua-check emacs-nox elpa-eglot elpa-lsp-mode)

fail() {
  echo "The editors' tests cannot be run: $1" >&2
  exit 1
}

for program in node npm; do
  command -v $program >/dev/null || fail "there is no $program; install Node 20 or newer with npm."
done
command -v apt-get >/dev/null || fail "this is no Debian; install what Debian calls ${packages[*]}."

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
# get.sh takes newer editors from the mirror that apt knows once it has lists.
has_lists=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
if [ ${#missing[@]} = 0 ] && [ -n "$has_lists" ]; then exit 0; fi

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2>/dev/null ||
    fail "missing: ${missing[*]:-the lists of apt}. As root: apt-get update; apt-get install --no-install-recommends ${packages[*]}"
  as_root=(sudo -n "${as_root[@]}")
fi
"${as_root[@]}" apt-get -q -o Acquire::Retries=3 update || fail "apt-get update failed; is the mirror reachable?"
if [ ${#missing[@]} != 0 ]; then
  "${as_root[@]}" apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}; is the mirror reachable?"
fi
