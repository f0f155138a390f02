// Where it begins: makes the parts and puts them together.
import { mkdirSync } from "node:fs";
import * as vscode from "vscode";
import { Acceptance } from "./acceptance";
import { registerCommands } from "./commands";
import { registerReports } from "./doctor";
import { Session } from "./session";
import { SECTION, serverPlace } from "./settings";
import { environmentPath } from "./setup";
import { makeStatusItem } from "./status";

let session: Session | undefined;

/** What other extensions, and tests, may ask. */
export interface Api {
  acceptance: () => Acceptance["snapshot"];
  state: () => string;
}

export function activate(context: vscode.ExtensionContext): Api {
  const log = vscode.window.createOutputChannel("dlm-lsp", { log: true });
  // The server and what is asked of it run in a folder of ours: Python imports modules from where it stands.
  const cwd = context.globalStorageUri.fsPath;
  mkdirSync(cwd, { recursive: true });
  const acceptance = new Acceptance(context.globalState, () => session?.client);
  const { version } = context.extension.packageJSON as { version: string };
  const places = () => ({ path: serverPlace().path, environment: environmentPath(context), version, cwd });
  const made = new Session(places, { log, acceptance });
  session = made;
  context.subscriptions.push(
    log,
    acceptance,
    made,
    makeStatusItem(made),
    registerReports(),
    registerCommands({ context, session: made, acceptance, log, cwd }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(`${SECTION}.server.path`)) void made.restart();
    }),
  );
  void made.restart();
  return { acceptance: () => acceptance.snapshot, state: () => made.state.state };
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}
