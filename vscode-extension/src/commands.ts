// The commands of the palette, the keys and the menu. What they do to code is the server's business.
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { Acceptance } from "./acceptance";
import { wantOthers } from "./completions";
import { showDoctor } from "./doctor";
import { switchModel } from "./models";
import type { Place } from "./protocol";
import { FreeRequest } from "./protocol";
import type { Session } from "./session";
import { forgetPath, isOn, SECTION, toggle } from "./settings";
import { installServer } from "./setup";
import { watch } from "./watch";

export interface Parts {
  context: vscode.ExtensionContext;
  session: Session;
  acceptance: Acceptance;
  log: vscode.LogOutputChannel;
  cwd: string;
}

export function registerCommands(parts: Parts): vscode.Disposable {
  const { context, session, acceptance, log, cwd } = parts;
  const version = (context.extension.packageJSON as { version: string }).version;
  const builtIn = (id: string) => () => vscode.commands.executeCommand(id);
  const settings = (query: string) => () => vscode.commands.executeCommand("workbench.action.openSettings", query);
  const commands: Record<string, () => unknown> = {
    fillHere: builtIn("editor.action.inlineSuggest.trigger"),
    nextCandidate: () => another(acceptance, "editor.action.inlineSuggest.showNext"),
    previousCandidate: () => another(acceptance, "editor.action.inlineSuggest.showPrevious"),
    fillFunction: () => rewrite(session, "fillFunction"),
    fillStubs: () => rewrite(session, "fillStubs"),
    fillSelectedStubs: () => rewrite(session, "fillSelectedStubs"),
    regenerate: () => rewrite(session, "regenerate"),
    regenerateUnsure: () => rewrite(session, "regenerateUnsure"),
    repair: () => rewrite(session, "repair"),
    watch: () => withServer(session, (client) => watch(client, context.extensionUri)),
    switchModel: () => withServer(session, () => switchModel(session, cwd)),
    free: () => withServer(session, (client) => client.sendRequest(FreeRequest)),
    toggle: () => toggle(),
    toggleLanguage: () => toggle(vscode.window.activeTextEditor?.document.languageId ?? "python"),
    restart: () => session.restart(),
    install: () => installAndStart(parts),
    showLog: () => {
      log.show();
    },
    doctor: () => showDoctor(session, acceptance, version, cwd),
    menu: () => showMenu(session),
    openPathSetting: settings(`${SECTION}.server.path`),
    openPythonSetting: settings(`${SECTION}.server.python`),
    tryIt,
    walkthrough: () =>
      vscode.commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#start`),
  };
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(`dlmLsp.${name}`, run)),
  );
}

/** Go to another candidate. VS Code takes those that it has for all there are, and does not ask again while one is shown. */
async function another(acceptance: Acceptance, command: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor && acceptance.count(editor) === 1) {
    wantOthers(true);
    try {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    } finally {
      wantOthers(false);
    }
  }
  await vscode.commands.executeCommand(command);
}

/** Do what needs the server; where it does not run, say so, and offer to start it. */
async function withServer(session: Session, work: (client: LanguageClient) => unknown): Promise<void> {
  if (session.client) {
    await work(session.client);
    return;
  }
  const chosen = await vscode.window.showInformationMessage("dlm-lsp: The server is not running.", "Start it");
  if (chosen) await session.restart();
}

/** Have the server write something anew; it shows the edit before it is made. */
async function rewrite(session: Session, action: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return;
  await withServer(session, ({ code2ProtocolConverter: as }) => {
    const { document, selection } = editor;
    const place: Place = { uri: as.asUri(document.uri), range: as.asRange(selection), version: document.version };
    return vscode.commands.executeCommand(`dlm-lsp.${action}`, place);
  });
}

const TRIAL = "def celsius_to_fahrenheit(celsius):\n    \n";

async function tryIt(): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ content: TRIAL, language: "python" });
  const cursor = new vscode.Position(1, 4);
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(cursor, cursor) });
  await vscode.commands.executeCommand("dlmLsp.fillHere");
}

let installing = false;

async function installAndStart({ context, session, log }: Parts): Promise<void> {
  if (installing) return;
  installing = true;
  try {
    await session.stop();
    session.rest("The server is being installed.", "starting");
    const failure = await installServer(context, log);
    if (!failure) await forgetPath();
    if (failure === "cancelled") session.rest("The server is not installed.");
    else if (failure) session.fail(failure);
    else await session.restart();
  } finally {
    installing = false;
  }
}

async function showMenu(session: Session): Promise<void> {
  const entry = (label: string, command: string) => ({ label, command });
  const document = vscode.window.activeTextEditor?.document;
  const other = (on: boolean) => (on ? "off" : "on");
  const here = other(document ? isOn(document) : true);
  const everywhere = other(vscode.workspace.getConfiguration(SECTION).get("enabled", true));
  const entries = [
    entry("$(sparkle) Fill here now", "fillHere"),
    entry("$(eye) Watch it denoise", "watch"),
    entry(`$(circle-slash) Switch completions ${everywhere}`, "toggle"),
    ...(document
      ? [entry(`$(circle-slash) Switch completions ${here} for ${document.languageId} alone`, "toggleLanguage")]
      : []),
    entry("$(arrow-swap) Switch the model…", "switchModel"),
    entry("$(clear-all) Free the model's memory", "free"),
    entry("$(debug-restart) Restart the server", "restart"),
    entry("$(output) Show the log", "showLog"),
    entry("$(pulse) Doctor", "doctor"),
    entry("$(book) First steps", "walkthrough"),
  ];
  const chosen = await vscode.window.showQuickPick(entries, { title: "dlm-lsp", placeHolder: session.state.message });
  if (chosen) await vscode.commands.executeCommand(`dlmLsp.${chosen.command}`);
}
