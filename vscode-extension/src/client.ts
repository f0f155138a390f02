// The language client: what it is told of VS Code, and what VS Code is told of the server's answers.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import * as vscode from "vscode";
import type { LanguageClientOptions, Middleware, StaticFeature } from "vscode-languageclient/node";
import {
  CancellationToken,
  CloseAction,
  CodeActionRequest,
  CodeActionResolveRequest,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
} from "vscode-languageclient/node";
import type { Acceptance } from "./acceptance";
import { makeCompletions } from "./completions";
import { actionsReadyToApply, readyToApply } from "./preview";
import { isOn, SECTION, serverSettings } from "./settings";
import { withoutTexts } from "./trace";

const SCHEMES = ["file", "untitled", "vscode-notebook-cell"];

export interface Surroundings {
  log: vscode.LogOutputChannel;
  acceptance: Acceptance;
  /** The server's process has ended, or what it says is no protocol. */
  onClosed: () => void;
}

/** A client and its server's process, which outlives a client that could not make friends with it. */
export interface Connection {
  client: LanguageClient;
  process: () => ChildProcess | undefined;
  /** The end of what the server wrote to stderr. */
  lastWords: () => string;
}

export function connect(command: string, cwd: string, around: Surroundings): Connection {
  let child: ChildProcess | undefined;
  let words = "";
  const start = (): Promise<ChildProcess> =>
    new Promise((resolve, reject) => {
      const started = spawn(command, [], { cwd });
      child = started;
      started.stderr.setEncoding("utf8").on("data", (text: string) => {
        words = (words + text).slice(-4000);
      });
      started.stdin.on("error", () => undefined); // the reader learns of the end, too
      started.on("error", reject);
      started.once("spawn", () => {
        resolve(started);
      });
    });
  const options: LanguageClientOptions = {
    documentSelector: SCHEMES.map((scheme) => ({ scheme, language: "python" })),
    outputChannel: around.log,
    traceOutputChannel: discreet(around.log),
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationFailedHandler: () => false,
    // Messages about the server are ours, one for each trouble; what is to be done about it, too.
    errorHandler: {
      error: () => {
        around.onClosed();
        return { action: ErrorAction.Shutdown, handled: true };
      },
      closed: () => {
        around.onClosed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    middleware: middleware(around, () => client),
  };
  const client: LanguageClient = new QuietClient(SECTION, "dlm-lsp", start, options);
  client.registerFeature(wantsStatus);
  return { client, process: () => child, lastWords: () => words };
}

/** The log, but for the user's texts: they stay out of it also where every message is traced. */
function discreet(log: vscode.LogOutputChannel): vscode.LogOutputChannel {
  const trace = (message: string) => {
    log.trace(withoutTexts(message));
  };
  return Object.create(log, { trace: { value: trace } }) as vscode.LogOutputChannel;
}

/** What goes wrong with a server is told once, by the session, with what mends it; the client's own pop-ups go to the log. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

const wantsStatus: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = { dlmLsp: { didChangeStatus: true } };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

function middleware({ log, acceptance }: Surroundings, client: () => LanguageClient): Middleware {
  return {
    provideInlineCompletionItems: makeCompletions(log, acceptance, client),
    provideCodeActions: (document, range, context, token, next) =>
      isOn(document) ? next(document, range, context, token) : [],
    sendRequest: async (type, params, token, next) => {
      const result = await next(type, params, token);
      const method = typeof type === "string" ? type : type.method;
      const hasEdits = method === CodeActionRequest.method || method === CodeActionResolveRequest.method;
      return hasEdits ? actionsReadyToApply(result) : result;
    },
    workspace: {
      handleApplyEdit: (params, next) => next({ ...params, edit: readyToApply(params.edit) }, CancellationToken.None),
      configuration: async (params, token, next) => {
        const sections = await next(params, token);
        if (!Array.isArray(sections)) return sections;
        return sections.map((section: unknown, i) =>
          params.items[i]?.section === SECTION ? serverSettings(section) : section,
        );
      },
    },
  };
}
