// Offers in VS Code, with a scripted model: what is drawn, what the keys do, what the saved file holds. Each name says which mistake
// would make it fail.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before } from "node:test";
import { scripted, SERVER, testIn, until, Workbench } from "./workbench.mjs";

const SUM = "result = 0\n    for item in items:\n        result += item\n    return result";
const model = scripted([
  { after: "def add(a, b):\n    ", before: "\n", answer: "return a + b" },
  { after: "def total(items):\n    ", before: "\n", answer: SUM },
  { after: "def pick(a, b):\n    ", before: "\n", answer: "return a", alternatives: ["return b", "return a or b"] },
  { after: "smile = '😀', ", before: "\n", answer: "'🎉'" },
  { after: "value = list.", before: "(items)\n", answer: "append" },
  { after: "LINES = ", before: "\n", answer: "'twenty thousand'" },
  { after: "answer = ", before: "\n", answer: "question + 1" },
]);
const ADD = "def add(a, b):\n    \n";
let bench;

before(async () => {
  bench = await Workbench.start({ machine: { "dlm-lsp.server.path": SERVER, "dlm-lsp.model": model, "dlm-lsp.deadlineMs": 60_000 } });
  await bench.write("warm.py", "x = 1\n");
  await bench.seesStatus(/dlm (ready|\d+ ms)/);
});
after(() => bench?.close());

const it = testIn(() => bench);

const worker = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return line.includes("dlm_lsp.worker") && readFileSync(`/proc/${pid}/environ`, "utf8").includes(bench.home);
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);

const counts = () => bench.run("return vscode.extensions.getExtension('dlm-lsp.dlm-lsp').exports.acceptance()");

it("typing, ghost text, Tab: fails if nothing is drawn, or the file holds anything else", async (code) => {
  await code.write("add.py", ADD, 1, 4);
  await code.type("r");
  await code.seesGhost("eturn a + b");
  await code.shot("ghost-line");
  assert.equal(await code.text(), "def add(a, b):\n    r\n");
  await code.press("Tab");
  await until(async () => (await code.text()) === "def add(a, b):\n    return a + b\n", "the accepted text");
  assert.equal(await code.saved("add.py"), "def add(a, b):\n    return a + b\n");
});

it("several lines after Enter: fails if lines are lost, indented twice, or Tab indents instead", async (code) => {
  await code.write("total.py", "def total(items):\n", 0, 17);
  await code.press("End", "Enter");
  await code.seesGhost("result = 0\n    for item in items:\n        result += item\n    return result");
  await code.shot("ghost-lines");
  await code.press("Tab");
  await until(async () => (await code.text()) === `def total(items):\n    ${SUM}\n`, "all lines");
});

it("fill here now: fails if the command shows nothing where nobody has typed", async (code) => {
  await code.write("here.py", ADD, 1, 4);
  assert.equal(await code.ghost(), "");
  await code.press("Control+k", "h");
  await code.seesGhost("return a + b");
  await code.press("Escape");
  await code.seesGhost("");
  assert.equal(await code.text(), ADD);
});

it("a word, a line: fails if more or less is taken, or the rest vanishes", async (code) => {
  await code.write("words.py", "def total(items):\n    \n", 1, 4);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost(SUM);
  await code.press("Control+ArrowRight");
  await until(async () => /^def total\(items\):\n {4}result\n$/.test(await code.text()), "one word");
  await code.seesGhost(SUM.slice("result".length));
  await code.shot("ghost-after-word");
  await code.command("editor.action.inlineSuggest.acceptNextLine");
  await until(async () => (await code.text()).startsWith("def total(items):\n    result = 0"), "one line");
  assert.ok(!(await code.text()).includes("for"));
  const { word, line } = await counts();
  assert.deepEqual([word >= 1, line >= 1], [true, true]);
});

it("typing through: fails if the offer goes away while the user types just that, or the text is doubled", async (code) => {
  await code.write("through.py", ADD, 1, 4);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
  await code.type("return");
  await code.seesGhost(" a + b");
  await code.press("Tab");
  await until(async () => (await code.text()) === "def add(a, b):\n    return a + b\n", "the text once");
});

