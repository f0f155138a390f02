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
  const settings = vscode.workspace.getConfiguration(`${SECTION}.server`);
  const text = (name: string) => settings.get<string>(name, "").trim();
  return { path: text("path"), python: text("python"), package: text("package") };
}

/** Take back the path to a server: the one that was installed since is meant. */
export async function forgetPath(): Promise<void> {
  if (serverPlace().path) {
    await vscode.workspace
      .getConfiguration(`${SECTION}.server`)
      .update("path", undefined, vscode.ConfigurationTarget.Global);
  }
}

/** What of our section is the server's. */
export function serverSettings(section: unknown): unknown {
  if (typeof section !== "object" || section === null) return section;
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== "server"));
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
