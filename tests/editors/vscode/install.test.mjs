// A machine without the server: it is offered, made in an environment of its own, and what goes wrong is said once with what mends it.
// Each name says which mistake would make it fail.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { ROOT, scripted, testIn, until, Workbench } from "./workbench.mjs";

const model = scripted([{ after: "def add(a, b):\n    ", before: "\n", answer: "return a + b" }]);
const INSTALL_MS = 240_000;
let bench;
const it = testIn(() => bench);

before(async () => {
  // PyTorch is not installed for this test: the wheel alone, and the index cannot be reached.
  const env = { PIP_NO_DEPS: "1", PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_RETRIES: "0" };
  bench = await Workbench.start({ machine: { "dlm-lsp.model": model, "dlm-lsp.deadlineMs": 60_000 }, env });
  await bench.write("add.py", "def add(a, b):\n    \n", 1, 4);
});
afterEach(() => bench.command("notifications.clearAll"));
after(() => bench?.close());

const environment = () => join(bench.home, "data/User/globalStorage/dlm-lsp.dlm-lsp/server-environment");
const messages = async () => (await bench.notifications()).map(({ message }) => message).join("|");
const set = (name, value) =>
  bench.run("await vscode.workspace.getConfiguration('dlm-lsp.server').update(args.name, args.value, vscode.ConfigurationTarget.Global)", { name, value });
const button = (text) => bench.page.locator(".notification-list-item-buttons-container .monaco-button", { hasText: text }).first();

it("no network: fails if it is not said, or half an environment stays behind", async () => {
  await until(async () => /not installed on this machine/.test(await messages()), "the offer");
  await bench.shot("install-offer");
  await set("package", "no-such-package==1.0");
  await button("Install the server").click();
  await until(async () => /could not be installed/.test(await messages()), "the reason", INSTALL_MS);
  assert.ok(!existsSync(environment()));
});

it("cancel: fails if the status is an old one, pip goes on, or something is left", async () => {
  const hanging = createServer(() => undefined).listen(0, "127.0.0.1");
  hanging.unref();
  await once(hanging, "listening");
  await set("package", `http://127.0.0.1:${hanging.address().port}/server-1.0-py3-none-any.whl`);
  bench.begin("dlmLsp.install");
  await until(() => existsSync(join(environment(), "bin/pip")), "the environment", INSTALL_MS);
  await bench.seesStatus(/dlm starting/); // and not what was wrong before
  await bench.page.waitForTimeout(1500);
  await bench.shot("install-progress");
  await button("Cancel").click();
  await until(() => !existsSync(environment()), "nothing left");
  hanging.closeAllConnections();
  hanging.close();
  assert.ok(!/could not/.test(await messages()));
});

it("no Python: fails if the way out is not to choose one", async () => {
  await set("python", "/no/such/python");
  bench.begin("dlmLsp.install");
  await until(async () => /is not a Python of version 3.11 or newer/.test(await messages()), "the reason");
  assert.ok(await button("Choose a Python").isVisible());
  await set("python", "");
});

it("installed: fails if the wheel in the .vsix does not start, or a missing package is not named", async () => {
  await set("package", "");
  bench.begin("dlmLsp.install");
  await until(async () => /lacks the package/.test(await messages()), "what is missing, as the index was not asked", INSTALL_MS);
  const site = join(environment(), "lib", readdirSync(join(environment(), "lib"))[0], "site-packages");
  const ours = execFileSync(join(ROOT, ".venv/bin/python"), ["-c", "import pygls; print(pygls.__path__[0] + '/..')"]).toString();
  writeFileSync(join(site, "rest.pth"), ours);
  await bench.command("dlmLsp.restart");
  await bench.seesStatus(/dlm (ready|\d+ ms)/);
  await bench.open("add.py", 1, 4);
  await bench.command("dlmLsp.fillHere");
  await bench.seesGhost("return a + b");
});
