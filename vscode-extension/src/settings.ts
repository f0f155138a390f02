// The settings as VS Code has them. Which there are is written by docs/generate.py from the server's settings.py.
import * as vscode from "vscode";

export const SECTION = "dlm-lsp";

/** The extension's own settings; the server does not know them. */
export interface ServerPlace {
  path: string;
  python: string;
  package: string;
}

export function serverPlace(): ServerPlace {
  return { path: ofUser("server.path"), python: ofUser("server.python"), package: ofUser("server.package") };
}

/** A setting as the user has it. In older VS Codes a workspace's `"dlm-lsp": {…}` gets past the scopes of what is in it. */
function ofUser(name: string): string {
  const found = vscode.workspace.getConfiguration(SECTION).inspect<string>(name);
  return (found?.globalValue ?? found?.defaultValue ?? "").trim();
}

/** Take back the path to a server: the one that was installed since is meant. */
export async function forgetPath(): Promise<void> {
  if (serverPlace().path) {
    await vscode.workspace
      .getConfiguration(`${SECTION}.server`)
      .update("path", undefined, vscode.ConfigurationTarget.Global);
  }
}

/** What of our section is the server's; which model is loaded, the user alone decides. */
export function serverSettings(section: unknown): unknown {
  if (typeof section !== "object" || section === null) return section;
  const others = Object.entries(section).filter(([name]) => name !== "server" && name !== "trace");
  return { ...Object.fromEntries(others), model: ofUser("model") };
}

/** Whether completions are wanted in a document: `enabled` may differ between languages, which the server does not know. */
export function isOn(document: vscode.TextDocument): boolean {
  return vscode.workspace.getConfiguration(SECTION, document).get("enabled", true);
}

/** Turn completions on or off: everywhere, or for a language; where the setting stands already, else for the user. */
export async function toggle(languageId?: string): Promise<void> {
  const scope = languageId === undefined ? undefined : { languageId };
  const settings = vscode.workspace.getConfiguration(SECTION, scope);
  const found = settings.inspect<boolean>("enabled");
  const inWorkspace = languageId === undefined ? found?.workspaceValue : found?.workspaceLanguageValue;
  const target = inWorkspace === undefined ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
  await settings.update("enabled", !settings.get("enabled", true), target, languageId !== undefined);
}
