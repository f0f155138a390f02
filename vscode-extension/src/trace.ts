// What the trace of messages may say. In: JSON of messages, or text with JSON in it, as vscode-jsonrpc writes it. Out: the same with the
// user's texts as their lengths. Knows no message by name: what is not known to be harmless is a text.

/** A string in JSON, with the colon, and all up to its value, if it is a key. */
const STRINGS = /"((?:[^"\\]|\\.)*)"(\s*:\s*)?/g;
const HARMLESS = new Set(["method", "uri", "languageId", "type", "state", "outcome"]);

export function withoutTexts(trace: string): string {
  let [key, value] = ["", 0];
  return trace.replace(STRINGS, (all, text: string, colon: string | undefined, at: number) => {
    if (colon === undefined) return at === value && HARMLESS.has(key) ? all : `"(${text.length} characters)"`;
    [key, value] = [text, at + all.length];
    return all;
  });
}
