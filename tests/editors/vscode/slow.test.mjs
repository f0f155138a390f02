// A model that takes its time, in VS Code. Each name says which mistake would make it fail.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { scripted, SERVER, testIn, Workbench } from "./workbench.mjs";

const model = scripted(
  [
    { after: "def add(a, b):\n    ", before: "\n", answer: "return a + b" },
    { after: "def add(a, b):\n    x", before: "\n", answer: " = a" },
  ],
  { step_ms: 1500 },
);
const ADD = "def add(a, b):\n    \n";
let bench;
const it = testIn(() => bench);

before(async () => {
  bench = await Workbench.start({ machine: { "dlm-lsp.server.path": SERVER, "dlm-lsp.model": model, "dlm-lsp.deadlineMs": 60_000 } });
  await bench.write("warm.py", "x = 1\n");
  await bench.seesStatus(/dlm (ready|\d+ ms)/);
});
after(() => bench?.close());

it("fails if an answer is lost that comes after VS Code has looked for words to list, which it does at the first letter", async () => {
  await bench.write("letter.py", ADD, 1, 4);
  await bench.type("r");
  await bench.seesGhost("eturn a + b");
  await bench.press("Tab");
  assert.equal(await bench.saved("letter.py"), "def add(a, b):\n    return a + b\n");
});

it("fails if an answer to what was there before is drawn, or the new one waits for the old", async () => {
  await bench.write("other.py", ADD, 1, 4);
  await bench.type("x");
  await bench.page.waitForTimeout(300);
  await bench.press("Backspace");
  await bench.type("r");
  await bench.seesGhost("eturn a + b");
  assert.equal(await bench.saved("other.py"), "def add(a, b):\n    r\n");
});

it("fails if ghost text appears after the cursor has gone away", async () => {
  await bench.write("away.py", ADD, 1, 4);
  await bench.type("r");
  await bench.page.waitForTimeout(300);
  await bench.press("ArrowUp");
  await bench.page.waitForTimeout(3000);
  assert.equal(await bench.ghost(), "");
});
