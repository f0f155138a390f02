// Makes the .vsix: the bundle, and beside it the server's wheel of the same version, so that both always belong together.
// Usage: npm run package. Wants ../dist/*.whl, which `make wheel` builds; without it the server comes from the package index.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

process.chdir(import.meta.dirname);
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const wheel = `dlm_lsp-${version}-py3-none-any.whl`;

rmSync("server", { recursive: true, force: true });
mkdirSync("server");
if (existsSync(`../dist/${wheel}`)) copyFileSync(`../dist/${wheel}`, `server/${wheel}`);
else console.log(`without ../dist/${wheel}: the server will be installed from the package index`);
mkdirSync("../dist", { recursive: true });

const run = (command, ...options) => execFileSync(`node_modules/.bin/${command}`, options, { stdio: "inherit" });
execFileSync("npm", ["run", "build", "--silent", "--", "--minify"], { stdio: "inherit" });
run(
  "vsce",
  "package",
  "--no-dependencies",
  "--allow-missing-repository",
  "--no-rewrite-relative-links",
  "--out",
  `../dist/dlm-lsp-${version}.vsix`,
);
