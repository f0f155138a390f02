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
    rest, *behind = LINE_END.split(text[cursor:])
    indent = indent_of(current)
    if flat.string:
        return Hole(HoleKind.STRING, indent, floor=indent, max_lines=1, hint_tokens=8)
    before = re.split(r"[\r\n]", text[:cursor])[-1]
    if flat.comment:
        indent = indent_of(before)
        return Hole(HoleKind.COMMENT, indent, floor=indent, max_lines=1, hint_tokens=12)
    typed = "" if before.strip() else before
    if rest.strip() or flat.brackets:
        return Hole(HoleKind.INLINE, indent, typed, indent, max_lines=1, hint_tokens=8 if rest.strip() else 12)
    block = _Block([line for line in earlier if line.strip()], behind, row)
    if not current.strip():
        return _on_own_line(block, typed, below_gap=bool(earlier) and not earlier[-1].strip())
    if not row.header.match(current):
        return Hole(HoleKind.REST, indent, floor=indent, max_lines=1, hint_tokens=12)
    block.statements.append(current)
    if len(block.following) > len(indent):
        return Hole(HoleKind.REST, block.following, "", block.following, SOME_LINES, hint_tokens=16)
    inside = indent + block.unit
    return Hole(HoleKind.BODY, inside, floor=block.floor(inside), hint_tokens=32)


def open_levels(statements: list[str], unit: str, row: Language) -> list[str]:
    """Give the indentations that a new statement may have behind these, the deepest first."""
    levels: list[str] = []
    for line in reversed(statements):
        indent = indent_of(line)
        if not levels and row.header.match(line):
            levels.append(indent + unit)
        if not levels or len(indent) < len(levels[-1]):
            levels.append(indent)
        if not indent:
            break
    return levels or [""]


class _Block:
    """The statements before a hole and what is known of the code behind it."""

    def __init__(self, statements: list[str], behind: list[str], row: Language) -> None:
        self.statements = statements
        self.row = row
        code = [line for line in behind if line.strip() and not line.lstrip().startswith("#")]
        self.following = indent_of(code[0]) if code else ""
        self.unit = _unit([*statements, "", *code])

    def head(self) -> tuple[str | None, str]:
        """Give the indentation of the header that stands last, and of the docstring, if there is one, below it."""
        lines = self.statements[-2:]
        docstring = lines.pop() if len(lines) == 2 and not lines[-1].strip(' \t\f"') else ""
        if not lines or not self.row.header.match(lines[-1]):
            return None, ""
        return indent_of(lines[-1]), indent_of(docstring)

    def floor(self, indent: str) -> str:
        """Give the least indentation in a hole: its function's, and not less than that of what follows in an open block."""
        floor = outer = indent
        for line in reversed(self.statements):
            if len(indent_of(line)) < len(outer):
                if self.row.definition.match(line):
                    floor = outer
                    break
                outer = indent_of(line)
        levels = open_levels(self.statements, self.unit, self.row)
        keeps_block = self.following in levels and len(floor) < len(self.following) <= len(indent)
        return self.following if keeps_block else floor


def _on_own_line(block: _Block, typed: str, *, below_gap: bool) -> Hole:
    """Say what is missing on a line that holds white space only; `below_gap` says that the line above is empty."""
    head, docstring = block.head()
    if head is not None and len(block.following) <= len(head):
        if len(typed) > len(head):
            return Hole(HoleKind.BODY, typed, typed, block.floor(typed), hint_tokens=32)
        if not (docstring and below_gap):  # else the docstring is all the body, and the cursor stands outside
            inside = docstring or head + block.unit
            return Hole(HoleKind.BODY, inside, typed, block.floor(inside), hint_tokens=32)
    indent = typed
    if len(block.following) > len(typed):
        # what follows belongs to a block that is open here, or else to one that only the hole can open
        levels = open_levels(block.statements, block.unit, block.row)
        indent = block.following if block.following in levels or head is not None else levels[0]
    return Hole(HoleKind.LINE, indent, typed, block.floor(indent), SOME_LINES, hint_tokens=20)


def _unit(lines: list[str]) -> str:
    """Give the step by which these lines indent their blocks, the most frequent one."""
    steps = Counter(
        indent_of(lower).removeprefix(indent_of(upper))
        for upper, lower in pairwise(lines)
        if upper.rstrip().endswith(":") and len(indent_of(lower)) > len(indent_of(upper))
    )
    return steps.most_common(1)[0][0] if steps else DEFAULT_UNIT
