// The server's own requests and notifications; docs/protocol.md of the project describes them.
import type { InlineCompletionItem, Position, Range } from "vscode-languageclient/node";
import { NotificationType, ProgressType, RequestType, RequestType0 } from "vscode-languageclient/node";

export interface Status {
  state: "loading" | "ready" | "busy" | "restarting" | "stopped" | "failed" | "off";
  message: string;
  model: string;
  device: string | null;
  /** While the model is being loaded. */
  loadedPercent?: number | null;
  lastMs: number | null;
  /** Why the last answer had nothing to show. */
  lastMessage?: string;
  counts: Record<string, number>;
}

export interface FillParams {
  textDocument: { uri: string };
  position: Position;
  settings?: Record<string, unknown>;
  watchToken?: string;
}

export interface FillResult {
  items: InlineCompletionItem[];
  outcome: string;
  message: string;
  ms?: number;
  steps?: number;
}

/** What a code action's command takes. */
export interface Place {
  uri: string;
  range: Range;
  version: number;
}

/** An item of an answer: the arguments of its command. */
export interface ItemParams {
  answer: number;
  item: number;
}

/** One denoising step; `pieces` has one list of tokens per hole, null where a token is not decided. */
export interface Step {
  step: number;
  pieces: (string | null)[][];
  revoked: number;
  stage: string;
}

export const StatusRequest = new RequestType0<Status, void>("dlm-lsp/status");
export const DidChangeStatus = new NotificationType<Status>("dlm-lsp/didChangeStatus");
export const FillRequest = new RequestType<FillParams, FillResult, void>("dlm-lsp/fill");
export const SwitchModelRequest = new RequestType<{ model: string }, { loaded: boolean; message: string }, void>(
  "dlm-lsp/switchModel",
);
export const FreeRequest = new RequestType0<null, void>("dlm-lsp/free");
export const Shown = new NotificationType<ItemParams>("dlm-lsp/shown");
export const Accepted = new NotificationType<ItemParams>("dlm-lsp/accepted");
export const Rejected = new NotificationType<ItemParams>("dlm-lsp/rejected");
export const StepProgress = new ProgressType<Step>();

/** Of an accepted item: editors run it with the numbers of the answer and of the item. */
export const ACCEPTED_COMMAND = "dlm-lsp.accepted";
