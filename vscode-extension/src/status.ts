// The status bar item: what the server does, how fast it was, on what; a click opens the menu.
import * as vscode from "vscode";
import type { Session, State } from "./session";
import { isOn } from "./settings";

const LOOKS: Record<State["state"], { icon: string; word: string }> = {
  starting: { icon: "$(sync~spin)", word: "starting" },
  loading: { icon: "$(sync~spin)", word: "loading" },
  ready: { icon: "$(sparkle)", word: "" },
  busy: { icon: "$(loading~spin)", word: "" },
  restarting: { icon: "$(sync~spin)", word: "restarting" },
  stopped: { icon: "$(sparkle)", word: "asleep" },
  missing: { icon: "$(cloud-download)", word: "not installed" },
  failed: { icon: "$(error)", word: "failed" },
  off: { icon: "$(circle-slash)", word: "off" },
};

export function makeStatusItem(session: Session): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("dlmLsp.status", vscode.StatusBarAlignment.Right, 100);
  item.name = "dlm-lsp";
  item.command = "dlmLsp.menu";
  const draw = () => {
    const { state, status } = session.state;
    const editor = vscode.window.activeTextEditor;
    const isOffHere =
      state !== "failed" && state !== "missing" && editor?.document.languageId === "python" && !isOn(editor.document);
    const { icon, word: plain } = LOOKS[isOffHere ? "off" : state];
    const word = plain === "loading" && status?.loadedPercent ? `loading ${status.loadedPercent} %` : plain;
    const last = status?.lastMs == null ? "ready" : `${Math.round(status.lastMs)} ms`;
    item.text = `${icon} dlm ${word || last}`;
    item.backgroundColor = state === "failed" ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    item.accessibilityInformation = { label: `dlm-lsp ${word || last}: ${session.state.message}` };
    item.tooltip = tooltip(session.state);
    item.show();
  };
  draw();
  return vscode.Disposable.from(
    item,
    session.onDidChange(draw),
    vscode.window.onDidChangeActiveTextEditor(draw),
    vscode.workspace.onDidChangeConfiguration(draw),
  );
}

function tooltip({ message, status }: State): vscode.MarkdownString {
  const text = new vscode.MarkdownString().appendText(message);
  if (!status) return text;
  const rows: [string, string][] = [
    ["Model", status.model],
    ["Runs on", status.device ?? "–"],
    ["Last answer", status.lastMs === null ? "–" : `${Math.round(status.lastMs)} ms`],
    ...(status.lastMessage ? ([["Nothing shown", status.lastMessage]] as [string, string][]) : []),
    ["Asked / answered", `${status.counts.asked ?? 0} / ${status.counts.answered ?? 0}`],
    ["Shown / accepted", `${status.counts.shown ?? 0} / ${status.counts.accepted ?? 0}`],
  ];
  text.appendMarkdown("\n\n| | |\n|---|---|\n");
  for (const [name, value] of rows) text.appendMarkdown(`| ${name} | `).appendText(value).appendMarkdown(" |\n");
  return text;
}
