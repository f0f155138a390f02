// What of an answer may reach the editor. In: items as they came. Out: those that VS Code draws, and that change nothing but
// by insertion at the cursor. Knows no editor, so that it can be tested without one.

export interface Place {
  line: number;
  character: number;
}

export interface Item {
  insertText: unknown;
  range?: { start: Place; end: Place } | undefined;
}

/** Without a range VS Code replaces the rest of the line; with another one than an empty one at the cursor it draws nothing, or
 * replaces code that stands behind the cursor. Neither may happen, whatever the server says. */
export function isDrawable(item: Item, cursor: Place): boolean {
  const { insertText, range } = item;
  if (typeof insertText !== "string" || !insertText.trim() || !range) return false;
  return [range.start, range.end].every(
    ({ line, character }) => line === cursor.line && character === cursor.character,
  );
}
