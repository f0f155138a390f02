"""How far the statements at a place may be indented: by those before it and by the next one behind it.

In: logical lines before a place, lines behind it. Out: indentations, as the white space that they are. It knows no cursor and not
what a hole is.
"""

from collections import Counter
from itertools import pairwise

from dlm_lsp.syntax.languages import Language
from dlm_lsp.syntax.scan import indent_of

DEFAULT_UNIT = "    "


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


class Block:
    """The statements before a hole and what is known of the code behind it."""

    def __init__(self, statements: list[str], behind: list[str], row: Language) -> None:
        self.statements = statements
        self.row = row
        code = [line for line in behind if line.strip() and not line.lstrip().startswith("#")]
        self.following = indent_of(code[0]) if code else ""
        """Of the next statement."""
        words = code[0].lstrip() if code else ""
        self.goes_on = words[:1] not in row.brackets and row.goes_on.match(words) is not None
        """Whether that belongs to a statement before the hole, as an `else` does."""
        self.unit = unit_of([*statements, "", *code])

    def head(self) -> tuple[str | None, str]:
        """Give the indentation of the header that stands last, and of the docstring, if there is one, below it."""
        lines = self.statements[-2:]
        docstring = lines.pop() if len(lines) == 2 and not lines[-1].strip(' \t\f"') else ""
        if not lines or not self.row.header.match(lines[-1]):
            return None, ""
        return indent_of(lines[-1]), indent_of(docstring)

    def floor(self, indent: str, *, below_header: bool = False) -> str:
        """Give the least indentation in a hole: its function's, and not less than that of what follows in an open block.

        Directly below a header, what follows may as well be the block of another one that is missing.
        """
        floor = outer = indent
        for line in reversed(self.statements):
            if len(indent_of(line)) < len(outer):
                if self.row.definition.match(line):
                    floor = outer
                    break
                outer = indent_of(line)
        levels, lowest = self.levels(), self.lowest()
        keeps_block = not below_header and lowest in levels and len(floor) < len(lowest) <= len(indent)
        return lowest if keeps_block else floor

    def levels(self) -> list[str]:
        """Give the indentations that a statement may have here, the deepest first."""
        return open_levels(self.statements, self.unit, self.row)

    def lowest(self) -> str:
        """Give the indentation of the block that goes on behind the hole: the next statement's, or before `else` the one inside."""
        inside = [level for level in self.levels() if len(level) > len(self.following)]
        return inside[-1] if self.goes_on and inside else self.following


def unit_of(lines: list[str]) -> str:
    """Give the step by which these lines indent their blocks, the most frequent one."""
    steps = Counter(
        indent_of(lower).removeprefix(indent_of(upper))
        for upper, lower in pairwise(lines)
        if upper.rstrip().endswith(":") and len(indent_of(lower)) > len(indent_of(upper))
    )
    return steps.most_common(1)[0][0] if steps else DEFAULT_UNIT
