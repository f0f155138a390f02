// Finds the server: the path in the settings, else the environment that the extension has made, else `dlm-lsp` on PATH. In: where
// to look. Out: a command that has said its version, or a failure with what mends it. Knows no editor; starts no server.
import { existsSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { lastLine, run } from "./run";

/** What went wrong, in a sentence, and the one thing that mends it. */
export interface Failure {
  sentence: string;
  cure: "install" | "setPath" | "setPython" | "restart";
  /** Nothing is wrong: it just is not there yet. */
  isMissing?: boolean;
}

export interface Server {
  command: string;
  version: string;
}

export interface Places {
  /** The setting `dlm-lsp.server.path`; empty where there is none. */
  path: string;
  /** The environment of our own. */
  environment: string;
  /** The extension's version, which is the server's. */
  version: string;
  cwd: string;
}

const PROBE_MS = 20_000;
const EXE = process.platform === "win32" ? ".exe" : "";

export function isFailure(found: Server | Failure): found is Failure {
  return "sentence" in found;
}

export async function findServer(places: Places): Promise<Server | Failure> {
  if (places.path) return probe(places.path, places, "setPath");
  // Our own is there only because the user asked for it, perhaps as the one on PATH does not work: it comes first.
  const own = environmentBin(places.environment, "dlm-lsp");
  const there = [existsSync(own) ? own : undefined, onSearchPath("dlm-lsp")].filter((command) => command !== undefined);
  let failure: Failure = {
    sentence: "the server is not installed on this machine yet.",
    cure: "install",
    isMissing: true,
  };
  for (const command of there) {
    const found = await probe(command, places, "install");
    if (!isFailure(found)) return found;
    failure = found;
  }
  return failure;
}

/** A program of a virtual environment. */
export function environmentBin(environment: string, name: string): string {
  return join(environment, process.platform === "win32" ? "Scripts" : "bin", name + EXE);
}

/** Only what is absolute on PATH counts: `.` or `node_modules/.bin` may be a folder of the user's project. */
export function onSearchPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(isAbsolute);
  return folders.map((folder) => join(folder, name + EXE)).find((file) => existsSync(file));
}

/** Whether server and extension understand each other: the last number may differ. */
export function isCompatible(server: string, extension: string): boolean {
  const [major, minor] = extension.split(".");
  return server.startsWith(`${major ?? ""}.${minor ?? ""}.`);
}

async function probe(command: string, places: Places, cure: Failure["cure"]): Promise<Server | Failure> {
  const ran = await run(command, ["--version"], { cwd: places.cwd, timeoutMs: PROBE_MS });
  const version = /^dlm-lsp (\d+\.\d+\.\d+\S*)\s*$/.exec(ran.stdout)?.[1];
  if (ran.status !== 0 || version === undefined) {
    const why = lastLine(ran.stderr) || "it did not say its version";
    return { sentence: `${command} cannot be used as the server: ${why}.`, cure };
  }
  if (!isCompatible(version, places.version)) {
    return { sentence: `${command} is version ${version}; this extension needs ${places.version}.`, cure };
  }
  return { command, version };
}
