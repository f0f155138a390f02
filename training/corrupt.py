"""Draws training canvases: which window of which file, and which of its tokens are hidden.

In: a `Stream` and a counter. Out: `Canvases` (inputs, targets, weights) as numpy arrays. A batch is a pure function of
(seed, step), so that a resumed run sees what an uninterrupted one would have seen. Knows no torch and no model.

A canvas is laid out as at inference: `<|endoftext|>`, then what `dlm_lsp.text.layout` puts before a window, then the
window. Position 0 is never a mask, because no row stands before it to predict it.

Three kinds. *Causal*: nothing is hidden and every window token is one to predict, by rows that see what stands before it alone: a
start as an ordinary language model, whose rows predict the next token, too. *Dense*: every window token is hidden with one
probability t ~ U(0.02, 1). *Holes*: what the server asks for: lines, ends of lines, blocks, bodies, expressions, spans, and pieces cut at any character. A hole holds slots that must be
*deleted* (END_OF_TEXT; the length is unknown at inference), or, in some, masks that must *expand* into two.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dlm_lsp.text.layout import Special, lay_out
from dlm_lsp.text.names import IMPORT, bound_names, names_outside
from dlm_lsp.text.snippets import Chunk, choose, chunks
from dlm_lsp.values import Context, Snippet

from .bpe import END_OF_TEXT, EXPAND, MASK, PATH, SEP, Bpe
from .stream import Stream

SHAPES = {
    "lines": 0.22,
    "tails": 0.15,
    "block": 0.09,
    "body": 0.12,
    "nodes": 0.1,
    "spans": 0.08,
    "cuts": 0.14,
    "dense": 0.1,
}
"""Share of each kind of canvas in the phase of holes."""
READS = ("path", "imports", "names", "snippets")
"""What is told beside a window, by the names of `values.Context`; a server tells a checkpoint nothing else."""
ALL_HIDDEN = 0.45  # share of holes without a visible token: what the first step of inference sees
WITH_LINE_END = 0.4  # share of holes of whole lines that write the line end and indentation before them too
LEFT_TO_RIGHT = 0.1  # share of the others in which a typed beginning is visible
EXPANDING = 0.15  # share of holes that are too short instead of too long
PADDED = 0.65  # share of the others that hold slots to delete
WITH_SNIPPETS = 0.4  # share of the heads that offer pieces of other files
NEAR_FILES = 12  # of the same package, in the order of paths: whose chunks are offered
NAMES_TOLD = 32  # the server tells as many
CHARS_PER_TOKEN = 3.8
BRACKET = re.compile(r"[()\[\]{}]")
RIGHT_SIDE = re.compile(
    r"\b(?:return|if|elif|while|in|yield|raise|assert|not) ([^\n#]+?)(?=:?\n)|[\w\])] [-+*/|]?= ([^\n#]+)(?=\n)"
)
LONGEST_NODE_CHARS = 300
SLACK_TOKENS = 64  # further tokens of the file, in place of those that merging takes away

Ids = list[int]
Span = tuple[int, int]
Slot = tuple[int, int, float, bool]
"""One place: input, target, weight, whether it lies in a hole."""
Row = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]
"""One canvas: inputs, targets, weights, holes."""


@dataclass(frozen=True, slots=True)
class Canvases:
    """A batch of B canvases of L tokens."""

    inputs: NDArray[np.int64]  # [B, L]
    targets: NDArray[np.int64]  # [B, L], equal to the inputs where nothing is hidden
    weights: NDArray[np.float32]  # [B, L], 0 where nothing is hidden
    holes: NDArray[np.bool_]  # [B, L], True within holes, also where their tokens are visible


@dataclass(frozen=True, slots=True)
class Window:
    """What stands before a window on the canvas, and the window's tokens, some more than fit."""

    head: Ids
    body: Ids


