// Runs a program to its end. In: a command, a folder, a limit. Out: what it printed, or why it could not be run. It never runs in
// the user's workspace: Python would import modules from there.
import { spawn } from "node:child_process";

export interface Ran {
  /** null where it could not be started, was stopped or took too long. */
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  timeoutMs: number;
  signal?: AbortSignal;
  onLine?: (line: string) => void;
}

const MAX_CHARS = 200_000;

export async function run(command: string, args: string[], options: RunOptions): Promise<Ran> {
  const ended = new Promise<Ran>((resolve) => {
    // A group of its own, so that what it starts ends with it.
    const child = spawn(command, args, {
      cwd: options.cwd,
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    const ran: Ran = { status: null, stdout: "", stderr: "" };
    const stop = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    };
    const clock = setTimeout(stop, options.timeoutMs);
    const finish = () => {
      clearTimeout(clock);
      options.signal?.removeEventListener("abort", stop);
      resolve(ran);
    };
    options.signal?.addEventListener("abort", stop);
    if (options.signal?.aborted) stop();
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      ran.stdout = (ran.stdout + text).slice(-MAX_CHARS);
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? "";
      lines.forEach((line) => options.onLine?.(line));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      ran.stderr = (ran.stderr + text).slice(-MAX_CHARS);
    });
    child.on("error", (error) => {
      ran.stderr += error.message;
      finish();
    });
    child.on("close", (status) => {
      ran.status = status;
      finish();
    });
  });
  // What is no program at all, such as a .cmd file in Windows, is refused at once.
  return ended.catch((error: unknown) => ({ status: null, stdout: "", stderr: String(error) }));
}

/** The last line that says something, for a message of one sentence. */
export function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1)?.trim() ?? "";
}
