r"""The logical lines of a document, kept from one version of it to the next.

In: a text. Out: its `LogicalLines`, which are walked from any place, back or ahead. A text is read in blocks of lines, each when
it is needed first, and those that were read in another version of it are not read again: a keystroke costs what it changes,
however long the document is. What is remembered changes no answer.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import NamedTuple

from dlm_lsp.syntax.languages import Language
from dlm_lsp.syntax.scan import OUTSIDE, Flat, State, flatten, indent_of

BLOCK_LINES = 8
"""A block has so many lines, or up to twice as many once lines were added to it."""
LONG_LINE_CHARS = 10_000
"""A line that is longer is data: it is a block of its own that is not read and counts as empty."""
MAX_READINGS = 4
"""Of a block, with different things open before it; who types brackets opens ever more."""
MAX_RECENT = 16
"""Documents that are remembered."""

_LINE = re.compile(r"[^\n]*\S[^\n]*")


def _block_pattern(lines: int, long_line_chars: int) -> re.Pattern[str]:
    line_end = r"(?:\r\n|\r|\n|\Z)"
    return re.compile(rf"(?P<lines>(?:[^\r\n]{{0,{long_line_chars}}}+{line_end}){{1,{lines}}}+)|[^\r\n]++{line_end}")


_BLOCK = _block_pattern(BLOCK_LINES, LONG_LINE_CHARS)


class Role(Enum):
    """What a logical line is to the lines around it."""

    STATEMENT = "statement"
    DEFINITION = "definition"
    CONTAINER = "container"  # a definition whose block holds definitions, as a class does
    DECORATOR = "decorator"  # belongs to the statement below it
    GOES_ON = "goes on"  # belongs to the statement above it


class Line(NamedTuple):
    """A logical line that is not empty."""

    start: int
    """Offset of its first character, white space or not."""
    indent: str
    role: Role


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a block holds, with a certain state at its start."""

    lines: tuple[Line, ...]
    """Their offsets count from the start of the block."""
    indents: frozenset[str]
    left: State
    """What is open at its end."""


class _Block:
    """Some lines of a text."""

    __slots__ = ("_readings", "is_long", "text")

    def __init__(self, text: str, *, is_long: bool) -> None:
        self.text = text
        self.is_long = is_long
        self._readings: dict[State, _Reading] = {}

    def read(self, state: State, row: Language) -> _Reading:
        """Read the block, if that was not done before."""
        reading = self._readings.get(state)
        if reading is None:
            reading = _Reading((), frozenset(), state) if self.is_long else _read(self.text, state, row)
            if len(self._readings) >= MAX_READINGS:
                self._readings = {}
            self._readings[state] = reading
        return reading


class LogicalLines:
    """The logical lines of one text."""

    def __init__(self, text: str, row: Language, blocks: list[_Block], starts: list[int], states: list[State]) -> None:
        self.text = text
        self.row = row
        self._blocks = blocks
        self._starts = starts
        """Of the blocks, and the end of the last one."""
        self._states = states
        """What is open at the starts of the first blocks, so far as they were read."""
        self._head = self._behind = 0
        """How many blocks before and behind the last change were left as they were."""
        self._head_text = self._tail_text = ""
        """Those, joined: the next version is compared with them, and copying them takes longer than that."""

    @classmethod
    def of(cls, text: str, row: Language) -> "LogicalLines":
        """Begin with a text that is not known yet."""
        blocks = _cut(text) or [_Block("", is_long=False)]
        return cls(text, row, blocks, _starts(blocks, 0), [OUTSIDE])

    def updated(self, text: str) -> "LogicalLines":
        """Give those of another version of the text, which need not share anything with this one."""
        blocks, starts = self._blocks, self._starts
        # As a rule the change is where the last one was: all the rest is compared at once, and not block by block.
        head = self._head if text.startswith(self._head_text) else 0
        while head < len(blocks) and text.startswith(blocks[head].text, starts[head]):
            head += 1
        if head and not _is_line_start(text, starts[head]):
            head -= 1
        behind = self._behind if text.endswith(self._tail_text, starts[head]) else 0
        tail = len(blocks) - behind
        added = len(text) - len(self.text)
        while tail > head and text.endswith(blocks[tail - 1].text, starts[head], starts[tail] + added):
            tail -= 1
        if tail < len(blocks) and not _is_line_start(text, starts[tail] + added):
            tail += 1
        if (
            head
            and not blocks[head - 1].is_long
            and text.count("\n", starts[head], starts[tail] + added) < BLOCK_LINES // 2
        ):
            head -= 1  # else many small changes would leave many small blocks
        between = _cut(text[starts[head] : starts[tail] + added])
        behind = len(blocks) - tail
        if not head + len(between) + behind:
            return LogicalLines.of(text, self.row)
        moved = starts[tail + 1 :] if not added else [start + added for start in starts[tail + 1 :]]
        lines = LogicalLines(
            text,
            self.row,
            [*blocks[:head], *between, *blocks[tail:]],
            [*starts[:head], *_starts(between, starts[head]), *moved],
            self._states[: head + 1],
        )
        lines._head, lines._behind = head, behind
        lines._head_text = self._head_text if head == self._head else text[: starts[head]]
        lines._tail_text = self._tail_text if behind == self._behind else text[starts[tail] + added :]
        return lines

    def continues(self, older: "LogicalLines") -> bool:
        """Whether these, made by `updated`, share most of their blocks with what they were made from."""
        return 2 * (self._head + self._behind) > len(older._blocks)  # noqa: SLF001 of the same class

    def likeness(self, text: str) -> int:
        """Count the ends at which a text is like this one: both, as a rule one at least, if it is another version of it."""
        return text.startswith(self._blocks[0].text) + text.endswith(self._blocks[-1].text)

    def before(self, offset: int) -> Flat:
        """Say what is open at a place; its text begins at the start of some line."""
        at = self._block_at(offset)
        state = self._state(at)
        if self._blocks[at].is_long:
            return Flat("", state.string, brackets=state.brackets, joined=state.joined)
        return flatten(self.text[self._starts[at] : offset], self.row, state)

    def back(self, offset: int, indent: str) -> Iterator[Line]:
        """Give the lines of an indentation that start at `offset` or before it, the nearest first."""
        for at in range(self._block_at(offset), -1, -1):
            reading = self._blocks[at].read(self._state(at), self.row)
            if indent in reading.indents:
                lines = (line for line in reversed(reading.lines) if line.indent == indent)
                yield from _within(lines, self._starts[at], 0, offset + 1)

    def ahead(self, offset: int, end: int, state: State | None = None) -> Iterator[Line]:
        """Give the lines that start in [offset, end); if a state is given, `offset` is a line's start in that state."""
        at = self._block_at(offset)
        if state is None:
            state = self._state(at)
        elif offset > self._starts[at]:
            reading = _read(self.text[offset : self._starts[at + 1]], state, self.row)
            yield from _within(reading.lines, offset, offset, end)
            at, state = at + 1, reading.left
        while at < len(self._blocks) and self._starts[at] < end:
            reading = self._blocks[at].read(state, self.row)
            yield from _within(reading.lines, self._starts[at], offset, end)
            at, state = at + 1, reading.left

    def _block_at(self, offset: int) -> int:
        return min(bisect_right(self._starts, offset), len(self._blocks)) - 1

    def _state(self, at: int) -> State:
        """Say what is open at the start of a block."""
        if at >= len(self._states):
            states = list(self._states)  # two threads that read at once find the same
            for block in self._blocks[len(states) - 1 : at]:
                states.append(block.read(states[-1], self.row).left)
            self._states = states
        return self._states[at]


