// Between VS Code's questions for offers and the server's answers. In: a question. Out: insertions at the cursor that still fit,
// or nothing; never an error, for somebody is typing.
import * as vscode from "vscode";
import type { LanguageClient, Middleware } from "vscode-languageclient/node";
import type { Acceptance } from "./acceptance";
import { isDrawable } from "./drawable";
import { FillRequest } from "./protocol";
import { isOn, SECTION } from "./settings";

type Provide = NonNullable<Middleware["provideInlineCompletionItems"]>;

/** How many different answers are asked for by those who have seen the first. */
const OTHERS = 3;
/** By then the editor has told where the cursor is. */
const SETTLED_MS = 100;

let othersWanted = false;

/** Whether the next question by key is for others than the answer that stands. */
export function wantOthers(wanted: boolean): void {
  othersWanted = wanted;
}

export function makeCompletions(
  log: vscode.LogOutputChannel,
  acceptance: Acceptance,
  client: () => LanguageClient,
): Provide {
  /** Whether a question is asked again because its answer came when VS Code had stopped to wait. */
  let again = false;

  return async (document, position, context, token, next) => {
    const cursors = cursorsIn(document);
    if (cursors.length > 1 || !isOn(document)) return [];
    const { version } = document;
    const isAgain = again;
    const invoked = !isAgain && context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    const stillFits = () =>
      !document.isClosed &&
      document.version === version &&
      cursorsIn(document).some((cursor) => cursor.isEqual(position));
    // VS Code drops a question, and does not ask again, when its own list opens or closes though nothing has changed.
    const source = new vscode.CancellationTokenSource();
    token.onCancellationRequested(() => {
      setTimeout(() => {
        if (!stillFits()) source.cancel();
      }, SETTLED_MS);
    });
    let answer;
    try {
      const kind = invoked ? context.triggerKind : vscode.InlineCompletionTriggerKind.Automatic;
      answer =
        invoked && othersWanted
          ? await others(client(), document, position, source.token)
          : await next(document, position, { ...context, triggerKind: kind }, source.token);
    } catch (error) {
      if (!source.token.isCancellationRequested) log.debug(`no completion: ${String(error)}`);
      return [];
    } finally {
      source.dispose();
    }
    if (!stillFits()) return [];
    const items = answer ? (Array.isArray(answer) ? answer : answer.items) : [];
    const drawable = items.filter((item) => isDrawable(item, position));
    if (drawable.length < items.length) log.warn(`${items.length - drawable.length} items were not insertions here`);
    if (token.isCancellationRequested) {
      if (drawable.length && !isAgain) {
        again = true; // the server knows the answer by now
        try {
          await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
        } finally {
          again = false;
        }
      }
      return [];
    }
    acceptance.offer(document, position, drawable);
    if (invoked && !drawable.length) vscode.window.setStatusBarMessage("dlm-lsp has nothing to offer here", 4000);
    return drawable;
  };
}

function cursorsIn(document: vscode.TextDocument): vscode.Position[] {
  const editor = vscode.window.activeTextEditor;
  return editor?.document === document ? editor.selections.map(({ active }) => active) : [];
}

async function others(
  client: LanguageClient,
  document: vscode.TextDocument,
  position: vscode.Position,
  token: vscode.CancellationToken,
) {
  const candidates = Math.max(OTHERS, vscode.workspace.getConfiguration(SECTION, document).get("candidates", 1));
  const { items } = await client.sendRequest(
    FillRequest,
    { textDocument: { uri: document.uri.toString() }, position, settings: { candidates } },
    token,
  );
  return client.protocol2CodeConverter.asInlineCompletionResult({ items }, token);
}
