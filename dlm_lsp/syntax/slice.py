"""The part of a document that is judged: whole statements around the cursor, so that it parses if the document does.

In: a text and a cursor. Out: a `Slice`. It is cut between statements, so never inside a string or bracket; a long class, or a
very long function, is entered, and its statements are judged under its header. Any other statement that is too long is cut
between lines: what is open there is opened before the slice and closed behind it. How much the model sees is another matter
(`text.window`). It goes by logical lines and not by a tree: the document is mostly one that does not parse, and a tree of it has
its borders anywhere. Neither its size nor the work for it grows with the document.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace

from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.logical import Line, LogicalLines, Role, logical_lines
from dlm_lsp.syntax.scan import OUTSIDE, flatten, indent_of
from dlm_lsp.text.brackets import CLOSERS, OPENERS

ENOUGH_LINES = 100
"""So many lines are judged if there is a choice; a class that is longer is entered."""
MAX_LINES = 400
"""How long any other statement may be that is judged whole."""
MAX_CHARS = 20_000
HUGE_CHARS = 4_000_000
"""A document that is longer holds data: its lines near the cursor are cut as if there were no others."""
NEAR_LINES = 1000
NEAR_CHARS = 50_000

_STRING = re.compile(r"\s*[A-Za-z]{0,2}[\"']")


_DEFINITIONS = {Role.DEFINITION, Role.CONTAINER}


@dataclass(frozen=True, slots=True)
class Slice:
    """What is judged, before and behind the cursor.

    `prefix` is text[start:cursor], with the headers of the classes and functions around it, and `suffix` is text[cursor:end].
    Where a statement was cut, `prefix` also begins with what opens its brackets or string, and `suffix` ends with what closes them.
    """

    prefix: str
    suffix: str
    start: int
    end: int


def cut_slice(text: str, cursor: int, language: str) -> Slice:
    """Cut the part of `text` around `cursor` that is judged."""
    if len(text) <= MAX_CHARS and text.count("\n") < ENOUGH_LINES:
        return Slice(text[:cursor], text[cursor:], 0, len(text))
    if len(text) > HUGE_CHARS:
        low, high = _reach(text, cursor, NEAR_LINES, NEAR_CHARS)
        near = cut_slice(text[low:high], cursor - low, language)
        return replace(near, start=near.start + low, end=near.end + low)
    document = logical_lines(text, find_language(language))
    return _Cut(document, cursor, ENOUGH_LINES).slice()


@dataclass(frozen=True, slots=True)
class _Body:
    """The block of a definition."""

    start: int
    indent: str
    in_container: bool


class _Cut:
    """A document and the place around which it is cut."""

    def __init__(self, document: LogicalLines, cursor: int, lines: int) -> None:
        self.document = document
        self.text = document.text
        self.cursor = cursor
        self.lines = lines
        self.low, self.high = _reach(self.text, cursor, lines, MAX_CHARS)
        """What is too far away to be judged is not looked at, but for the headers around the cursor."""
        self.behind = self._lines_behind()

    def slice(self) -> Slice:
        """Go from the outside in, until the statement at the cursor is short enough."""
        headers, floor, indent = "", 0, ""
        ceiling = len(self.text) if self.high == len(self.text) else self.high + 1
        while True:
            borders = self._borders(self.cursor, floor, ceiling, indent)
            at = min(bisect_right(borders, self.cursor), len(borders) - 1) - 1
            start, end = borders[at : at + 2]
            body = self._body(start, end)
            if self._fits(start, end, ENOUGH_LINES if body and body.in_container else MAX_LINES):
                return self._slice(headers, *self._widened(borders, at))
            if self.lines < MAX_LINES and not (body and body.in_container):
                return _Cut(self.document, self.cursor, MAX_LINES).slice()
            if body is None or len(headers) + body.start - start > MAX_CHARS // 2:
                return self._cut_between_lines(headers, indent, start, end)
            if self.cursor < body.start:  # in the header, which needs some of its block to parse
                borders = self._borders(body.start, body.start, end, body.indent)
                _, end = self._widened(borders, 0)
                return self._slice(headers, start, end)
            headers += self.text[start : body.start]
            floor, ceiling, indent = body.start, end, body.indent

    def _lines_behind(self) -> list[Line]:
        """Give the logical lines behind the cursor.

        Where a bracket or string is open at the cursor, they are read as if it ended with the cursor's line, if that makes
        more sense: it shows more definitions.
        """
        document, cursor = self.document, self.cursor
        state = document.before(cursor).state
        line_end = self.text.find("\n", cursor, self.high) + 1
        if not (state.string or state.brackets) or not line_end:
            return list(document.ahead(cursor + 1, self.high + 1))
        _, far = _reach(self.text, cursor, MAX_LINES, MAX_CHARS)
        as_it_stands = list(document.ahead(cursor + 1, far + 1))
        ended = list(document.ahead(line_end, far + 1, OUTSIDE))
        lines = max(as_it_stands, ended, key=lambda lines: sum(line.role in _DEFINITIONS for line in lines))
        return [line for line in lines if line.start <= self.high]

    def _borders(self, cursor: int, floor: int, ceiling: int, indent: str) -> list[int]:
        """Give the offsets in [floor, ceiling] between statements of an indentation, as far as one looks."""
        before: list[Line] = []
        borders = [floor]
        for line in self.document.back(cursor, indent):
            if line.start < floor:
                break
            if before and before[-1].start < self.low and line.role is not Role.DECORATOR:
                borders = []
                break
            if line.role is not Role.GOES_ON:
                before.append(line)
        decorated = False
        behind = [line for line in self.behind if cursor < line.start < ceiling and line.indent == indent]
        for line in (*reversed(before), *behind):
            if line.role is not Role.GOES_ON:
                borders += [] if decorated else [line.start]
                decorated = line.role is Role.DECORATOR
        return sorted({*borders, ceiling})

    def _body(self, start: int, end: int) -> "_Body | None":
        """Give the block of the definition that starts at a border, if one does."""
        looked_at = self.document.ahead(start, min(end, start + MAX_CHARS))
        lines = (line for line in looked_at if line.role is not Role.DECORATOR)
        head, first = next(lines, None), next(lines, None)
        if head is None or first is None or head.role not in _DEFINITIONS:
            return None
        deeper = len(first.indent) > len(head.indent)
        return _Body(first.start, first.indent, head.role is Role.CONTAINER) if deeper else None

    def _fits(self, start: int, end: int, most_lines: int) -> bool:
        """Whether so much may be judged."""
        if start < self.low or end > self.high or end - start > MAX_CHARS:
            return False
        return self.text.count("\n", start, end) <= most_lines

    def _widened(self, borders: list[int], at: int) -> tuple[int, int]:
        """Take as many of the statements around one as are enough; at least that one."""
        first, last = at, at + 1
        while first > 0 and self._fits(borders[first - 1], borders[last], ENOUGH_LINES // 2):
            first -= 1
        while last + 1 < len(borders) and self._fits(borders[first], borders[last + 1], ENOUGH_LINES):
            last += 1
        while first > 0 and self._fits(borders[first - 1], borders[last], ENOUGH_LINES):
            first -= 1
        return borders[first], borders[last]

    def _slice(self, headers: str, start: int, end: int) -> Slice:
        return Slice(headers + self.text[start : self.cursor], self.text[self.cursor : end], start, end)

    def _cut_between_lines(self, headers: str, indent: str, start: int, end: int) -> Slice:
        """Take the lines around the cursor of a statement that is too long."""
        low, high = _reach(self.text, self.cursor, ENOUGH_LINES // 2, MAX_CHARS // 8)
        if low > start:
            state = self.document.before(low).state._replace(joined=False)
            is_docstring = _STRING.match(self.text, start) is not None
            headers += indent + (state.lead if is_docstring or not state.string else f"_ = {state.lead}")
        else:
            low, state = start, OUTSIDE
        high = min(high, end)
        left = flatten(self.text[low:high], self.document.row, state)
        closed = self._closed_behind(left.brackets, high)
        closers = left.string + "".join(CLOSERS.get(bracket, "") for bracket in reversed(closed))
        return Slice(headers + self.text[low : self.cursor], self.text[self.cursor : high] + closers, low, high)

    def _closed_behind(self, opened: str, high: int) -> str:
        """Give those of the brackets that are open at `high` that the document closes behind it, as far as one can tell.

        It does not close those of the cursor's line where the next line stands by itself: that a table follows does not make
        the call above it whole, and its bracket is for the hole to close.
        """
        line_start = self.text.rfind("\n", 0, self.cursor) + 1
        before, here = (self.document.before(at).brackets for at in (line_start, self.cursor))
        line, *lines = self.text[line_start:high].split("\n")
        below = next((each for each in lines if each.strip()), "")
        goes_on = not below or len(indent_of(below)) > len(indent_of(line)) or below.lstrip()[0] in OPENERS
        if goes_on or not (here.startswith(before) and opened.startswith(here)):
            return opened
        return before + opened[len(here) :]


def _reach(text: str, cursor: int, lines: int, chars: int) -> tuple[int, int]:
    """Give the start of the line that is so many lines before the cursor's, and the end of the one so many behind it.

    Where that is more than `chars` away, it is the furthest line border that is not, or in a longer line the place itself.
    """
    low, high = max(cursor - chars, 0), min(cursor + chars, len(text))
    before = text[low:cursor].rsplit("\n", lines + 1)
    behind = text[cursor:high].split("\n", lines + 1)
    if len(before) > (lines + 1 if low == 0 else 1):
        low += len(before[0]) + 1
    if len(behind) > (lines + 1 if high == len(text) else 1):
        high -= len(behind[-1])
    return low, high