_recent: list[LogicalLines] = []


def logical_lines(text: str, row: Language) -> LogicalLines:
    """Give the logical lines of a text; soon, if it is like one that was asked about lately."""
    recent = list(_recent)
    alike = max((each for each in recent if each.row is row), key=lambda each: each.likeness(text), default=None)
    known = alike if alike and alike.likeness(text) else LogicalLines.of(text, row)
    lines = known if known.text == text else known.updated(text)
    # With little in common it may be another document with the same licence: then both are kept.
    kept = [each for each in recent if each is not known or (lines is not known and not lines.continues(known))]
    _recent[:] = [lines, *kept][:MAX_RECENT]
    return lines


def _cut(text: str) -> list[_Block]:
    """Cut a text that starts and ends with lines into blocks."""
    blocks = [_Block(match[0], is_long=match["lines"] is None) for match in _BLOCK.finditer(text) if match[0]]
    if len(blocks) > 1 and not blocks[-1].is_long and not blocks[-2].is_long:  # else a line added would add a block
        last = blocks.pop()
        blocks[-1] = _Block(blocks[-1].text + last.text, is_long=False)
    return blocks


def _starts(blocks: list[_Block], start: int) -> list[int]:
    """Give the starts of blocks of which the first begins at `start`, and the end of the last one."""
    return list(accumulate((len(block.text) for block in blocks), initial=start))


def _read(text: str, state: State, row: Language) -> _Reading:
    """Read some lines."""
    flat = flatten(text, row, state)
    lines: list[Line] = []
    for match in _LINE.finditer(flat.text):
        words = match[0].lstrip()
        blank = text[match.start() : match.end() - len(words)]
        start = (
            match.start() + max(blank.rfind("\n"), blank.rfind("\r")) + 1
        )  # empty lines that are joined to it are not it
        if match.start() or flat.starts_line:
            lines.append(Line(start, indent_of(flat.text[start : match.end()]), _role(words, row)))
    return _Reading(tuple(lines), frozenset(line.indent for line in lines), flat.state)


def _role(line: str, row: Language) -> Role:
    """Say what a logical line is."""
    words = line.lstrip()
    if words.startswith(row.decorator):
        return Role.DECORATOR
    if row.goes_on.match(words):
        return Role.GOES_ON
    if row.container.match(words):
        return Role.CONTAINER
    return Role.DEFINITION if row.definition.match(words) else Role.STATEMENT


def _within(lines: Iterable[Line], start: int, low: int, high: int) -> Iterator[Line]:
    """Give those lines of a block that start in [low, high), with their offsets in the text."""
    for at, indent, role in lines:
        if low <= at + start < high:
            yield Line(at + start, indent, role)


def _is_line_start(text: str, offset: int) -> bool:
    return offset == 0 or (text[offset - 1] in "\r\n" and text[offset - 1 : offset + 1] != "\r\n")
