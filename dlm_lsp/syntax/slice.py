"""The part of a document that is judged: whole statements around the cursor, so that it parses if the document does.

In: a text and a cursor. Out: a `Slice`. It is cut between statements, so never inside a string or bracket; a statement that
is too long by itself is entered if it is a class or a function, and its statements are judged under its header. How much the
model sees is another matter (`text.window`).
"""

from dataclasses import dataclass

import tree_sitter

from dlm_lsp.syntax.languages import Language, find_language
from dlm_lsp.syntax.scan import flatten

MAX_LINES = 400


@dataclass(frozen=True, slots=True)
class Slice:
    """What is judged, before and behind the cursor.

    `prefix` is text[start:cursor], with the headers of the classes and functions around it, and `suffix` is text[cursor:end].
    """

    prefix: str
    suffix: str
    start: int
    end: int


def cut_slice(text: str, cursor: int, language: str, tree: tree_sitter.Tree | None = None) -> Slice:
    """Cut the part of `text` around `cursor` that is judged; `tree` is the text's, if somebody keeps one."""
    if text.count("\n") < MAX_LINES:
        return Slice(text[:cursor], text[cursor:], 0, len(text))
    row = find_language(language)
    tree = tree or row.parse(text)
    if tree is None:
        start, end = _choose(text, sorted({0, len(text), *_outer_lines(text, 0, len(text), row)}), cursor)
        return Slice(text[start:cursor], text[cursor:end], start, end)
    headers = ""
    block, floor, ceiling = tree.root_node, 0, len(text)
    while True:
        start, end = _choose(text, _borders(text, block, floor, ceiling, row), cursor)
        inner = _body_at(block, start, end, row)
        if inner is None or text.count("\n", start, end) <= MAX_LINES:
            return Slice(headers + text[start:cursor], text[cursor:end], start, end)
        floor, ceiling = _line_start(text, inner.start_byte), end
        if cursor < floor:  # in the header itself: with the first statements below it
            _, end = _choose(text, _borders(text, inner, floor, ceiling, row), floor)
            return Slice(headers + text[start:cursor], text[cursor:end], start, end)
        headers += text[start:floor]
        block = inner


def _borders(text: str, block: tree_sitter.Node, floor: int, ceiling: int, row: Language) -> list[int]:
    """Give the offsets between a block's statements, each the start of a line; what does not parse is cut by its lines."""
    starts = {floor, ceiling}
    for child in block.children:
        if not child.is_extra:
            starts.add(_line_start(text, child.start_byte))
        if child.is_error:
            starts |= _outer_lines(text, child.start_byte, child.end_byte, row)
    return sorted(start for start in starts if floor <= start <= ceiling)


def _outer_lines(text: str, start: int, end: int, row: Language) -> set[int]:
    """Give the starts of the lines that look like outermost statements."""
    flat = flatten(text[start:end], row)
    return {start + match.start() for match in row.outer_line.finditer(flat.text)}


def _choose(text: str, borders: list[int], cursor: int) -> tuple[int, int]:
    """Take as many of the pieces around the cursor as fit into the allowed lines; at least the one with the cursor."""
    first = max(index for index, border in enumerate(borders[:-1]) if border <= cursor)
    last = first + 1
    lines = text.count("\n", borders[first], borders[last])
    grown = True
    while grown:
        grown = False
        for before in (True, False):
            border = first - 1 if before else last + 1
            if not 0 <= border < len(borders):
                continue
            more = text.count("\n", *sorted((borders[border], borders[first] if before else borders[last])))
            if lines + more <= MAX_LINES:
                lines, grown = lines + more, True
                first, last = (border, last) if before else (first, border)
    return borders[first], borders[last]


def _body_at(block: tree_sitter.Node, start: int, end: int, row: Language) -> tree_sitter.Node | None:
    """Give the body of the class or function that the piece [start, end) of a block holds."""
    for child in block.children:
        if not start <= child.start_byte < end:
            continue
        definition = child.child_by_field_name("definition") or child  # below its decorators
        body = definition.child_by_field_name("body")
        if definition.type in row.definition_nodes and body is not None:
            return body
    return None


def _line_start(text: str, offset: int) -> int:
    """Give the start of an offset's line."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
