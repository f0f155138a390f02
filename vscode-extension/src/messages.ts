// What the server tells the user, with the button that mends it. In: a message of the protocol. Out: one on the screen.
import * as vscode from "vscode";
import type { ShowMessageParams } from "vscode-languageclient/node";
import { MessageType } from "vscode-languageclient/node";
import { SECTION } from "./settings";

type Cure = [title: string, command: string, ...args: string[]];

/** The server's sentences begin so; one that is not known here is shown without a button. */
const CURES: [RegExp, Cure][] = [
  [/^dlm-lsp gives no completions: the model's process ended/, ["Start it again", "dlmLsp.restart"]],
  [/^dlm-lsp gives no completions: /, ["Choose a model", "dlmLsp.switchModel"]],
  [/^dlm-lsp goes on without these settings: /, ["Open the settings", "workbench.action.openSettings", SECTION]],
];

export async function showMessage({ type, message }: ShowMessageParams): Promise<void> {
  const cure = CURES.find(([pattern]) => pattern.test(message))?.[1];
  const { showErrorMessage, showWarningMessage, showInformationMessage } = vscode.window;
  const isWarning = type === MessageType.Warning;
  const show = type === MessageType.Error ? showErrorMessage : isWarning ? showWarningMessage : showInformationMessage;
  const chosen = await show(message, ...(cure ? [cure[0]] : []));
  if (cure && chosen) await vscode.commands.executeCommand(cure[1], ...cure.slice(2));
}
