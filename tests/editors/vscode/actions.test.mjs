// Commands and code actions in VS Code, with a scripted model: what is offered, that it is shown before it is made, what the text is
// then. Each name says which mistake would make it fail.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { scripted, SERVER, testIn, until, Workbench } from "./workbench.mjs";

const model = scripted([
  { after: "def add(a, b):\n    ", before: "\n", answer: "return a + b" },
  { after: "def twice(a):\n    ", before: "\n", answer: "return 2 * a" },
  { after: "def slow(a, b):\n    ", before: "\n", answer: "return a + b + a + b", confidence: 0.5 },
  { after: "area = width ", before: "\n", answer: "* height" },
  { after: "def pick(a, b):\n    ", before: "\n", answer: "return a", alternatives: ["return b"] },
  { after: "def broken(a):\n    ", before: "\n    return", answer: "value = (a + 1)" },
], { step_ms: 20 });
const STUBS = "def add(a, b):\n    ...\n\n\ndef twice(a):\n    pass\n";
const FILLED = "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return 2 * a\n";
let bench;

before(async () => {
  bench = await Workbench.start({
    machine: { "dlm-lsp.server.path": SERVER, "dlm-lsp.model": model, "dlm-lsp.candidates": 2, "dlm-lsp.deadlineMs": 60_000 },
  });
  await bench.write("warm.py", "x = 1\n");
  await bench.seesStatus(/dlm (ready|\d+ ms)/);
});
after(() => bench?.close());

const it = testIn(() => bench);

/** The refactor preview, then its Apply; the text must not have changed before. */
async function confirm(code, untouched, picture) {
  await code.page.waitForSelector(".refactor-preview .monaco-button:not(.disabled), .bulk-edit-panel .monaco-button:not(.disabled)");
  assert.equal(await code.text(), untouched);
  if (picture) await code.shot(picture);
  await code.page.locator(".monaco-button:not(.disabled)", { hasText: "Apply" }).first().click();
}

async function offered(code) {
  await code.press("Control+.");
  await code.page.waitForSelector(".action-widget:not(.action-list-submenu-panel) .monaco-list-row");
  return code.page.locator(".action-widget:not(.action-list-submenu-panel) .monaco-list-row.action");
}

it("fill this function: fails if the key does nothing, the text changes without being shown, or the stub stays", async (code) => {
  await code.write("function.py", STUBS, 1, 4);
  await code.press("Control+k", "b");
  await confirm(code, STUBS, "preview");
  await until(async () => (await code.text()) === STUBS.replace("...", "return a + b"), "the body");
  assert.equal(await code.saved("function.py"), STUBS.replace("...", "return a + b"));
});

it("fill all stubs in this file: fails if one is left out, or they are mixed up", async (code) => {
  await code.write("stubs.py", STUBS, 0, 0);
  code.begin("dlmLsp.fillStubs");
  await confirm(code, STUBS, "stubs");
  await until(async () => (await code.text()) === FILLED, "both bodies");
});

it("regenerate the selection: fails if anything else changes", async (code) => {
  const text = "width = 3\nheight = 4\narea = width + 17\nprint(area)\n";
  await code.write("area.py", text, 2, 13, 2, 17);
  code.begin("dlmLsp.regenerate");
  await confirm(code, text, "regenerate");
  await until(async () => (await code.text()) === text.replace("+ 17", "* height"), "the new end of the line");
});

it("repair: fails if the broken line stays broken, or another is touched", async (code) => {
  const text = "def broken(a):\n    value = (a + \n    return value\n";
  await code.write("broken.py", text, 1, 17);
  code.begin("dlmLsp.repair");
  await confirm(code, text, "repair");
  await until(async () => (await code.text()) === text.replace("(a + ", "(a + 1)"), "the repaired line");
});

it("the lightbulb: fails if an action is missing, named otherwise, or not shown before it is made", async (code) => {
  await code.write("bulb.py", STUBS, 1, 4);
  const rows = await offered(code);
  const titles = await rows.allTextContents();
  await code.shot("lightbulb");
  for (const title of ["Fill this function", "Fill every stub in this file"]) {
    assert.ok(titles.some((each) => each.includes(title)), `${title} in ${titles.join(" | ")}`);
  }
  await rows.filter({ hasText: "Fill this function" }).click();
  await confirm(code, STUBS);
  await until(async () => (await code.text()) === STUBS.replace("...", "return a + b"), "the body");
});

it("another answer from the lightbulb: fails if it is not listed, or comes unticked and Apply does nothing", async (code) => {
  await code.write("pick.py", "def pick(a, b):\n    ...\n", 1, 4);
  code.begin("dlmLsp.fillFunction");
  await confirm(code, "def pick(a, b):\n    ...\n");
  await until(async () => /return [ab]\n/.test(await code.text()), "an answer");
  const first = await code.text();
  await code.open("pick.py", 1, 4);
  await (await offered(code)).filter({ hasText: "Use answer" }).first().click();
  await confirm(code, first);
  const other = first.includes("return a") ? first.replace("return a", "return b") : first.replace("return b", "return a");
  await until(async () => (await code.text()) === other, "the other answer");
});

