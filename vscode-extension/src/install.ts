// Makes a virtual environment for the server, of its own: the interpreter of the user's project is not touched. In: which Python,
// what to install, where. Out: nothing, or a failure. It either is there as a whole afterwards or not at all. Knows no editor.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Failure } from "./find";
import { environmentBin, onSearchPath } from "./find";
import { lastLine, run } from "./run";

export interface Plan {
  /** The setting `dlm-lsp.server.python`; empty to look for one. */
  python: string;
  /** What pip is to install: a wheel, or a requirement. */
  source: string;
  environment: string;
}

export interface Watcher {
  signal: AbortSignal;
  report: (message: string) => void;
  log: (line: string) => void;
}

const NAMES = ["python3.13", "python3.12", "python3.11", "python3", "python"];
const PROBE_MS = 20_000;
const VENV_MS = 120_000;
const PIP_MS = 60 * 60_000;

export async function install(plan: Plan, watcher: Watcher): Promise<Failure | undefined> {
  const cwd = join(plan.environment, "..");
  await mkdir(cwd, { recursive: true });
  const python = await findPython(plan.python, cwd);
  if (!python) {
    const sentence = plan.python
      ? `${plan.python} is not a Python of version 3.11 or newer that can make environments.`
      : "No Python of version 3.11 or newer that can make environments was found.";
    return { sentence, cure: "setPython" };
  }
  const steps: [string, string, string[], number][] = [
    ["making an environment", python, ["-I", "-m", "venv", "--clear", plan.environment], VENV_MS],
    [
      "downloading PyTorch and the rest, which takes minutes",
      environmentBin(plan.environment, "python"),
      ["-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", plan.source],
      PIP_MS,
    ],
  ];
  for (const [what, command, args, timeoutMs] of steps) {
    watcher.report(what);
    watcher.log(`${command} ${args.join(" ")}`);
    const onLine = (line: string) => {
      watcher.log(line);
      const package_ = /^(?:Collecting|Downloading|Installing collected packages:?) (\S+)/.exec(line.trim());
      if (package_) watcher.report(line.trim().slice(0, 80));
    };
    const ran = await run(command, args, { cwd, timeoutMs, signal: watcher.signal, onLine });
    if (ran.status !== 0) {
      watcher.log(ran.stderr);
      await rm(plan.environment, { recursive: true, force: true });
      if (watcher.signal.aborted) return undefined;
      return { sentence: `The server could not be installed: ${lastLine(ran.stderr) || what}.`, cure: "install" };
    }
  }
  await writeFile(join(plan.environment, "made-by-the-dlm-lsp-extension"), "");
  return undefined;
}

async function findPython(chosen: string, cwd: string): Promise<string | undefined> {
  const names = chosen ? [chosen] : NAMES.map(onSearchPath).filter((name) => name !== undefined);
  for (const name of names) {
    const code = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    const ran = await run(name, ["-I", "-c", code], { cwd, timeoutMs: PROBE_MS });
    if (ran.status === 0) return name;
  }
  return undefined;
}
