// What VS Code is given to preview. Each test names the mistake that would make it fail.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkspaceEdit } from "vscode-languageclient/node";
import { actionsReadyToApply, readyToApply } from "../src/preview";

const range = { start: { line: 1, character: 4 }, end: { line: 1, character: 7 } };
const edit = (needsConfirmation: boolean): WorkspaceEdit => ({
  documentChanges: [
    {
      textDocument: { uri: "file:///a.py", version: 3 },
      edits: [{ range, newText: "return a", annotationId: "dlm-lsp" }],
    },
  ],
  changeAnnotations: { "dlm-lsp": { label: "Fill this function", needsConfirmation } },
});

test("fails if the server's change comes unticked, the preview does not open, or the document's version is lost", () => {
  const { documentChanges, changeAnnotations } = readyToApply(edit(true));
  const [change] = documentChanges ?? [];
  assert.ok(change && "edits" in change);
  assert.equal(change.textDocument.version, 3);
  const [real, opening] = change.edits;
  assert.deepEqual(real, { range, newText: "return a", annotationId: "dlm-lsp" });
  assert.ok(opening && "annotationId" in opening && "newText" in opening);
  assert.deepEqual([opening.newText, opening.range], ["", { start: range.start, end: range.start }]);
  assert.equal(changeAnnotations?.["dlm-lsp"]?.needsConfirmation, false);
  assert.equal(changeAnnotations[opening.annotationId]?.needsConfirmation, true);
});

test("fails if what is not to be confirmed is, or an action without an edit is changed", () => {
  assert.deepEqual(readyToApply(edit(false)), edit(false));
  assert.deepEqual(readyToApply({ changes: {} }), { changes: {} });
  assert.deepEqual(actionsReadyToApply([{ title: "x" }, null]), [{ title: "x" }, null]);
  const action = actionsReadyToApply({ title: "x", edit: edit(true) });
  assert.equal(action.edit.documentChanges?.length, 1);
});
