"""The part of a document that is judged: whole statements around the cursor, so that it parses if the document does.

In: a text and a cursor. Out: a `Slice`. It is cut between statements, so never inside a string or bracket; a statement that
is too long by itself is entered if it is a class or a function, and its statements are judged under its header. How much the
model sees is another matter (`text.window`). It goes by logical lines and not by a tree: the document is mostly one that does
not parse, and a tree of it has its borders anywhere.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from dlm_lsp.syntax.languages import Language, find_language
from dlm_lsp.syntax.scan import flatten, indent_of

MAX_LINES = 400

_LINE = re.compile(r"[^\n]*\S[^\n]*")


@dataclass(frozen=True, slots=True)
class Slice:
    """What is judged, before and behind the cursor.

    `prefix` is text[start:cursor], with the headers of the classes and functions around it, and `suffix` is text[cursor:end].
    """

    prefix: str
    suffix: str
    start: int
    end: int


def cut_slice(text: str, cursor: int, language: str) -> Slice:
    """Cut the part of `text` around `cursor` that is judged."""
    if text.count("\n") < MAX_LINES:
        return Slice(text[:cursor], text[cursor:], 0, len(text))
    row = find_language(language)
    flat = _flatten_around(text, cursor, row)
    headers, borders = "", _borders(flat, 0, len(text), "", row)
    while True:
        start, end = _choose(text, borders, cursor)
        body = _body(flat, start, end, row) if text.count("\n", start, end) > MAX_LINES else None
        if body is not None:
            floor, indent = body
            borders = _borders(flat, floor, end, indent, row)
            if cursor >= floor:
                headers += text[start:floor]
                continue
            _, end = _choose(text, borders, floor)  # the cursor is in the header; keep the first statements below it
        return Slice(headers + text[start:cursor], text[cursor:end], start, end)


def _flatten_around(text: str, cursor: int, row: Language) -> str:
    """Flatten the text; where a bracket or string is open at the cursor, as if it ended there, if that makes more sense."""
    flat = flatten(text, row).text
    before = flatten(text[:cursor], row)
    if not before.string and not before.brackets:
        return flat
    line_end = text.find("\n", cursor) + 1 or len(text)
    ended = f"{before.text}{' ' * (line_end - cursor - 1)}\n"[:line_end] + flatten(text[line_end:], row).text
    return max(flat, ended, key=lambda twin: len(row.definition.findall(twin)))


def _borders(flat: str, start: int, end: int, indent: str, row: Language) -> list[int]:
    """Give the offsets in [start, end] between statements of this indentation; decorators stay with theirs."""
    borders = {start, end}
    decorated = False
    for match in _LINE.finditer(flat, start, end):
        line = match[0].lstrip()
        if indent_of(match[0]) == indent and not row.goes_on.match(line):
            if not decorated:
                borders.add(match.start())
            decorated = line.startswith(row.decorator)
    return sorted(borders)


def _choose(text: str, borders: list[int], cursor: int) -> tuple[int, int]:
    """Take as many of the pieces around the cursor as fit into the allowed lines; at least the one with the cursor."""
    last = max(bisect_right(borders, cursor, hi=len(borders) - 1), 1)
    first = last - 1

    def lines(more_first: int, more_last: int) -> int:
        return text.count("\n", borders[more_first], borders[more_last])

    while first > 0 and lines(first - 1, last) <= MAX_LINES // 2:
        first -= 1
    while last + 1 < len(borders) and lines(first, last + 1) <= MAX_LINES:
        last += 1
    while first > 0 and lines(first - 1, last) <= MAX_LINES:
        first -= 1
    return borders[first], borders[last]


def _body(flat: str, start: int, end: int, row: Language) -> tuple[int, str] | None:
    """Give the offset and the indentation of the body, if [start, end) is a class or function."""
    lines = [match for match in _LINE.finditer(flat, start, end) if not match[0].lstrip().startswith(row.decorator)]
    if len(lines) < 2 or not row.definition.match(lines[0][0]):
        return None
    indent = indent_of(lines[1][0])
    return (lines[1].start(), indent) if len(indent) > len(indent_of(lines[0][0])) else None
