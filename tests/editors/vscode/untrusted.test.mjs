// A workspace that is not trusted: it works, and nothing that its settings say is run or loaded. Each name says which mistake would make
// it fail.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { scripted, SERVER, testIn, until, Workbench } from "./workbench.mjs";

const FOLDER = mkdtempSync(join(tmpdir(), "dlm-untrusted-"));
const RAN = join(FOLDER, "ran");
const EVIL = join(FOLDER, "evil");
const model = scripted([{ after: "def add(a, b):\n    ", before: "\n", answer: "return a + b" }]);
const theirs = scripted([{ after: "def add(a, b):\n    ", before: "\n", answer: "return 'theirs'" }]);
/** What a stranger's repository might bring along, in both notations; maxHoleTokens does no harm, and is theirs to say. */
const settings = {
  "dlm-lsp.server.path": EVIL,
  "dlm-lsp.server.python": EVIL,
  "dlm-lsp.server.package": EVIL,
  "dlm-lsp.model": theirs,
  "dlm-lsp.threads": 7,
  "dlm-lsp.device": "cuda",
  "dlm-lsp.maxHoleTokens": 48,
  "dlm-lsp": { server: { path: EVIL, python: EVIL, package: EVIL }, model: theirs, threads: 7, device: "cuda" },
};
let bench;
const it = testIn(() => bench);

before(async () => {
  writeFileSync(EVIL, `#!/bin/sh\necho "$@" >> ${RAN}\n`, { mode: 0o755 });
  bench = await Workbench.start({
    machine: { "dlm-lsp.server.path": SERVER, "dlm-lsp.model": model, "dlm-lsp.deadlineMs": 60_000 },
    files: { ".vscode/settings.json": JSON.stringify(settings), "add.py": "def add(a, b):\n    \n" },
    isTrusted: false,
  });
});
after(() => bench?.close());

const setting = (name) => bench.run("return vscode.workspace.getConfiguration('dlm-lsp').get(args.name)", { name });

it("restricted: fails if there is no ghost text, or it is the workspace that says which program and model it comes from", async (code) => {
  assert.equal(await code.run("return vscode.workspace.isTrusted"), false);
  await code.open("add.py", 1, 4);
  await code.seesStatus(/dlm (ready|\d+ ms)/);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
  await code.press("Escape");
  assert.deepEqual([await setting("threads"), await setting("device"), await setting("maxHoleTokens")], [0, "auto", 48]);
  await code.command("dlmLsp.restart");
  await code.seesStatus(/dlm (ready|\d+ ms)/);
  assert.ok(!existsSync(RAN), "what the workspace named was run");
});

it("trusted then: fails if program and model are the workspace's even now, or what it may say does not count", async (code) => {
  code.begin("workbench.trust.manage");
  await code.page.locator(".workspace-trust-editor .monaco-button", { hasText: "Trust" }).first().click();
  await until(() => code.run("return vscode.workspace.isTrusted"), "trust");
  await until(async () => (await setting("threads")) === 7, "what a trusted workspace may say");
  await code.command("dlmLsp.restart");
  await code.open("add.py", 1, 4);
  await code.seesStatus(/dlm (ready|\d+ ms)/);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
  assert.ok(!existsSync(RAN), "what the workspace named was run");
});
