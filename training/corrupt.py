"""Draws training canvases: which window of which file, and which of its tokens are hidden.

In: a `Stream` and a counter. Out: `Canvases` (inputs, targets, weights) as numpy arrays. A batch is a pure function of
(seed, step), so that a resumed run sees what an uninterrupted one would have seen. Knows no torch and no model.

A canvas is laid out as at inference: `<|endoftext|>`, then what `dlm_lsp.text.layout` puts before a window, then the
window. Position 0 is never a mask, because no row stands before it to predict it.

Two phases. *Dense*: every window token is hidden with one probability t ~ U(0.02, 1). *Holes*: what the server asks
for: lines, ends of lines, blocks, bodies, spans, and pieces cut at any character. A hole holds slots that must be
*deleted* (END_OF_TEXT; the length is unknown at inference), or, in some, masks that must *expand* into two.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tokenizers import Tokenizer

from dlm_lsp.text.layout import Special, lay_out
from dlm_lsp.values import Context, Snippet
from training.stream import Stream
from training.tokenizer import END_OF_TEXT, EXPAND, MASK, PATH, SEP

SHAPES = {"lines": 0.24, "tails": 0.15, "block": 0.1, "body": 0.13, "spans": 0.1, "cuts": 0.16, "dense": 0.12}
"""Share of each kind of canvas in the phase of holes."""
ALL_HIDDEN = 0.45  # share of holes without a visible token: what the first step of inference sees
WITH_LINE_END = 0.4  # share of holes of whole lines that write the line end and indentation before them too
LEFT_TO_RIGHT = 0.1  # share of the others in which a typed beginning is visible
EXPANDING = 0.15  # share of holes that are too short instead of too long
PADDED = 0.65  # share of the others that hold slots to delete
SLACK_TOKENS = 64  # further tokens of the file, in place of those that merging takes away

Ids = list[int]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Canvases:
    """A batch of B canvases of L tokens."""

    inputs: NDArray[np.int64]  # [B, L]
    targets: NDArray[np.int64]  # [B, L], equal to the inputs where nothing is hidden
    weights: NDArray[np.float32]  # [B, L], 0 where nothing is hidden


@dataclass(frozen=True, slots=True)
class Window:
    """What stands before a window on the canvas, and the window's tokens, some more than fit."""

    head: Ids
    body: Ids


