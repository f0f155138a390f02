// Servers that misbehave. Nothing wrong may reach the text; the user is told once what to do; nobody starts a broken server for ever.
// Each name says which mistake would make it fail.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { HERE, testIn, until, Workbench } from "./workbench.mjs";

const MODE = join(mkdtempSync(join(tmpdir(), "dlm-bad-")), "mode");
const ADD = "def add(a, b):\n    \n";
const TRYING_MS = 150_000;
let bench;
const it = testIn(() => bench);

before(async () => {
  writeFileSync(MODE, "null");
  bench = await Workbench.start({
    machine: { "dlm-lsp.server.path": join(HERE, "bad_server.py") },
    env: { DLM_BAD_MODE: MODE },
  });
  await bench.write("warm.py", "x = 1\n");
  await bench.seesStatus(/dlm ready/);
});
afterEach(() => bench.command("notifications.clearAll"));
after(() => bench?.close());

const state = () => bench.run("return vscode.extensions.getExtension('dlm-lsp.dlm-lsp').exports.state()");

async function serve(mode) {
  writeFileSync(MODE, mode);
  await bench.command("dlmLsp.restart"); // comes back when it has started, or not
}

async function oneMessage(pattern, button) {
  await until(async () => (await bench.notifications()).length > 0, "a message");
  await bench.page.waitForTimeout(1000);
  const all = await bench.notifications();
  assert.deepEqual(all.map(({ buttons }) => buttons), [[button]], JSON.stringify(all));
  assert.match(all[0].message, pattern);
}

for (const mode of ["null", "ranges", "nonsense", "error"]) {
  it(`${mode}: fails if anything but what was typed is in the text, or a message disturbs who types`, async () => {
    await serve(mode);
    await bench.write(`${mode}.py`, ADD, 1, 4);
    await bench.type("re");
    await bench.page.waitForTimeout(1200);
    assert.equal(await bench.ghost(), "");
    await bench.press("Tab");
    assert.match(await bench.saved(`${mode}.py`), /^def add\(a, b\):\n {4}re *\n$/);
    assert.deepEqual(await bench.notifications(), []);
    assert.equal(await state(), "ready");
  });
}

it("late: fails if an answer to what has changed since is drawn or taken", async () => {
  await serve("late");
  await bench.write("late.py", ADD, 1, 4);
  await bench.type("r");
  await bench.page.waitForTimeout(500);
  await bench.type("x");
  await bench.page.waitForTimeout(2500);
  assert.equal(await bench.ghost(), "");
  assert.equal(await bench.saved("late.py"), "def add(a, b):\n    rx\n");
});

it("dies at start: fails if it is tried for ever, or the reason is not told", async () => {
  await serve("dies at start");
  await oneMessage(/did not start: the weights are gone/, "Start it again");
  assert.equal(await state(), "failed");
  await bench.shot("server-dies");
});

it("lacks a package: fails if the way out is not offered", async () => {
  await serve("lacks a package");
  await oneMessage(/lacks the package no_such_package_anywhere/, "Install the server");
});

it("other version: fails if it is started all the same", async () => {
  await serve("other version");
  await oneMessage(/is version 9\.9\.9; this extension needs/, "Open the setting");
});

it("prints on stdout: fails if it is restarted without end, or nobody is told", async () => {
  writeFileSync(MODE, "prints");
  bench.begin("dlmLsp.restart"); // it dies before it has started, again and again
  await until(async () => (await bench.notifications()).length > 0, "the end of trying", TRYING_MS);
  await oneMessage(/has ended 4 times/, "Start it again");
});

it("dies when asked: fails if text is touched, or the fourth death is not the last", async () => {
  await serve("dies when asked");
  await bench.write("dies.py", ADD, 1, 4);
  await until(async () => {
    if ((await state()) === "ready") await bench.command("editor.action.inlineSuggest.trigger");
    return (await state()) === "failed";
  }, "the end of trying", TRYING_MS);
  await oneMessage(/has ended 4 times/, "Start it again");
  assert.equal(await bench.saved("dies.py"), ADD);
});

it("no model: fails if the server's sentence has no button to choose another one", async () => {
  await serve("no model");
  await oneMessage(/there is no model 'a\/b'/, "Choose a model");
  await bench.page.locator(".notification-list-item-buttons-container .monaco-button").first().click();
  await bench.page.waitForSelector(".quick-input-widget", { state: "visible" });
  await bench.press("Escape");
});

it("loads for ever: fails if nobody is told how far it is", async () => {
  await serve("loads for ever");
  await bench.seesStatus(/dlm loading 40 %/);
});

it("mended: fails if a server that works again is not taken back by its button", async () => {
  await serve("dies at start");
  await oneMessage(/did not start/, "Start it again");
  writeFileSync(MODE, "null");
  await bench.page.locator(".notification-list-item-buttons-container .monaco-button").first().click();
  await bench.seesStatus(/dlm ready/);
  assert.equal(await state(), "ready");
});
