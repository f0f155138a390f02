// Speaks with a server through VS Code's protocol library. Usage: node client.js SERVER ARGUMENT...
// Prints what it got, as one JSON object.
import { spawn } from "node:child_process";
import protocol from "vscode-languageserver-protocol/node";

const uri = "file:///node.py";
const server = spawn(process.argv[2], process.argv.slice(3), { stdio: ["pipe", "pipe", "inherit"] });
const exited = new Promise((resolve) => server.on("exit", resolve));
const connection = protocol.createProtocolConnection(
  new protocol.StreamMessageReader(server.stdout),
  new protocol.StreamMessageWriter(server.stdin),
);
connection.listen();

const ask = (line, character, token) =>
  connection.sendRequest(
    protocol.InlineCompletionRequest.type,
    {
      textDocument: { uri },
      position: { line, character },
      context: { triggerKind: protocol.InlineCompletionTriggerKind.Invoked },
    },
    token,
  );

const { capabilities } = await connection.sendRequest(protocol.InitializeRequest.type, {
  processId: process.pid,
  rootUri: null,
  capabilities: { textDocument: { inlineCompletion: { dynamicRegistration: true } } },
});
await connection.sendNotification(protocol.InitializedNotification.type, {});
await connection.sendNotification(protocol.DidOpenTextDocumentNotification.type, {
  textDocument: { uri, languageId: "python", version: 1, text: "x = '😀'\r\ndef long(a, b):\r\n    \r\n" },
});
const source = new protocol.CancellationTokenSource();
const cancelled = ask(2, 4, source.token).catch((error) => error.code);
setTimeout(() => source.cancel(), 100);
const code = await cancelled;
const answer = await ask(2, 4);
await connection.sendRequest(protocol.ShutdownRequest.type);
await connection.sendNotification(protocol.ExitNotification.type);
console.log(JSON.stringify({ provider: capabilities.inlineCompletionProvider, answer, code, exit: await exited }));