it("typing something else: fails if the offer stays, or anything of it gets into the text", async (code) => {
  await code.write("over.py", ADD, 1, 4);
  const before = await counts();
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
  await code.type("x = 5");
  await code.press("Escape");
  await code.seesGhost("");
  assert.equal(await code.saved("over.py"), "def add(a, b):\n    x = 5\n");
  assert.equal((await counts()).typedOver, before.typedOver + 1);
});

it("the next candidate: fails if the others are not asked for, or the wrong one is taken", async (code) => {
  await code.write("pick.py", "def pick(a, b):\n    \n", 1, 4);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a");
  await code.command("dlmLsp.nextCandidate");
  await code.seesGhost("return b");
  await code.shot("candidates");
  await code.press("Alt+]");
  await code.seesGhost("return a or b");
  await code.command("dlmLsp.previousCandidate");
  await code.seesGhost("return b");
  await code.press("Tab");
  await until(async () => (await code.text()) === "def pick(a, b):\n    return b\n", "the second");
});

it("CRLF: fails if line ends are mixed in the saved file", async (code) => {
  await code.write("crlf.py", "import os\r\n\r\ndef total(items):\r\n    \r\n", 3, 4);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost(SUM);
  await code.press("Tab");
  await until(async () => (await code.text()).includes("return result"), "the text");
  const text = await code.saved("crlf.py");
  assert.equal(text, `import os\r\n\r\ndef total(items):\r\n    ${SUM.replaceAll("\n", "\r\n")}\r\n`);
});

it("emoji before the cursor: fails if characters are counted in other units than the editor's", async (code) => {
  await code.write("emoji.py", "smile = '😀', \n", 0, 14);
  await code.press("End");
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("'🎉'");
  await code.press("Tab");
  await until(async () => (await code.text()) === "smile = '😀', '🎉'\n", "the text");
});

it("in the middle of a line: fails if what stands behind the cursor is replaced", async (code) => {
  await code.write("middle.py", "value = list.(items)\n", 0, 13);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("append");
  await code.press("Tab");
  await until(async () => (await code.text()) === "value = list.append(items)\n", "the rest untouched");
});

it("20,000 lines: fails if an offer in a large file takes seconds", async (code) => {
  await code.write("small.py", "LINES = \n", 0, 8);
  await code.command("dlmLsp.fillHere");
  const beganSmall = Date.now(); // how busy the machine is
  await code.seesGhost("'twenty thousand'");
  const smallMs = Date.now() - beganSmall;
  const lines = Array.from({ length: 20_000 }, (_, i) => `value_${i} = ${i}\n`).join("");
  await code.write("large.py", `${lines}LINES = \n`, 20_000, 8);
  await code.press("Control+End", "ArrowUp", "End");
  await code.command("dlmLsp.fillHere");
  const began = Date.now();
  await code.seesGhost("'twenty thousand'");
  const largeMs = Date.now() - began;
  assert.ok(largeMs < 5000 + 5 * smallMs, `${largeMs} ms, in a small file ${smallMs} ms`);
  await code.press("Tab");
  await until(async () => (await code.text()).endsWith("LINES = 'twenty thousand'\n"), "the text");
});

it("a notebook cell: fails if cells get no offers, or the other cells are touched", async (code) => {
  const cell = (source) => ({ cell_type: "code", execution_count: null, metadata: {}, outputs: [], source });
  const metadata = { language_info: { name: "python" } };
  const book = { cells: [cell("question = 41"), cell("answer = \n")], metadata, nbformat: 4, nbformat_minor: 5 };
  await code.run(
    `const uri = vscode.Uri.file(args.path);
     await vscode.workspace.fs.writeFile(uri, Buffer.from(JSON.stringify(args.book)));
     const notebook = await vscode.workspace.openNotebookDocument(uri);
     await vscode.window.showNotebookDocument(notebook, { selections: [new vscode.NotebookRange(1, 2)] });
     await vscode.commands.executeCommand("notebook.cell.edit");`,
    { path: `${code.folder}/book.ipynb`, book },
  );
  await code.page.waitForSelector(".cell .monaco-editor.focused");
  await code.press("Control+Home", "End");
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("question + 1");
  await code.shot("notebook");
  await code.press("Tab");
  const cells = () => code.run("return vscode.window.activeNotebookEditor.notebook.getCells().map((cell) => cell.document.getText())");
  await until(async () => (await cells())[1] === "answer = question + 1\n", "the cell's text");
  assert.equal((await cells())[0], "question = 41");
  await code.run("await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor')");
});

