// Nothing but insertions at the cursor may pass. Each case is something that a server could say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDrawable } from "../src/drawable";

const at = (line: number, character: number) => ({ line, character });
const range = (a: number, b: number, c: number, d: number) => ({ start: at(a, b), end: at(c, d) });

test("fails if an item that would replace code, or stand elsewhere, passes, or a good one does not", () => {
  const cursor = at(3, 4);
  const cases: [unknown, ReturnType<typeof range> | undefined, boolean][] = [
    ["x", range(3, 4, 3, 4), true],
    ["x\n  y", range(3, 4, 3, 4), true],
    ["x", undefined, false],
    ["x", range(3, 4, 3, 9), false],
    ["x", range(3, 0, 3, 4), false],
    ["x", range(3, 4, 5, 0), false],
    ["x", range(2, 4, 2, 4), false],
    ["  \n", range(3, 4, 3, 4), false],
    [{ value: "$1" }, range(3, 4, 3, 4), false],
    [undefined, range(3, 4, 3, 4), false],
  ];
  const passed = cases.map(([insertText, there]) => isDrawable({ insertText, range: there }, cursor));
  assert.deepEqual(
    passed,
    cases.map(([, , expected]) => expected),
  );
});
