// Switching the model: a choice among those that are on this machine, and loading it while the old one still answers.
import * as vscode from "vscode";
import { SwitchModelRequest } from "./protocol";
import { run } from "./run";
import type { Session } from "./session";
import { SECTION } from "./settings";

interface Choice extends vscode.QuickPickItem {
  model?: string;
}

const LIST_MS = 30_000;
const FOLDER = "A folder with a checkpoint…";
const NAME = "A downloaded one, by name…";

export async function switchModel(session: Session, cwd: string): Promise<void> {
  const { client, server } = session;
  if (!client || !server) return;
  const model = await choose(await known(server.command, cwd), session.state.status?.model);
  if (!model) return;
  const options = { location: vscode.ProgressLocation.Notification, title: `Loading ${model}`, cancellable: true };
  const { loaded, message } = await vscode.window.withProgress(options, (_, token) =>
    client.sendRequest(SwitchModelRequest, { model }, token).catch((error: unknown) => {
      return { loaded: false, message: token.isCancellationRequested ? "" : String(error) };
    }),
  );
  if (loaded)
    await vscode.workspace.getConfiguration(SECTION).update("model", model, vscode.ConfigurationTarget.Global);
  else if (message) void vscode.window.showErrorMessage(`dlm-lsp: ${message}`);
}

/** The bundled and the downloaded ones, as the server's own list has them. */
async function known(command: string, cwd: string): Promise<Choice[]> {
  const ran = await run(command, ["models", "list", "--json"], { cwd, timeoutMs: LIST_MS });
  try {
    const found = JSON.parse(ran.stdout) as { name: string; family: string; bytes: number }[];
    return found.map(({ name, family, bytes }) => ({
      label: name,
      description: `${family}, ${Math.round(bytes / 1e6)} MB`,
      model: name,
    }));
  } catch {
    return [];
  }
}

async function choose(choices: Choice[], current: string | undefined): Promise<string | undefined> {
  const separator = { label: "", kind: vscode.QuickPickItemKind.Separator };
  const marked = choices.map((choice) => ({ ...choice, iconPath: icon(choice.model === current) }));
  const chosen = await vscode.window.showQuickPick<Choice>([...marked, separator, { label: FOLDER }, { label: NAME }], {
    title: "Which model fills the holes?",
    placeHolder: "Larger ones are downloaded with: dlm-lsp models pull OWNER/NAME",
  });
  if (chosen?.label === FOLDER) {
    const folders = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false });
    return folders?.[0]?.fsPath;
  }
  if (chosen?.label === NAME) return vscode.window.showInputBox({ prompt: "OWNER/NAME, or a path" });
  return chosen?.model;
}

function icon(isCurrent: boolean): vscode.ThemeIcon {
  return new vscode.ThemeIcon(isCurrent ? "check" : "blank");
}
