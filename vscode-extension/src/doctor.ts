// What the doctor says: the server's own examination, and what only the extension knows.
import * as vscode from "vscode";
import type { Acceptance } from "./acceptance";
import { run } from "./run";
import type { Session } from "./session";
import { SECTION } from "./settings";

const DOCTOR_MS = 180_000;
const SCHEME = "dlm-lsp-report";
const reports = new Map<string, string>();
let examined = 0;

export async function showDoctor(
  session: Session,
  acceptance: Acceptance,
  version: string,
  cwd: string,
): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: "dlm-lsp is being examined" };
  const report = await vscode.window.withProgress(options, () => examine(session, acceptance, version, cwd));
  const uri = vscode.Uri.from({ scheme: SCHEME, path: `dlm-lsp doctor ${++examined}.md` });
  reports.set(uri.path, report);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}

/** Reports are read and not written: a document of a scheme of its own asks nobody to save it. */
export function registerReports(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: ({ path }) => reports.get(path) ?? "",
  });
}

async function examine(session: Session, acceptance: Acceptance, version: string, cwd: string): Promise<string> {
  const { state, server } = session;
  const settings = vscode.workspace.getConfiguration(SECTION);
  const lines = [
    "# dlm-lsp doctor",
    "",
    `- extension ${version} in VS Code ${vscode.version}`,
    `- server: ${server ? `${server.command}, version ${server.version}` : "none"}`,
    `- state: ${state.state}. ${state.message}`,
    ...Object.entries(state.status?.counts ?? {}).map(([name, count]) => `- this session, ${name}: ${count}`),
    "",
    "## What became of the offers (kept on this machine, sent nowhere)",
    "",
    ...acceptance.report().map((line) => `- ${line}`),
    "",
    "## What `dlm-lsp doctor` says",
    "",
  ];
  if (!server) return [...lines, "There is no server to ask.", ""].join("\n");
  const where = ["model", "device", "dtype"].flatMap((name) => [`--${name}`, settings.get<string>(name, "")]);
  const ran = await run(server.command, ["doctor", ...where], { cwd, timeoutMs: DOCTOR_MS });
  return [...lines, "```text", (ran.stdout + ran.stderr).trimEnd(), "```", ""].join("\n");
}
