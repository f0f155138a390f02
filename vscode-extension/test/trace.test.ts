// The trace of real messages, as the library writes it: no code in it. Each name says which mistake would make it fail.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createMessageConnection, Trace, TraceFormat } from "vscode-jsonrpc/node";
import { withoutTexts } from "../src/trace";

const CANARY = 'secret = "it\'s {here}: \\" [1], C:\\\\" # é 😀\n';
const URI = "file:///home/me/code.py";

/** What a client writes for a document that is opened, a request, and its answer. */
async function traced(format: TraceFormat): Promise<string> {
  const [there, back] = [new PassThrough(), new PassThrough()];
  const client = createMessageConnection(back, there);
  const server = createMessageConnection(there, back);
  server.onRequest("fill", () => ({ items: [{ insertText: CANARY, ms: 12.5, none: null }], outcome: "filled" }));
  server.onRequest("plain", () => CANARY);
  server.listen();
  client.listen();
  const lines: string[] = [];
  const log = (message: unknown, data?: string) =>
    lines.push(typeof message === "string" ? `${message}\n${data ?? ""}` : JSON.stringify(message));
  await client.trace(Trace.Verbose, { log }, { sendNotification: false, traceFormat: format });
  await client.sendNotification("textDocument/didOpen", { textDocument: { uri: URI, version: 3, text: CANARY } });
  await client.sendRequest("fill", { position: { line: 1, character: 4 }, words: [CANARY, CANARY] });
  await client.sendRequest("plain", CANARY);
  client.dispose();
  server.dispose();
  return lines.join("\n");
}

for (const format of [TraceFormat.Text, TraceFormat.JSON]) {
  test(`${format}: fails if code is in the trace, or it says nothing of place, version and outcome any more`, async () => {
    const whole = await traced(format);
    assert.equal((whole.match(/secret/g) ?? []).length, 6); // what would be told
    const said = withoutTexts(whole);
    for (const word of ["secret", "here", "C:", "😀"]) assert.ok(!said.includes(word), said);
    for (const kept of [`"${URI}"`, '"filled"', "textDocument/didOpen"]) assert.ok(said.includes(kept), said);
    assert.match(said, /"version":\s*3\b/);
    assert.match(said, /"character":\s*4\b/);
    assert.match(said, /"ms":\s*12\.5\b/);
    assert.match(said, new RegExp(`"insertText":\\s*"\\(${JSON.stringify(CANARY).length - 2} characters\\)"`));
  });
}

test("fails if a text is taken for the value of a harmless key that has another value", () => {
  assert.equal(withoutTexts('[{ "type": 3 }, "secret"]'), '[{ "type": 3 }, "(6 characters)"]');
});
