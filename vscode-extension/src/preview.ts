// How VS Code is made to show an edit before it is made, ready to be applied. In: the server's edit, whose parts are to be confirmed.
// Out: the same with its parts ticked. VS Code opens its preview only where a part is to be confirmed, and leaves such parts
// unticked: "Apply" would do nothing. So the parts are not, and one that changes nothing is. Knows no editor.
import type { AnnotatedTextEdit, TextDocumentEdit, WorkspaceEdit } from "vscode-languageclient/node";

const OPENS_PREVIEW = "dlm-lsp.opens-preview";

export function readyToApply(edit: WorkspaceEdit): WorkspaceEdit {
  const { documentChanges, changeAnnotations } = edit;
  const wanted = Object.values(changeAnnotations ?? {}).some(({ needsConfirmation }) => needsConfirmation);
  const [first, ...others] = documentChanges ?? [];
  if (!wanted || !first || !("edits" in first)) return edit;
  const [change] = first.edits;
  if (!change) return edit;
  const { start } = change.range;
  const nothing: AnnotatedTextEdit = { range: { start, end: start }, newText: "", annotationId: OPENS_PREVIEW };
  const opening: TextDocumentEdit = { ...first, edits: [...first.edits, nothing] };
  const ticked = Object.entries(changeAnnotations ?? {}).map(([id, note]) => [
    id,
    { ...note, needsConfirmation: false },
  ]);
  const opens = { label: "Before: as it is now", needsConfirmation: true };
  return {
    documentChanges: [opening, ...others],
    changeAnnotations: { ...Object.fromEntries(ticked), [OPENS_PREVIEW]: opens } as NonNullable<
      typeof changeAnnotations
    >,
  };
}

/** The same for code actions, one or many, as they come from the server. */
export function actionsReadyToApply<T>(actions: T): T {
  const made: unknown = Array.isArray(actions) ? actions.map(ready) : ready(actions);
  return made as T;
}

function ready(action: unknown): unknown {
  const hasEdit = typeof action === "object" && action !== null && "edit" in action && action.edit;
  return hasEdit ? { ...action, edit: readyToApply(action.edit as WorkspaceEdit) } : action;
}
