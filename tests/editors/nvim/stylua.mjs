// StyLua over the plugin, as nvim-plugin/stylua.toml says: node stylua.mjs writes, with --check it names what would change and fails.
// The package is StyLua compiled to WebAssembly: the program itself is in no registry that we install from.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");
const PLUGIN = join(ROOT, "nvim-plugin");
const stylua = createRequire(join(ROOT, "vscode-extension/package.json"))("@johnnymorganz/stylua");
const ENUMS = { indent_type: stylua.IndentType, quote_style: stylua.QuoteStyle, syntax: stylua.LuaVersion };

function configuration() {
  const config = stylua.Config.new();
  for (const [, name, word, number] of readFileSync(join(PLUGIN, "stylua.toml"), "utf8").matchAll(/^(\w+) = (?:"(\w+)"|(\d+))$/gm)) {
    config[name] = word === undefined ? Number(number) : ENUMS[name][word];
  }
  return config;
}

const files = readdirSync(PLUGIN, { recursive: true }).filter((name) => name.endsWith(".lua"));
const stale = files.filter((name) => {
  const file = join(PLUGIN, name);
  const text = readFileSync(file, "utf8");
  const formatted = stylua.formatCode(text, configuration(), undefined, stylua.OutputVerification.Full); // takes the configuration away
  if (!process.argv.includes("--check")) writeFileSync(file, formatted);
  return formatted !== text;
});
if (process.argv.includes("--check") && stale.length) {
  console.error(`StyLua would change ${stale.join(", ")}: node tests/editors/nvim/stylua.mjs`);
  process.exit(1);
}
