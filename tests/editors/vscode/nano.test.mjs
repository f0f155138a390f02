// The bundled model in VS Code: what it says is its own affair; that something sensible appears and is taken whole is ours.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before } from "node:test";
import { ROOT, SERVER, testIn, until, Workbench } from "./workbench.mjs";

const TEXT = 'def add(a, b):\n    """Add two numbers."""\n    return \n\n\nprint(add(1, 2))\n';
let bench;
const it = testIn(() => bench);

before(async () => {
  bench = await Workbench.start({
    machine: { "dlm-lsp.server.path": SERVER, "dlm-lsp.deadlineMs": 60_000, "dlm-lsp.threads": 1 },
  });
});
after(() => bench?.close());

it("fails if the bundled model shows nothing, or what is accepted is not what was shown or breaks the file", async () => {
  await bench.write("add.py", TEXT, 2, 11);
  await bench.seesStatus(/dlm (ready|\d+ ms)/);
  await bench.command("dlmLsp.fillHere");
  await until(async () => (await bench.ghost()) !== "", "ghost text");
  const ghost = await bench.ghost();
  await bench.shot("nano");
  await bench.press("Tab");
  await until(async () => (await bench.text()) !== TEXT, "the text");
  const saved = await bench.saved("add.py");
  assert.equal(saved.replaceAll(/\s+/g, ""), TEXT.replace("return ", `return ${ghost}`).replaceAll(/\s+/g, ""));
  await bench.page.click('[id*="dlmLsp.status"] a');
  await bench.page.waitForSelector(".quick-input-list .monaco-list-row");
  await bench.page.waitForTimeout(1000); // until the menu has faded in
  await bench.shot("menu");
  await bench.press("Escape");
  execFileSync(join(ROOT, ".venv/bin/python"), ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: saved });
});
