// Makes the .vsix: the bundle, and beside it the server's wheel of the same version, so that both always belong together.
// Usage: make vsix, which builds the wheel, too; or npm run package where ../dist has it already.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

process.chdir(import.meta.dirname);
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const wheel = `dlm_lsp-${version}-py3-none-any.whl`;

if (!existsSync(`../dist/${wheel}`)) {
  console.error(`There is no dist/${wheel}, the server that belongs into the .vsix: run make vsix, which builds both.`);
  process.exit(1);
}
rmSync("server", { recursive: true, force: true });
mkdirSync("server");
copyFileSync(`../dist/${wheel}`, `server/${wheel}`);

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
