// Keeps what became of the offers: in the editor's own storage, on this machine, and tells the server's tally. Nothing is sent
// anywhere else.
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { Accepted, ACCEPTED_COMMAND, Rejected, Shown } from "./protocol";
import type { Fate, Offer } from "./tracker";
import { FATES, Tracker } from "./tracker";

const KEY = "acceptance";
type Counts = Partial<Record<Fate | "chars", number>>;

export class Acceptance implements vscode.Disposable {
  private readonly tracker = new Tracker((fate, offer, chars) => {
    this.note(fate, offer, chars);
  });
  private readonly counts: Counts;
  private readonly listeners: vscode.Disposable;

  constructor(
    private readonly memory: vscode.Memento,
    private readonly client: () => LanguageClient | undefined,
  ) {
    this.counts = { ...memory.get<Counts>(KEY) };
    this.listeners = vscode.Disposable.from(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        for (const change of contentChanges) {
          this.tracker.change(document.uri.toString(), change.rangeOffset, change.rangeLength, change.text);
        }
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor: { document }, selections: [selection] }) => {
        if (selection) this.tracker.caret(document.uri.toString(), document.offsetAt(selection.active));
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        if (editor)
          this.tracker.caret(editor.document.uri.toString(), editor.document.offsetAt(editor.selection.active));
      }),
    );
  }

  /** How many offers stand at the cursor. */
  count({ document, selection }: vscode.TextEditor): number {
    return this.tracker.count(document.uri.toString(), document.offsetAt(selection.active));
  }

  offer(document: vscode.TextDocument, position: vscode.Position, items: vscode.InlineCompletionItem[]): void {
    this.tracker.offer(document.uri.toString(), document.offsetAt(position), items.flatMap(asOffer));
  }

  /** A report of what was shown and kept. */
  report(): string[] {
    const of = (fate: Fate | "chars") => this.counts[fate] ?? 0;
    return [
      `shown ${of("shown")}, accepted ${of("accepted") + of("finished")} (of these in parts ${of("finished")})`,
      `by word ${of("word")}, by line ${of("line")}; characters accepted: ${of("chars")}`,
      `typed as offered ${of("typed")}, typed over ${of("typedOver")}, rejected ${of("rejected")}`,
    ];
  }

  get snapshot(): Record<string, number> {
    return Object.fromEntries([...FATES, "chars" as const].map((key) => [key, this.counts[key] ?? 0]));
  }

  dispose(): void {
    this.listeners.dispose();
  }

  private note(fate: Fate, { answer, item }: Offer, chars: number): void {
    this.counts[fate] = (this.counts[fate] ?? 0) + 1;
    if (chars > 1) this.counts.chars = (this.counts.chars ?? 0) + chars;
    void this.memory.update(KEY, this.snapshot);
    // An item that is accepted at once runs its command, by which the server learns of it.
    const told = { shown: Shown, finished: Accepted, typedOver: Rejected, rejected: Rejected }[fate as string];
    const ignore = () => undefined; // a server that has just died counts nothing
    if (told) this.client()?.sendNotification(told, { answer, item }).catch(ignore);
  }
}

function asOffer({ insertText, command }: vscode.InlineCompletionItem): Offer[] {
  if (command?.command !== ACCEPTED_COMMAND) return [];
  const [answer, item] = (command.arguments ?? []) as unknown[];
  if (typeof insertText !== "string" || typeof answer !== "number" || typeof item !== "number") return [];
  return [{ answer, item, text: insertText.replaceAll("\r\n", "\n") }];
}
