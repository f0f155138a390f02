// What became of an offer. Each test names the mistake that would make it fail.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Fate, Offer } from "../src/tracker";
import { Tracker } from "../src/tracker";

const URI = "file:///a.py";
const TEXT = "total = a + b\n    return total";
let told: [Fate, number, number][];
let tracker: Tracker;
const offer = (text: string, answer = 1, item = 0): Offer => ({ answer, item, text });
const fates = () => told.map(([fate]) => fate);

beforeEach(() => {
  told = [];
  tracker = new Tracker((fate, { answer }, chars) => told.push([fate, answer, chars]));
});

/** Insert at a place as an editor does: the change, then the caret behind it. */
function insert(offset: number, text: string): void {
  tracker.change(URI, offset, 0, text);
  tracker.caret(URI, offset + text.length);
}

test("all at once: fails if Tab counts as parts, or the characters are miscounted", () => {
  tracker.offer(URI, 10, [offer(TEXT)]);
  insert(10, TEXT);
  assert.deepEqual(told, [
    ["shown", 1, 0],
    ["accepted", 1, TEXT.length],
  ]);
});

test("CRLF: fails if the document's line ends make an accepted text another one, or the place behind it wrong", () => {
  tracker.offer(URI, 10, [offer(TEXT)]);
  insert(10, "total = a + b\r\n");
  tracker.offer(URI, 25, [offer("    return total", 2)]);
  insert(25, "    return total");
  assert.deepEqual(fates(), ["shown", "line", "finished"]);
});

test("by word, then to the end: fails if the rest is a new offer, or the end is not told", () => {
  tracker.offer(URI, 0, [offer("return a")]);
  insert(0, "return");
  tracker.offer(URI, 6, [offer(" a", 2)]);
  insert(6, " a");
  assert.deepEqual(told, [
    ["shown", 1, 0],
    ["word", 1, 6],
    ["finished", 2, 2],
  ]);
});

test("a line: fails if what ends at a line's end counts as a word", () => {
  tracker.offer(URI, 0, [offer(TEXT)]);
  insert(0, "total = a + b");
  assert.deepEqual(fates(), ["shown", "line"]);
});

test("typed through: fails if single letters count as accepted, or the offer is lost on the way", () => {
  tracker.offer(URI, 0, [offer("ab")]);
  insert(0, "a");
  assert.equal(tracker.count(URI, 1), 1);
  insert(1, "b");
  assert.deepEqual(told, [
    ["shown", 1, 0],
    ["typed", 1, 1],
  ]);
});

test("typed over: fails if other text is not noticed, or is told twice", () => {
  tracker.offer(URI, 0, [offer("ab")]);
  insert(0, "x");
  insert(1, "y");
  assert.deepEqual(fates(), ["shown", "typedOver"]);
});

test("a second candidate: fails if only the first is compared", () => {
  tracker.offer(URI, 0, [offer("ab", 1, 0), offer("cd", 1, 1)]);
  insert(0, "cd");
  assert.deepEqual(fates(), ["shown", "accepted"]);
});

test("other answers for what stands: fails if asking for more counts as shown again", () => {
  tracker.offer(URI, 0, [offer("ab")]);
  tracker.offer(URI, 0, [offer("ab", 2), offer("cd", 2, 1)]);
  assert.deepEqual(fates(), ["shown"]);
});

test("away: fails if going elsewhere, deleting, or another document is taken for nothing, or for everything", () => {
  tracker.offer(URI, 5, [offer("ab")]);
  tracker.caret(URI, 5);
  tracker.caret(URI, 9);
  tracker.offer(URI, 5, [offer("ab")]);
  tracker.change(URI, 4, 1, "");
  tracker.offer(URI, 5, [offer("ab")]);
  tracker.change("file:///b.py", 0, 0, "x");
  tracker.change(URI, 0, 0, "x");
  assert.deepEqual(fates(), ["shown", "rejected", "shown", "rejected", "shown"]);
});

test("nothing to offer any more: fails if an old offer is still believed to be there", () => {
  tracker.offer(URI, 5, [offer("ab")]);
  tracker.offer(URI, 5, []);
  assert.equal(tracker.count(URI, 5), 0);
});
