"""What kind of hole is at the cursor: where it may end, how its lines are indented, a first guess of its length.

In: a text that starts outside of strings and brackets (a slice or a whole document), and the cursor. Out: a `Hole`. It goes by
the lexical structure before the cursor and by the next line behind it, never by a tree of the whole: a text with a hole in it
mostly does not parse, and what the parser makes of it then depends on code far away.
"""

import re
from collections import Counter
from itertools import pairwise

from dlm_lsp.syntax.languages import Language, find_language
from dlm_lsp.syntax.scan import flatten, indent_of
from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.values import Hole, HoleKind

DEFAULT_UNIT = "    "
SOME_LINES = 16
"""Most lines of a hole between statements that are already there."""


def find_hole(text: str, cursor: int, language: str) -> Hole:
    """Say what is missing at `cursor`."""
    row = find_language(language)
    flat = flatten(text[:cursor], row)
    *earlier, current = flat.text.split("\n")
    before = re.split(r"[\r\n]", text[:cursor])[-1]
    behind = LINE_END.split(text[cursor:])
    rest = behind[0]
    indent = indent_of(current)
    if flat.string:
        return Hole(HoleKind.STRING, indent, max_lines=1, hint_tokens=8)
    if flat.comment:
        return Hole(HoleKind.COMMENT, indent, max_lines=1, hint_tokens=12)
    if rest.strip():
        return Hole(HoleKind.INLINE, indent, before if not before.strip() else "", max_lines=1, hint_tokens=8)
    if flat.brackets:
        return Hole(HoleKind.INLINE, indent, before if not before.strip() else "", max_lines=1, hint_tokens=12)
    statements = [line for line in earlier if line.strip()]
    following = _next_indent(behind[1:])
    unit = _unit(statements, behind)
    if not current.strip():
        return _on_own_line(statements, before, following, unit, row)
    if not row.header.match(current):
        return Hole(HoleKind.REST, indent, max_lines=1, hint_tokens=12)
    if following is not None and len(following) > len(indent):
        return Hole(HoleKind.REST, following, floor=following, max_lines=SOME_LINES, hint_tokens=16)
    inside = indent + unit
    return Hole(HoleKind.BODY, inside, floor=_floor([*statements, current], inside, following, row), hint_tokens=32)


def open_levels(statements: list[str], row: Language) -> list[str]:
    """Give the indentations that a new statement may have behind these, the deepest first."""
    levels: list[str] = []
    for line in reversed(statements):
        indent = indent_of(line)
        if not levels and row.header.match(line):
            levels.append(indent + _unit(statements, []))
        if not levels or len(indent) < len(levels[-1]):
            levels.append(indent)
        if not indent:
            break
    return levels or [""]


def _on_own_line(statements: list[str], before: str, following: str | None, unit: str, row: Language) -> Hole:
    """Say what is missing on a line that holds white space only."""
    head = _head_without_body(statements, row)
    if head is not None and (following is None or len(following) <= len(head)):
        indent = before if len(before) > len(head) else _written_body(statements, head) or head + unit
        floor = _floor(statements, indent, following, row)
        return Hole(HoleKind.BODY, indent, before, floor, hint_tokens=32)
    indent = before
    if following is not None and len(following) > len(before):
        # what follows belongs to a block that is open here, or else to one that only the hole can open
        levels = open_levels(statements, row)
        indent = following if following in levels or head is not None else levels[0]
    return Hole(HoleKind.LINE, indent, before, _floor(statements, indent, following, row), SOME_LINES, 20)


def _floor(statements: list[str], indent: str, following: str | None, row: Language) -> str:
    """Give the least indentation in a hole: its function's, and not less than that of what follows in an open block."""
    floor = indent
    levels = open_levels(statements, row)
    for line in reversed(statements):
        outer = indent_of(line)
        if len(outer) < len(floor):
            if row.definition.match(line):
                break
            floor = outer
    else:
        floor = indent
    if following is not None and following in levels and len(floor) < len(following) <= len(indent):
        return following
    return floor


def _head_without_body(statements: list[str], row: Language) -> str | None:
    """Give the indentation of the block header that the last statement is, or whose docstring it is."""
    lines = statements[-2:]
    if lines and not lines[-1].strip().strip('"') and lines[0] is not lines[-1]:
        lines.pop()
    return indent_of(lines[-1]) if lines and row.header.match(lines[-1]) else None


def _written_body(statements: list[str], head: str) -> str:
    """Give the indentation of the docstring below a header, if there is one."""
    indent = indent_of(statements[-1])
    return indent if len(indent) > len(head) else ""


def _next_indent(lines: list[str]) -> str | None:
    """Give the indentation of the next line that is neither empty nor a comment."""
    return next((indent_of(line) for line in lines if line.strip() and not line.lstrip().startswith("#")), None)


def _unit(statements: list[str], behind: list[str]) -> str:
    """Give the step by which this text indents its blocks: its most frequent one, the tab if it has only tabs."""
    lines = [*statements, "", *(line for line in behind if line.strip())]
    steps = Counter(
        indent_of(lower).removeprefix(indent_of(upper))
        for upper, lower in pairwise(lines)
        if upper.rstrip().endswith(":") and len(indent_of(lower)) > len(indent_of(upper))
    )
    return steps.most_common(1)[0][0] if steps else DEFAULT_UNIT
