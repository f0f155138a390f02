// The life of the server: found, probed, started, started again a few times if it dies, given up with one message and one button.
// In: settings, and what happens to the process. Out: a client that works, or none; the state that a status line shows.
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { ShowMessageNotification } from "vscode-languageclient/node";
import type { Connection, Surroundings } from "./client";
import { connect } from "./client";
import type { Failure, Places, Server } from "./find";
import { findServer, isFailure } from "./find";
import { showMessage } from "./messages";
import type { Status } from "./protocol";
import { DidChangeStatus, StatusRequest } from "./protocol";
import { lastLine } from "./run";

export interface State {
  state: Status["state"] | "starting" | "missing";
  message: string;
  status?: Status;
}

const START_MS = 30_000;
const STOP_MS = 3000;
/** Pauses before it is started again; after as many deaths within the window it stays dead. */
const PAUSES_MS = [500, 2000, 5000];
const DEATHS_WITHIN_MS = 180_000;
const BUTTONS: Record<Failure["cure"], [string, string]> = {
  install: ["Install the server", "dlmLsp.install"],
  setPath: ["Open the setting", "dlmLsp.openPathSetting"],
  setPython: ["Choose a Python", "dlmLsp.openPythonSetting"],
  restart: ["Start it again", "dlmLsp.restart"],
};

export class Session implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<State>();
  readonly onDidChange = this.changed.event;
  state: State = { state: "stopped", message: "The server is not running." };
  server: Server | undefined;
  private connection: Connection | undefined;
  private deaths: number[] = [];
  /** Which attempt to run counts; what belongs to an older one is to be dropped. */
  private attempt = 0;

  constructor(
    private readonly places: () => Places,
    private readonly around: Omit<Surroundings, "onClosed">,
  ) {}

  /** The client, while the server can be asked. */
  get client(): LanguageClient | undefined {
    return this.connection?.client.isRunning() ? this.connection.client : undefined;
  }

  /** Start anew, whatever was before; deaths are forgiven. */
  async restart(): Promise<void> {
    this.deaths = [];
    await this.start();
  }

  /** Do without a server for the time being: there is none to start, or it is on its way. */
  rest(message: string, state: "stopped" | "starting" = "stopped"): void {
    this.show({ state, message });
  }

  /** Stop the server. Out: which attempt this was, to tell whether another one has begun meanwhile. */
  async stop(): Promise<number> {
    const attempt = ++this.attempt;
    const old = this.connection;
    this.connection = undefined;
    await old?.client.dispose(STOP_MS).catch(() => undefined); // it may be dead, or never have lived
    old?.process()?.kill("SIGKILL");
    return attempt;
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async start(): Promise<void> {
    const attempt = await this.stop();
    const isOld = () => attempt !== this.attempt;
    if (isOld()) return; // somebody else starts it
    this.show({ state: "starting", message: "The server is being started." });
    const found = await findServer(this.places());
    if (isOld()) return;
    if (isFailure(found)) {
      this.fail(found);
      return;
    }
    this.server = found;
    this.around.log.info(`${found.command}, version ${found.version}`);
    const connection = connect(found.command, this.places().cwd, {
      ...this.around,
      onClosed: () => {
        if (!isOld() && connection.client.isRunning()) void this.afterDeath(connection);
      },
    });
    this.connection = connection;
    const { client } = connection;
    client.onNotification(DidChangeStatus, (status) => {
      if (!isOld()) this.show({ state: status.state, message: status.message, status });
    });
    try {
      await within(client.start(), START_MS);
      client.onNotification(ShowMessageNotification.type, showMessage); // in place of the client's own, which has no buttons
      const status = await within(client.sendRequest(StatusRequest), START_MS);
      if (!isOld()) this.show({ state: status.state, message: status.message, status });
    } catch (error) {
      if (isOld()) return;
      this.around.log.error(String(error));
      const stopped = await this.stop();
      if (stopped === this.attempt) this.fail(whyNotStarted(found.command, connection.lastWords()));
    }
  }

  private async afterDeath({ lastWords }: Connection): Promise<void> {
    const now = Date.now();
    this.deaths = [...this.deaths.filter((death) => now - death < DEATHS_WITHIN_MS), now];
    const pause = PAUSES_MS[this.deaths.length - 1];
    this.around.log.warn(`the server has ended: ${lastLine(lastWords())}`);
    const attempt = await this.stop();
    if (attempt !== this.attempt) return;
    if (pause === undefined) {
      this.fail({ sentence: `The server has ended ${this.deaths.length} times in a short while.`, cure: "restart" });
      return;
    }
    this.show({ state: "restarting", message: "The server has ended and is being started again." });
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (attempt === this.attempt) await this.start();
  }

  /** Say what is wrong, once, with the button that mends it. */
  fail({ sentence, cure, isMissing }: Failure): void {
    this.show({ state: isMissing ? "missing" : "failed", message: sentence });
    const [title, command] = BUTTONS[cure];
    const tell = cure === "install" ? vscode.window.showInformationMessage : vscode.window.showErrorMessage;
    void tell(`dlm-lsp: ${sentence}`, title).then((chosen) => {
      if (chosen) void vscode.commands.executeCommand(command);
    });
  }

  private show(state: State): void {
    this.state = state;
    void vscode.commands.executeCommand("setContext", "dlmLsp.running", this.client !== undefined);
    this.changed.fire(state);
  }
}

function whyNotStarted(command: string, words: string): Failure {
  const missing = /ModuleNotFoundError: No module named '([\w.]+)'/.exec(words)?.[1];
  if (missing) return { sentence: `The Python of ${command} lacks the package ${missing}.`, cure: "install" };
  const said = lastLine(words);
  return { sentence: `The server ${command} did not start${said ? `: ${said}` : ""}.`, cure: "restart" };
}

async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let clock: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    clock = setTimeout(() => {
      reject(new Error(`no answer within ${limitMs / 1000} s`));
    }, limitMs);
  });
  return Promise.race([work, late]).finally(() => {
    clearTimeout(clock);
  });
}
