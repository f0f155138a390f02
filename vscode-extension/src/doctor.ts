// What the doctor says: the server's own examination, and what only the extension knows.
import * as vscode from "vscode";
import type { Acceptance } from "./acceptance";
import { run } from "./run";
import type { Session } from "./session";
import { SECTION } from "./settings";

const DOCTOR_MS = 180_000;

export async function showDoctor(
  session: Session,
  acceptance: Acceptance,
  version: string,
  cwd: string,
): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: "dlm-lsp is being examined" };
  const content = await vscode.window.withProgress(options, () => examine(session, acceptance, version, cwd));
  const document = await vscode.workspace.openTextDocument({ content, language: "markdown" });
  await vscode.window.showTextDocument(document, { preview: true });
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
  const where = ["model", "device"].flatMap((name) => [`--${name}`, settings.get<string>(name, "")]);
  const ran = await run(server.command, ["doctor", ...where], { cwd, timeoutMs: DOCTOR_MS });
  return [...lines, "```text", (ran.stdout + ran.stderr).trimEnd(), "```", ""].join("\n");
}
