// Makes the server's own environment while the user watches, and may stop it.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Failure } from "./find";
import { install } from "./install";
import { serverPlace } from "./settings";

/**
 * What pip installs unless the settings say otherwise: the wheel that came with the extension, else the same version by name. With ONNX
 * Runtime, by which the bundled model takes half the time on a CPU.
 */
export function serverSource(extensionPath: string, version: string): string {
  const folder = join(extensionPath, "server");
  try {
    const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
    if (wheel) return `${join(folder, wheel)}[onnx]`;
  } catch {
    // Not packaged: run from the sources.
  }
  return `dlm-lsp[onnx]==${version}`;
}

export function environmentPath(context: vscode.ExtensionContext): string {
  return join(context.globalStorageUri.fsPath, "server-environment");
}

/** Give nothing where it worked, a failure, or "cancelled". */
export async function installServer(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<Failure | "cancelled" | undefined> {
  const { python, package: chosen } = serverPlace();
  const version = (context.extension.packageJSON as { version: string }).version;
  const plan = {
    python,
    source: chosen || serverSource(context.extensionPath, version),
    environment: environmentPath(context),
  };
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: "Installing the dlm-lsp server",
    cancellable: true,
  };
  return vscode.window.withProgress(options, async (progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => {
      stop.abort();
    });
    const failure = await install(plan, {
      signal: stop.signal,
      report: (message) => {
        progress.report({ message });
      },
      log: (line) => {
        log.info(line);
      },
    });
    return stop.signal.aborted ? "cancelled" : failure;
  });
}
