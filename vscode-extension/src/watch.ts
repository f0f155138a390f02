// "Watch it denoise": a panel that shows the canvas step by step, as the model works, and lets the answer be put in.
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { FillRequest, StepProgress } from "./protocol";

const LINES_BEFORE = 12;
const LINES_BEHIND = 6;
let panel: vscode.WebviewPanel | undefined;
let watched = 0;

/** What the panel says: that it is there (again, if it was moved to another window), or what is to be put in. */
interface Said {
  insert?: string;
}

export async function watch(client: LanguageClient, extension: vscode.Uri): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return;
  const { document } = editor;
  const { version } = document;
  const position = editor.selection.active;
  const token = `watch-${++watched}`;
  const { webview, stopped, shown } = open(extension);
  const post = (message: object) => void webview.postMessage({ token, ...message });

  const above = new vscode.Range(Math.max(0, position.line - LINES_BEFORE), 0, position.line, position.character);
  const end = document.lineAt(Math.min(document.lineCount - 1, position.line + LINES_BEHIND)).range.end;
  await shown;
  post({ kind: "begin", before: document.getText(above), behind: document.getText(new vscode.Range(position, end)) });
  insertion?.dispose();
  insertion = webview.onDidReceiveMessage(({ insert }: Said) => {
    if (insert !== undefined) void put(document, position, version, insert);
  });
  const steps = client.onProgress(StepProgress, token, (step) => {
    post({ kind: "step", ...step });
  });
  try {
    const result = await client.sendRequest(
      FillRequest,
      { textDocument: { uri: document.uri.toString() }, position, watchToken: token },
      stopped,
    );
    const texts = result.items.map(({ insertText }) => insertText);
    post({ kind: "end", texts, message: result.message, ms: result.ms, steps: result.steps });
  } catch (error) {
    post({ kind: "end", texts: [], message: stopped.isCancellationRequested ? "Stopped." : String(error) });
  } finally {
    steps.dispose();
  }
}

let insertion: vscode.Disposable | undefined;

/** Put a text where it was meant for, if that is still the same document. */
async function put(document: vscode.TextDocument, position: vscode.Position, version: number, text: string) {
  if (document.isClosed || document.version !== version) {
    void vscode.window.showInformationMessage("dlm-lsp: the document has changed since; watch again.");
    return;
  }
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, position, text);
  await vscode.workspace.applyEdit(edit);
}

let stop: vscode.CancellationTokenSource | undefined;

function open(extension: vscode.Uri): {
  webview: vscode.Webview;
  stopped: vscode.CancellationToken;
  shown: Promise<void>;
} {
  stop?.cancel();
  const source = new vscode.CancellationTokenSource();
  stop = source;
  if (panel) {
    panel.reveal(undefined, true);
    return { webview: panel.webview, stopped: source.token, shown: Promise.resolve() };
  }
  const media = vscode.Uri.joinPath(extension, "media");
  const made = vscode.window.createWebviewPanel(
    "dlmLsp.watch",
    "Denoising",
    { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
    { enableScripts: true, localResourceRoots: [media], retainContextWhenHidden: true },
  );
  panel = made;
  made.onDidDispose(() => {
    panel = undefined;
    stop?.cancel();
  });
  const shown = new Promise<void>((resolve) => {
    const ready = made.webview.onDidReceiveMessage(() => {
      ready.dispose();
      resolve();
    });
    made.onDidDispose(() => {
      resolve();
    });
  });
  made.webview.html = page(made.webview, media);
  return { webview: made.webview, stopped: source.token, shown };
}

function page(webview: vscode.Webview, media: vscode.Uri): string {
  const at = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(media, name)).toString();
  const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src ${webview.cspSource}`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <link rel="stylesheet" href="${at("watch.css")}" />
    <title>Denoising</title>
  </head>
  <body>
    <p id="head" aria-live="polite">Waiting for the model…</p>
    <pre id="canvas"></pre>
    <p id="replay" hidden><label>step <input id="slider" type="range" min="1" value="1" /></label></p>
    <p id="answers"></p>
    <script src="${at("watch.js")}"></script>
  </body>
</html>`;
}
