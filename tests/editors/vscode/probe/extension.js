// The tests' hand inside of VS Code: runs the body of an async function of `vscode` that a test posts, in the extension host, and
// answers with what it returns. Listens on 127.0.0.1 at the port that the test has put into the environment, and not without.
const http = require("node:http");
const vscode = require("vscode");

const AsyncFunction = (async () => undefined).constructor;

exports.activate = () => {
  const port = Number(process.env.DLM_PROBE_PORT);
  if (!port) return;
  http
    .createServer(async (request, response) => {
      let body = "";
      for await (const part of request) body += part;
      const { code, args } = JSON.parse(body);
      try {
        const value = await new AsyncFunction("vscode", "args", code)(vscode, args);
        response.end(JSON.stringify({ value: value ?? null }));
      } catch (error) {
        response.end(JSON.stringify({ error: String(error?.stack ?? error) }));
      }
    })
    .listen(port, "127.0.0.1");
};