it("the worker killed: fails if it does not come back, or the user has to do anything", async (code) => {
  await code.write("killed.py", ADD, 1, 4);
  const [pid] = worker();
  process.kill(pid, "SIGKILL");
  await until(() => worker().length === 1 && worker()[0] !== pid, "another worker");
  await code.type("r");
  await code.seesGhost("eturn a + b");
  assert.deepEqual(await code.notifications(), []);
});

it("off: fails if the model is still there or asked, or on again needs more than the switch", async (code) => {
  await code.write("off.py", ADD, 1, 4);
  await code.command("dlmLsp.toggle");
  await code.seesStatus(/dlm off/);
  await until(() => worker().length === 0, "the worker gone");
  await code.type("r");
  await code.page.waitForTimeout(700);
  assert.deepEqual([await code.ghost(), worker()], ["", []]);
  await code.shot("off");
  await code.command("dlmLsp.toggle");
  await code.press("Backspace");
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
});

it("off for Python alone: fails if other settings of the language go, or it is not off", async (code) => {
  await code.write("python.py", ADD, 1, 4);
  await code.command("dlmLsp.toggleLanguage");
  await code.seesStatus(/dlm off/);
  await code.type("r");
  await code.page.waitForTimeout(700);
  assert.equal(await code.ghost(), "");
  await code.command("dlmLsp.toggleLanguage");
  await code.press("Backspace");
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
});

it("two cursors: fails if an offer is made for one that would be pasted at both", async (code) => {
  await code.write("two.py", `${ADD}${ADD}`, 1, 4);
  await code.run(
    `const at = (line) => new vscode.Selection(line, 4, line, 4);
     vscode.window.activeTextEditor.selections = [at(1), at(3)];`,
  );
  await code.command("dlmLsp.fillHere");
  await code.page.waitForTimeout(700);
  assert.equal(await code.ghost(), "");
});

it("the status bar and its menu: fails if latency or model are not told, or a click does nothing", async (code) => {
  await code.write("menu.py", ADD, 1, 4);
  await code.command("dlmLsp.fillHere");
  await code.seesGhost("return a + b");
  await code.seesStatus(/dlm \d+ ms/);
  await code.page.click('[id*="dlmLsp.status"] a');
  await code.page.waitForSelector(".quick-input-list .monaco-list-row");
  const entries = await code.page.locator(".quick-input-list .monaco-list-row").allTextContents();
  assert.ok(entries.some((entry) => entry.includes("Doctor")) && entries.some((entry) => entry.includes("for python")), entries.join("|"));
  await code.press("Escape");
});

it("keys: fails if one of ours is somebody's already, or a command has no key, title or icon that it should have", async (code) => {
  const text = await code.run(
    "return (await vscode.workspace.openTextDocument(vscode.Uri.parse('vscode://defaultsettings/keybindings.json'))).getText()",
  );
  // Markdown's rich editor has keys of its own; Alt+] and Alt+[ do the same as before, and more.
  const apart = /^(dlmLsp\.|markdown\.editor\.|editor\.action\.accessibleView|editor\.action\.inlineSuggest\.show)/;
  const taken = [...text.matchAll(/"key":\s*"([^"]+)",\s*"command":\s*"([^"]+)"/g)].filter(([, , id]) => !apart.test(id));
  const { commands, keybindings } = (await code.run("return vscode.extensions.getExtension('dlm-lsp.dlm-lsp').packageJSON")).contributes;
  const collide = keybindings.flatMap(({ key }) => taken.filter(([, other]) => other === key || key.startsWith(`${other} `)));
  assert.ok(taken.length > 500);
  assert.deepEqual(collide.map(([, key, id]) => `${key} ${id}`), []);
  assert.deepEqual(commands.filter(({ title, icon }) => !title || !icon), []);
  const known = await code.run("return await vscode.commands.getCommands(true)");
  assert.deepEqual(commands.filter(({ command }) => !known.includes(command)), []);
});