class Sampler:
    """Draws batches from one stream; holds tables of the vocabulary, no state."""

    def __init__(self, stream: Stream, tokenizer: Tokenizer, seed: int) -> None:
        self.stream, self.tokenizer, self.seed = stream, tokenizer, seed
        pieces = [tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size())]
        self._breaks = np.array([piece.lstrip("\r")[:1] == "\n" for piece in pieces])  # [V]
        self._indents = np.array([len(piece) - 1 if piece[:1] == "\n" else 0 for piece in pieces])  # [V]
        (self._bare_break,) = tokenizer.encode("\n", add_special_tokens=False).ids

    def batch(self, step: int, length: int, count: int, *, holes: bool) -> Canvases:
        """Batch number `step`: `count` canvases of `length` tokens."""
        rows = [self.canvas(np.random.default_rng([self.seed, step, row]), length, holes=holes) for row in range(count)]
        inputs, targets, weights = (np.stack(column) for column in zip(*rows, strict=True))
        return Canvases(inputs, targets, weights)

    def canvas(
        self, rng: Generator, length: int, *, holes: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """One canvas; drawn again in the rare case that nothing of it came out hidden."""
        while True:
            window = self.window(rng, length)
            shape = rng.choice(list(SHAPES), p=list(SHAPES.values())) if holes else "dense"
            body = window.body
            spans: list[Span] = []
            if shape == "cuts":
                body, spans = self.cut(rng, window.body, length - len(window.head))
            elif shape != "dense":
                spans = self.spans(rng, np.array(body), shape, length - len(window.head))
            made = hide_spans(rng, body, spans, SLACK_TOKENS) if spans else hide_anywhere(rng, body)
            inputs, targets, weights = window_on_canvas(window.head, made, length)
            if weights.any():
                return inputs, targets, weights

    def window(self, rng: Generator, length: int) -> Window:
        """A stretch of a file that fills the canvas behind its head, and SLACK_TOKENS more.

        It starts at the file's start, or behind a line end without indentation, so that its first piece is what a
        window cut at a line would give.
        """
        stream = self.stream
        while True:
            place = int(rng.integers(len(stream.ids)))
            file = int(np.searchsorted(stream.starts, place, side="right")) - 1
            first, end = int(stream.starts[file]), int(stream.starts[file + 1])
            latest = end - length - SLACK_TOKENS
            if latest >= first:
                break
        start = min(place, latest)
        before = np.flatnonzero(stream.ids[first:start] == self._bare_break)
        start = first + int(before[-1]) + 1 if len(before) and rng.random() < 0.9 else first
        head = self.head(rng, file, first, start, room=length // 3)
        return Window(head, stream.ids[start : start + length - len(head) + SLACK_TOKENS].tolist())

    def head(self, rng: Generator, file: int, first: int, start: int, room: int) -> Ids:
        """END_OF_TEXT, then in half of the canvases path, imports, names and a snippet, as the server would send them."""
        if rng.random() < 0.5:
            return [END_OF_TEXT]
        package, _, path = self.stream.names[file].partition("/")
        imports: list[str] = []
        names: list[str] = []
        if start > first and rng.random() < 0.5:
            lines = self.tokenizer.decode(self.stream.ids[first:start].tolist()).split("\n")
            imports = [line + "\n" for line in lines if line.startswith(("import ", "from ")) and "(" not in line][:8]
            names = [
                line.split("(")[0].split(":")[0].split()[-1] for line in lines if line.startswith(("def ", "class "))
            ]
        snippets = (self.snippet(rng, file, package),) if rng.random() < 0.15 else ()
        context = Context("/".join(path.split("/")[-2:]), "".join(imports), tuple(names[-16:]), snippets)
        head = [END_OF_TEXT]
        for piece in lay_out(context, "", markers=True):
            if isinstance(piece, Special):
                head.append({"path": PATH, "sep": SEP}[piece.name])
            else:
                head += self.tokenizer.encode(piece, add_special_tokens=False).ids
        return head if len(head) <= room else [END_OF_TEXT]

    def snippet(self, rng: Generator, file: int, package: str) -> Snippet:
        """A few lines of a neighbouring file."""
        near = min(max(file + int(rng.integers(-4, 5)), 0), len(self.stream.names) - 1)
        near = near if self.stream.names[near].startswith(package + "/") else file
        first, end = int(self.stream.starts[near]), int(self.stream.starts[near + 1])
        at = int(rng.integers(first, max(first + 1, end - 64)))
        text = self.tokenizer.decode(self.stream.ids[at : min(at + 64, end)].tolist())
        lines = text.split("\n")[1:-1]
        return Snippet("/".join(self.stream.names[near].split("/")[-2:]), "\n".join(lines))

    def lines(self, body: NDArray[np.int64], room: int) -> list[Span]:
        """Contents of the lines among the first `room` tokens that a line end stands before and behind; some are empty."""
        breaks = np.flatnonzero(self._breaks[body[:room]])
        return [(int(a) + 1, int(b)) for a, b in pairwise(breaks)]

    def spans(self, rng: Generator, body: NDArray[np.int64], shape: str, room: int) -> list[Span]:
        """Places of holes of one shape among the first `room` tokens, ascending, at least one token apart."""
        lines = self.lines(body, room)
        if len(lines) < 2:
            return []
        full = [line for line in lines if line[1] > line[0]]
        wanted = room * rng.uniform(0.15, 0.45)
        found: list[Span] = []
        for _ in range(40):
            span: Span | None
            if shape == "lines":
                span = full[rng.integers(len(full))] if full else None
            elif shape == "tails":
                begin, end = full[rng.integers(len(full))] if full else (0, 0)
                span = (int(rng.integers(begin, end)), end) if full else None
            elif shape == "block":
                at, more = int(rng.integers(len(lines))), int(rng.integers(1, 6))
                span = (lines[at][0], lines[min(at + more, len(lines) - 1)][1])
            elif shape == "body":
                span = indented_block(rng, lines, [int(self._indents[body[begin - 1]]) for begin, _ in lines])
            else:
                begin = int(rng.integers(1, room - 1))
                span = (begin, min(begin + int(rng.geometric(1 / 6)), room))
            if span and shape in {"lines", "block", "body"} and rng.random() < WITH_LINE_END:
                span = (span[0] - 1, span[1])  # the server heals a line end whose indentation is still open
            if span and span[1] > span[0] and all(span[1] < other[0] or other[1] < span[0] for other in found):
                found.append(span)
                wanted -= span[1] - span[0]
            if wanted <= 0:
                break
        return sorted(found)

    def cut(self, rng: Generator, body: Ids, room: int) -> tuple[Ids, list[Span]]:
        """One hole that ends between any two characters; the parts are tokenised apart, as the server does.

        Mostly it starts between tokens, because the server takes a token that the cursor cuts into the hole.
        """
        text = self.tokenizer.decode(body[:room])
        begin = len(self.tokenizer.decode(body[: rng.integers(1, room - 1)]))
        if rng.random() < 0.3:
            begin = int(rng.integers(1, len(text) - 1))
        end = min(begin + int(np.exp(rng.uniform(np.log(3), np.log(200)))), len(text))
        parts = (text[:begin], text[begin:end], text[end:])
        before, hole, after = (self.tokenizer.encode(part, add_special_tokens=False).ids for part in parts)
        return before + hole + after + body[room:], [(len(before), len(before) + len(hole))] if hole else []


def indented_block(rng: Generator, lines: list[Span], indents: list[int]) -> Span | None:
    """The lines that stand deeper than a line drawn at random and directly behind it: a body, as Python shows it."""
    heads = [
        at
        for at in range(len(lines) - 1)
        if lines[at][1] > lines[at][0] and lines[at + 1][1] > lines[at + 1][0] and indents[at + 1] > indents[at]
    ]
    if not heads:
        return None
    head = heads[rng.integers(len(heads))]
    last = head
    for at in range(head + 1, len(lines)):
        if lines[at][1] == lines[at][0]:
            continue  # a blank line belongs to the body if more of it follows
        if indents[at] <= indents[head]:
            return (lines[head + 1][0], lines[last][1])
        last = at
    return None  # its end is not on the canvas


def hide_anywhere(rng: Generator, body: Ids) -> list[tuple[int, int, float]]:
    """Every token hidden with one probability; gives (input, target, weight) of each place."""
    hidden = rng.random(len(body)) < rng.uniform(0.02, 1)
    return [(MASK if hide else token, token, float(hide)) for token, hide in zip(body, hidden, strict=True)]


def hide_spans(rng: Generator, body: Ids, spans: list[Span], slack: int) -> list[tuple[int, int, float]]:
    """Holes at `spans`, each with slots to delete or to expand; gives (input, target, weight) of each place."""
    made: list[tuple[int, int, float]] = []
    at = 0
    for begin, end in spans:
        made += [(token, token, 0.0) for token in body[at:begin]]
        tokens, at = body[begin:end], end
        hidden = hidden_of(rng, len(tokens))
        if rng.random() < EXPANDING:
            slots = merged(rng, tokens, hidden, slack)
            slack -= len(tokens) - len(slots)
            made += slots
        else:
            made += [(MASK if hide else token, token, float(hide)) for token, hide in zip(tokens, hidden, strict=True)]
            deletes = int(rng.integers(1, 13 + 2 * int(np.sqrt(len(tokens))))) if rng.random() < PADDED else 0
            # All deletes of a hole weigh as one token: otherwise the model learns length before it learns code.
            made += [(MASK, END_OF_TEXT, 1 / max(deletes, 1))] * deletes
    return made + [(token, token, 0.0) for token in body[at:]]


def hidden_of(rng: Generator, count: int) -> NDArray[np.bool_]:
    """Which of a hole's tokens are hidden: all, those behind a typed beginning, or a random share."""
    if rng.random() < ALL_HIDDEN:
        return np.ones(count, np.bool_)
    share = rng.random()
    if rng.random() < LEFT_TO_RIGHT:
        return np.arange(count) >= count * (1 - share)
    return rng.random(count) < share


def merged(rng: Generator, tokens: Ids, hidden: NDArray[np.bool_], slack: int) -> list[tuple[int, int, float]]:
    """A hole in which some neighbouring masks have become one that must expand (DreamOn's mixture of two rates)."""
    rate = 0.5 if rng.random() < 0.5 else 0.5 * (1 - hidden.mean())
    slots: list[tuple[int, int, float]] = []
    at = 0
    while at < len(tokens):
        if slack > 0 and at + 1 < len(tokens) and hidden[at] and hidden[at + 1] and rng.random() < rate:
            slots.append((MASK, EXPAND, 1.0))
            slack -= 1
            at += 2
        else:
            slots.append((MASK if hidden[at] else tokens[at], tokens[at], float(hidden[at])))
            at += 1
    return slots


def window_on_canvas(
    head: Ids, made: list[tuple[int, int, float]], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Head and window as arrays of exactly `length`."""
    places = [(token, token, 0.0) for token in head] + made
    assert len(places) >= length, "the window has too little slack"
    inputs, targets, weights = zip(*places[:length], strict=True)
    return np.array(inputs, np.int64), np.array(targets, np.int64), np.array(weights, np.float32)