class Sampler:
    """Draws batches from one stream; holds tables of the vocabulary, no state."""

    def __init__(self, stream: Stream, tokenizer: Bpe, seed: int) -> None:
        self.stream, self.tokenizer, self.seed = stream, tokenizer, seed
        pieces = [tokenizer.decode([token]) for token in range(tokenizer.size)]
        self._breaks = np.array([piece.lstrip("\r")[:1] == "\n" for piece in pieces])  # [V]
        self._indents = np.array([len(piece) - 1 if piece[:1] == "\n" else 0 for piece in pieces])  # [V]
        (self._bare_break,) = tokenizer.encode("\n")

    def batch(
        self, step: int, length: int, count: int, *, holes: bool, first: int = 0, causal: bool = False
    ) -> Canvases:
        """Of batch number `step` the canvases `first` to `first + count`, each of `length` tokens."""
        rows = [
            self.canvas(np.random.default_rng([self.seed, step, row]), length, holes=holes, causal=causal)
            for row in range(first, first + count)
        ]
        inputs, targets, weights, places = (np.stack(column) for column in zip(*rows, strict=True))
        return Canvases(inputs, targets, weights, places)

    def canvas(self, rng: Generator, length: int, *, holes: bool, causal: bool = False) -> Row:
        """One canvas; drawn again in the rare case that nothing of it came out hidden."""
        while True:
            window = self.window(rng, length, told=True)
            if causal:
                return window_on_canvas(window.head, [(token, token, 1.0, False) for token in window.body], length)
            shape = rng.choice(list(SHAPES), p=list(SHAPES.values())) if holes else "dense"
            body = window.body
            spans: list[Span] = []
            if shape in {"cuts", "nodes"}:
                body, spans = self.cut(rng, window.body, length - len(window.head), shape)
            elif shape != "dense":
                spans = self.spans(rng, np.array(body), shape, length - len(window.head))
            made = hide_spans(rng, body, spans, SLACK_TOKENS) if spans else hide_anywhere(rng, body)
            row = window_on_canvas(window.head, made, length)
            if row[2].any():
                return row

    def window(self, rng: Generator, length: int, *, told: bool) -> Window:
        """A stretch of a file that fills the canvas behind its head, and SLACK_TOKENS more; without `told` the head is empty.

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
        end = min(start + length, end)
        head = self.head(rng, file, start, end, room=length // 3) if told else [END_OF_TEXT]
        return Window(head, stream.ids[start : start + length - len(head) + SLACK_TOKENS].tolist())

    def head(self, rng: Generator, file: int, start: int, end: int, room: int) -> Ids:
        """END_OF_TEXT, then in half of the canvases what the server tells beside a window [start, end) of the file."""
        if rng.random() < 0.5:
            return [END_OF_TEXT]
        package, _, path = self.stream.names[file].partition("/")
        first, last = self.stream.starts[file : file + 2].tolist()
        before, within, after = (self.text(*part) for part in pairwise((first, start, end, last)))
        text, begin, behind = before + within + after, len(before), len(before) + len(within)
        share = int(room * 3 * CHARS_PER_TOKEN / 8)  # of the canvas, as in the server
        imports = imports_before(text, begin, share) if rng.random() < 0.7 else ""
        names: tuple[str, ...] = ()
        if rng.random() < 0.7:
            names = names_outside(list(bound_names(text)), begin, behind, NAMES_TOLD, share)
        snippets: tuple[Snippet, ...] = ()
        if rng.random() < WITH_SNIPPETS:
            place = int(rng.integers(begin, behind))
            offered = self.offered(rng, file, package)
            snippets = choose(offered, text[begin:place], text[place:behind], most=3, max_chars=2 * share)
        head = [END_OF_TEXT]
        for piece in lay_out(Context(short(path), imports, names, snippets), "", markers=True):
            if isinstance(piece, Special):
                head.append({"path": PATH, "sep": SEP}[piece.name])
            else:
                head += self.tokenizer.encode(piece)
        return head if len(head) <= room else [END_OF_TEXT]

    def offered(self, rng: Generator, file: int, package: str) -> list[Chunk]:
        """The chunks of a few files near by in the same package, as if they were open beside this one."""
        near = range(max(file - NEAR_FILES, 0), min(file + NEAR_FILES + 1, len(self.stream.names)))
        files = [other for other in near if other != file and self.stream.names[other].startswith(package + "/")]
        files = rng.permutation(np.array(files, np.int64))[:3].tolist()
        found: list[Chunk] = []
        for other in files:
            text = self.text(*self.stream.starts[other : other + 2].tolist())
            found += chunks(short(self.stream.names[other]), text)
        return found

    def text(self, first: int, end: int) -> str:
        """The text of a stretch of the stream."""
        return self.tokenizer.decode(self.stream.ids[first:end].tolist())

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

    def cut(self, rng: Generator, body: Ids, room: int, shape: str) -> tuple[Ids, list[Span]]:
        """Holes that begin and end between any two characters; the parts are tokenised apart, as the server does."""
        text = self.tokenizer.decode(body[:room])
        if shape == "nodes":
            holes = nodes(rng, text)
        else:
            # Mostly it starts between tokens, because the server takes a token that the cursor cuts into the hole.
            begin = len(self.tokenizer.decode(body[: rng.integers(1, room - 1)]))
            if rng.random() < 0.3:
                begin = int(rng.integers(1, len(text) - 1))
            holes = [(begin, min(begin + int(np.exp(rng.uniform(np.log(3), np.log(200)))), len(text)))]
        tokens: Ids = []
        spans: list[Span] = []
        at = 0
        for begin, end in holes:
            tokens += self.tokenizer.encode(text[at:begin])
            hole, at = self.tokenizer.encode(text[begin:end]), end
            spans += [(len(tokens), len(tokens) + len(hole))] if hole else []
            tokens += hole
        return tokens + self.tokenizer.encode(text[at:]) + body[room:], spans


def nodes(rng: Generator, text: str) -> list[Span]:
    """A few places of whole expressions: what stands in brackets, and what stands behind `=`, `return` and their like.

    Found by their signs alone, because a window does not parse; a bracket in a string may fool it.
    """
    opened: list[int] = []
    brackets: list[Span] = []
    for at in (match.start() for match in BRACKET.finditer(text)):
        if text[at] in "([{":
            opened.append(at + 1)
        elif opened and (begin := opened.pop()) < at:
            brackets.append((begin, at))
    right_sides = [match.span(match.lastindex or 0) for match in RIGHT_SIDE.finditer(text)]
    found: list[Span] = []
    for _ in range(int(rng.integers(1, 6))):
        kind = brackets if rng.random() < 0.5 else right_sides
        if kind:
            begin, end = kind[rng.integers(len(kind))]
            if end - begin <= LONGEST_NODE_CHARS and all(end < other[0] or other[1] < begin for other in found):
                found.append((begin, end))
    return sorted(found)


def short(path: str) -> str:
    """The last two components."""
    return "/".join(path.split("/")[-2:])


def imports_before(text: str, end: int, max_chars: int) -> str:
    """The import statements of a text that stand before `end`, as many as fit."""
    kept: list[str] = []
    for match in IMPORT.finditer(text, 0, end):
        max_chars -= len(match[0]) + 1
        if max_chars < 0:
            break
        kept.append(match[0] + "\n")
    return "".join(kept)


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


def hide_anywhere(rng: Generator, body: Ids) -> list[Slot]:
    """Every token hidden with one probability."""
    hidden = rng.random(len(body)) < rng.uniform(0.02, 1)
    return [(MASK if hide else token, token, float(hide), bool(hide)) for token, hide in zip(body, hidden, strict=True)]


def hide_spans(rng: Generator, body: Ids, spans: list[Span], slack: int) -> list[Slot]:
    """Holes at `spans`, each with slots to delete or to expand."""
    made: list[Slot] = []
    at = 0
    for begin, end in spans:
        made += [(token, token, 0.0, False) for token in body[at:begin]]
        tokens, at = body[begin:end], end
        hidden = hidden_of(rng, len(tokens))
        if rng.random() < EXPANDING:
            slots = merged(rng, tokens, hidden, slack)
            slack -= len(tokens) - len(slots)
            made += slots
        else:
            pairs = zip(tokens, hidden, strict=True)
            made += [(MASK if hide else token, token, float(hide), True) for token, hide in pairs]
            deletes = int(rng.integers(1, 13 + 2 * int(np.sqrt(len(tokens))))) if rng.random() < PADDED else 0
            # All deletes of a hole weigh as one token: otherwise the model learns length before it learns code.
            made += [(MASK, END_OF_TEXT, 1 / max(deletes, 1), True)] * deletes
    return made + [(token, token, 0.0, False) for token in body[at:]]


def hidden_of(rng: Generator, count: int) -> NDArray[np.bool_]:
    """Which of a hole's tokens are hidden: all, those behind a typed beginning, or a random share."""
    if rng.random() < ALL_HIDDEN:
        return np.ones(count, np.bool_)
    share = rng.random()
    if rng.random() < LEFT_TO_RIGHT:
        return np.arange(count) >= count * (1 - share)
    return rng.random(count) < share


def merged(rng: Generator, tokens: Ids, hidden: NDArray[np.bool_], slack: int) -> list[Slot]:
    """A hole in which some neighbouring masks have become one that must expand (DreamOn's mixture of two rates)."""
    rate = 0.5 if rng.random() < 0.5 else 0.5 * (1 - hidden.mean())
    slots: list[Slot] = []
    at = 0
    while at < len(tokens):
        if slack > 0 and at + 1 < len(tokens) and hidden[at] and hidden[at + 1] and rng.random() < rate:
            slots.append((MASK, EXPAND, 1.0, True))
            slack -= 1
            at += 2
        else:
            slots.append((MASK if hidden[at] else tokens[at], tokens[at], float(hidden[at]), True))
            at += 1
    return slots


def window_on_canvas(head: Ids, made: list[Slot], length: int) -> Row:
    """Head and window as arrays of exactly `length`."""
    places = [(token, token, 0.0, False) for token in head] + made
    assert len(places) >= length, "the window has too little slack"
    inputs, targets, weights, holes = zip(*places[:length], strict=True)
    return np.array(inputs, np.int64), np.array(targets, np.int64), np.array(weights, np.float32), np.array(holes)
