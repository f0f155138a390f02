// Which server is taken, and what is said of one that cannot be. The programs are small shell scripts, run for real.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { findServer, isCompatible } from "../src/find";
import { install } from "../src/install";
import { run } from "../src/run";

let home: string;
const { PATH } = process.env;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "dlm-find-"));
  process.env.PATH = join(home, "path");
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(home, { recursive: true, force: true });
});

function program(folder: string, says: string): string {
  const file = join(home, folder, "dlm-lsp");
  mkdirSync(join(home, folder), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${says}\n`);
  chmodSync(file, 0o755);
  return file;
}

const places = (path = "") => ({ path, environment: join(home, "own"), version: "0.1.0", cwd: home });

test("fails if an explicit path is not the first choice, or another is taken in its place when it is wrong", async () => {
  program("path", "echo dlm-lsp 0.1.0");
  const chosen = program("chosen", "echo dlm-lsp 0.1.3");
  assert.deepEqual(await findServer(places(chosen)), { command: chosen, version: "0.1.3" });
  const missing = await findServer(places(join(home, "nowhere")));
  assert.ok("cure" in missing && missing.cure === "setPath" && missing.sentence.includes("ENOENT"));
});

test("fails if our own environment is not preferred to PATH, or an outdated one bars the way", async () => {
  const onPath = program("path", "echo dlm-lsp 0.1.0");
  const own = program("own/bin", "echo dlm-lsp 0.1.1");
  assert.deepEqual(await findServer(places()), { command: own, version: "0.1.1" });
  program("own/bin", "echo dlm-lsp 0.0.9");
  assert.deepEqual(await findServer(places()), { command: onPath, version: "0.1.0" });
});

test("fails if what is no server is taken for one, or the user is not told why and what to do", async () => {
  const cases: [string, RegExp][] = [
    ["echo Python 3.11.7", /did not say its version/],
    ["echo 'Traceback' >&2; echo 'ImportError: no torch' >&2; exit 1", /ImportError: no torch/],
    ["echo dlm-lsp 9.0.0", /is version 9\.0\.0; this extension needs 0\.1\.0/],
  ];
  for (const [says, why] of cases) {
    program("path", says);
    const found = await findServer(places());
    assert.ok("cure" in found && found.cure === "install");
    assert.match(found.sentence, why);
  }
  rmSync(join(home, "path"), { recursive: true });
  const nothing = await findServer(places());
  assert.ok("cure" in nothing && /not installed/.test(nothing.sentence));
});

test("fails if a folder on PATH that depends on where the editor was started is searched: it may be the user's project", async () => {
  program("path", "echo dlm-lsp 0.1.0");
  process.env.PATH = relative(process.cwd(), join(home, "path"));
  const found = await findServer(places());
  assert.ok("cure" in found && found.isMissing);
});

test("fails if versions that do not go together are allowed, or a mended server is refused", () => {
  assert.deepEqual(
    ["0.1.0", "0.1.9", "0.10.0", "0.2.0", "1.1.0"].map((version) => isCompatible(version, "0.1.0")),
    [true, true, false, false, false],
  );
});

test("fails if a program that hangs is waited for, or what it started goes on", async () => {
  const hanging = program("path", "/bin/sleep 60 & wait");
  const began = Date.now();
  const ran = await run(hanging, [], { cwd: home, timeoutMs: 200 });
  assert.equal(ran.status, null);
  assert.ok(Date.now() - began < 5000);
});

test("fails if what cannot even be tried as a program is thrown, and not told", async () => {
  const ran = await run("no\0program", [], { cwd: home, timeoutMs: 200 });
  assert.equal(ran.status, null);
  assert.match(ran.stderr, /null bytes/);
});

test("fails if installing without a Python says nothing useful, or half an environment stays behind", async () => {
  const watcher = { signal: new AbortController().signal, report: () => undefined, log: () => undefined };
  const plan = { python: "", source: "no-such-package", environment: join(home, "own") };
  const failure = await install(plan, watcher);
  assert.equal(failure?.cure, "setPython");
});