it("all stubs in the selection: fails if one outside of it is filled", async (code) => {
  await code.write("selected.py", STUBS, 0, 0, 1, 7);
  code.begin("dlmLsp.fillSelectedStubs");
  await confirm(code, STUBS);
  await until(async () => (await code.text()) === STUBS.replace("...", "return a + b"), "one body");
});

it("free, restart, log: fails if the memory is not freed, the server does not come back, or no log is shown", async (code) => {
  await code.command("dlmLsp.free");
  await code.seesStatus(/dlm asleep/);
  await code.command("dlmLsp.restart");
  await code.seesStatus(/dlm (ready|\d+ ms)/);
  await code.command("dlmLsp.showLog");
  await code.page.waitForSelector(".panel .output-view, .part.panel .monaco-editor");
  await code.command("workbench.action.closePanel");
});

it("the lightbulb at a selection and at broken lines: fails if regenerate or repair is not there", async (code) => {
  await code.write("bulb2.py", "width = 3\narea = width + 17\n", 1, 13, 1, 17);
  assert.ok((await (await offered(code)).allTextContents()).some((title) => title.includes("Regenerate selection")));
  await code.press("Escape");
  await code.write("bulb3.py", "total = ((\nprint(total)\n", 0, 8);
  assert.ok((await (await offered(code)).allTextContents()).some((title) => title.includes("Repair the broken lines")));
  await code.press("Escape");
});

it("a preview discarded: fails if the text changes all the same", async (code) => {
  await code.write("discard.py", STUBS, 1, 4);
  code.begin("dlmLsp.fillFunction");
  await code.page.waitForSelector(".refactor-preview .monaco-button:not(.disabled), .bulk-edit-panel .monaco-button:not(.disabled)");
  await code.page.locator(".monaco-button:not(.disabled)", { hasText: "Discard" }).first().click();
  await code.page.waitForTimeout(500);
  assert.equal(await code.text(), STUBS);
});

it("nothing to do: fails if a command that makes no sense here says nothing", async (code) => {
  await code.write("nothing.py", "x = 1\n", 0, 0);
  code.begin("dlmLsp.fillFunction");
  await until(async () => (await code.notifications()).some(({ message }) => message.startsWith("dlm-lsp:")), "a sentence");
  await code.command("notifications.clearAll");
});

it("watch it denoise: fails if steps are not drawn, the answer cannot be put in, or it is put into a changed text", async (code) => {
  await code.write("watch.py", "def slow(a, b):\n    \n", 1, 4);
  code.begin("dlmLsp.watch");
  let frame;
  await until(async () => {
    for (const each of code.page.frames()) if (await each.$("#canvas").catch(() => null)) frame = each;
    return frame;
  }, "the panel");
  await until(async () => /^Step \d+/.test(await frame.textContent("#head")), "a step");
  await until(async () => (await frame.locator(".token").count()) > 2, "tokens");
  await code.shot("watch");
  await until(async () => /^Done/.test(await frame.textContent("#head")), "the end");
  assert.ok(Number(await frame.getAttribute("#slider", "max")) >= 4);
  await frame.locator("#answers button", { hasText: "return a + b + a + b" }).click();
  await until(
    async () => (await code.run("return vscode.workspace.textDocuments.find((each) => each.fileName.endsWith('watch.py')).getText()")) === "def slow(a, b):\n    return a + b + a + b\n",
    "the text",
  );
  await code.shot("watch-done");
  await frame.locator("#answers button", { hasText: "return a + b + a + b" }).click();
  await until(async () => (await code.notifications()).some(({ message }) => message.includes("changed since")), "a refusal");
  await code.command("notifications.clearAll");
  await code.command("workbench.action.closeEditorsInOtherGroups");
});

it("the doctor: fails if it does not say what is installed and what became of the offers", async (code) => {
  await code.write("doctor.py", "def add(a, b):\n    \n", 1, 4);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
  await code.press("Tab");
  await until(async () => (await code.text()).includes("return a + b"), "the text");
  code.begin("dlmLsp.doctor");
  await until(async () => (await code.text())?.startsWith("# dlm-lsp doctor"), "the report", 120_000);
  const report = await code.text();
  assert.match(report, /accepted [1-9]/);
  assert.match(report, /Python 3\.\d+/);
  await code.shot("doctor");
});

it("first steps: fails if the walkthrough cannot be opened or has not four steps", async (code) => {
  await code.command("dlmLsp.walkthrough");
  await code.page.waitForSelector(".getting-started-step");
  assert.equal(await code.page.locator(".getting-started-step").count(), 4);
  await code.shot("walkthrough");
});

it("switch the model: fails if the choice is not that of the server, or the switch is not made", async (code) => {
  code.begin("dlmLsp.switchModel");
  const row = code.page.locator(".quick-input-list .monaco-list-row", { hasText: "nano" });
  await row.waitFor();
  await code.shot("models");
  await row.click();
  await until(() => code.run("return vscode.workspace.getConfiguration('dlm-lsp').get('model') === 'nano'"), "the setting");
});
