"""What kind of hole is at the cursor: where it may end, how its lines are indented, a first guess of its length.

In: a text that starts outside of strings and brackets (a slice or a whole document), and the cursor. Out: a `Hole`. It goes by
the lexical structure before the cursor and by what closes it behind, never by a tree of the whole: a text with a hole in it
mostly does not parse, and what the parser makes of it then depends on code far away.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from string import ascii_letters

from dlm_lsp.syntax.indentation import Block, unit_of
from dlm_lsp.syntax.languages import Language, find_language
from dlm_lsp.syntax.scan import Flat, flatten, indent_of
from dlm_lsp.text.brackets import CLOSERS
from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.values import Hole, HoleKind

SOME_LINES = 16
"""Most lines of a hole between things that are already there."""
COMMENT_LINES = 4
_BRACKET = re.compile(r"[()\[\]{}]")


@dataclass(frozen=True, slots=True)
class _Place:
    """A cursor and what is around it."""

    row: Language
    flat: Flat
    """The text before the cursor."""
    earlier: list[str]
    """Its logical lines but the last."""
    current: str
    """The last one."""
    statement: str
    """The same one as it is written."""
    before: str
    """What stands before the cursor on its line."""
    rest: str
    """What stands behind the cursor on its line."""
    behind: str
    """What stands behind the cursor."""

    @classmethod
    def of(cls, text: str, cursor: int, row: Language) -> "_Place":
        flat = flatten(text[:cursor], row)
        *earlier, current = flat.text.split("\n")
        before = re.split(r"[\r\n]", text[:cursor])[-1]
        rest = LINE_END.split(text[cursor:], maxsplit=1)[0]
        return cls(row, flat, earlier, current, text[cursor - len(current) : cursor], before, rest, text[cursor:])

    @property
    def typed(self) -> str:
        """The indentation that stands on the cursor's line, if nothing else stands before the cursor."""
        return "" if self.before.strip() else self.before

    @property
    def on_own_line(self) -> bool:
        """Whether the cursor's line holds white space only."""
        return not self.before.strip() and not self.rest.strip()

    @property
    def next_line(self) -> str:
        """The line below the cursor's."""
        return [*LINE_END.split(self.behind, maxsplit=2), ""][1]


@lru_cache(maxsize=8)  # asked for a request, and once more when its slice is judged
def find_hole(text: str, cursor: int, language: str) -> Hole:
    """Say what is missing at `cursor`."""
    place = _Place.of(text, cursor, find_language(language))
    if place.flat.string:
        return _in_string(place)
    if place.flat.comment:
        return _in_comment(place)
    if place.flat.brackets and place.on_own_line:
        return _item(place)
    lines = LINE_END.split(place.behind)[1:]
    block = Block([line for line in place.earlier if line.strip()], lines, place.row)
    if place.rest.strip() or place.flat.brackets:
        indent = indent_of(place.current if place.current.strip() else place.before + place.rest)
        floor = block.floor(min(indent, indent_of(place.current), key=len))
        hint = 8 if place.rest.strip() else 12
        return Hole(HoleKind.INLINE, indent, place.typed, floor, max_lines=1, hint_tokens=hint, owes=_owed(place))
    if not place.current.strip():
        return _on_own_line(block, place.typed, below_gap=bool(place.earlier) and not place.earlier[-1].strip())
    return _at_line_end(block, place)


def _on_own_line(block: Block, typed: str, *, below_gap: bool) -> Hole:
    """Say what is missing on a line that holds white space only; `below_gap` says that the line above is empty."""
    head, docstring = block.head()
    if head is not None and len(block.following) <= len(head):
        if len(typed) > len(head) and len(typed) >= len(docstring):
            return Hole(HoleKind.BODY, typed, typed, block.floor(typed), hint_tokens=32)
        if not (docstring and below_gap):  # else the docstring is all the body, and the cursor stands outside
            inside = docstring or head + block.unit
            return Hole(HoleKind.BODY, inside, typed, block.floor(inside), hint_tokens=32)
    indent = typed
    levels, lowest = block.levels(), block.lowest()
    if len(lowest) > len(typed):
        # what follows belongs to a block that is open here, or else to one that only the hole can open
        is_block = lowest in levels or (head is not None and len(lowest) < len(levels[0]))
        indent = lowest if is_block else levels[0]
    floor = block.floor(indent, below_header=head is not None)
    return Hole(HoleKind.LINE, indent, typed, floor, SOME_LINES, hint_tokens=20)


def _at_line_end(block: Block, place: _Place) -> Hole:
    """Say what is missing behind a statement, or behind a header, finished or not."""
    current, indent = place.current, indent_of(place.current)
    is_header = place.row.header.match(current) is not None
    if is_header or _begins_header(current, place.row):
        has_body = len(block.following) > len(indent)
        if is_header or not has_body:
            block.statements.append(current if is_header else f"{current}:")
        if has_body and is_header:
            inside = min(block.following, block.levels()[0], key=len)
            floor = block.floor(inside, below_header=True)
            return Hole(HoleKind.REST, inside, "", floor, SOME_LINES, hint_tokens=16)
        if not has_body:
            inside = indent + block.unit
            kind, hint_tokens = (HoleKind.BODY, 32) if is_header else (HoleKind.REST, 24)
            return Hole(kind, inside, floor=block.floor(inside), hint_tokens=hint_tokens)
    max_lines = 2 if place.before.endswith("\\") else 1
    if len(block.following) > len(indent) and not _begins_header(current, place.row):
        max_lines = SOME_LINES  # what follows belongs to a block that only the hole can open
    return Hole(HoleKind.REST, indent, floor=block.floor(indent), max_lines=max_lines, hint_tokens=12)


def _begins_header(line: str, row: Language) -> bool:
    """Whether a logical line is a header up to some place before its colon."""
    if not row.opening.match(line):
        return False
    depth = 0
    for index, char in enumerate(line):
        depth += (char in row.brackets.values()) - (char in row.brackets)
        if char == ":" and depth == 0 and line[index + 1 : index + 2] != "=":
            return False
    return True


def _item(place: _Place) -> Hole:
    """Say what is missing on a line of its own inside brackets: it stands below its neighbours."""
    depth, opener = 1, len(place.current)
    while depth and opener:
        opener -= 1
        depth += (place.current[opener] in place.row.brackets) - (place.current[opener] in place.row.brackets.values())
    line = re.split(r"[\r\n]", place.statement[: opener + 1])[-1]
    beside, *above = LINE_END.split(place.statement[opener + 1 :])
    above = [each for each in above if each.strip()]
    below = next((each for each in LINE_END.split(place.behind)[1:] if each.strip()), "")
    owes = _owed(place)
    if not owes and below and below.lstrip()[0] not in place.row.brackets:
        indent = indent_of(below)
    elif above:
        indent = indent_of(above[-1])
    elif beside.strip():
        indent = " " * len(line)
    else:
        indent = indent_of(line) + unit_of([*place.earlier, "", *LINE_END.split(place.behind)])
    indent = max(indent, place.typed, key=len)
    return Hole(HoleKind.ITEM, indent, place.typed, indent_of(line), SOME_LINES, hint_tokens=12, owes=owes)


def _in_string(place: _Place) -> Hole:
    """Say what is missing in a string: prose in one that is a statement, an expression in a field of a formatted one."""
    quote, indent = place.flat.string, indent_of(place.current)
    start = max(match.start() for match in place.row.lexeme.finditer(place.statement) if match.lastgroup == "string")
    head = place.statement[:start]
    before = head.rstrip(ascii_letters)
    prefix = head[len(before) :].lower()
    is_prose = not before.strip() and not set(prefix) & set("bft")
    owes = "" if _closes_string(place, indent if is_prose else "") else quote + (_owed(place) or "")
    field = _open_field(place.statement[start + len(quote) :]) if set(prefix) & set("ft") else ""
    if field:
        owes = _still_owed(field, _BRACKET.findall(place.rest.partition(quote)[0])) + owes
        return Hole(HoleKind.INLINE, indent, place.typed, indent, 1, hint_tokens=6, owes=owes, quote=quote)
    kind = HoleKind.DOCSTRING if is_prose else HoleKind.STRING
    if len(quote) == 1:
        return Hole(kind, indent, floor=indent, max_lines=1, hint_tokens=8, owes=owes, quote=quote)
    ends_here = place.rest.lstrip().startswith(quote)
    below = place.next_line.strip()
    max_lines = SOME_LINES if ends_here or not (place.rest.strip() or below) or below.startswith(quote) else 1
    if not is_prose:
        return Hole(kind, place.typed, place.typed, "", max_lines, hint_tokens=16, owes=owes, quote=quote)
    inside = max(indent, place.typed, key=len)
    return Hole(kind, inside, place.typed, indent, max_lines, hint_tokens=16, owes=owes, quote=quote)


def _closes_string(place: _Place, indent: str) -> bool:
    """Whether what stands behind the cursor ends the string that the cursor is in, and not another one further down."""
    quote = place.flat.string
    if len(quote) == 1:
        return re.findall(rf"\\.|{quote}", place.rest).count(quote) % 2 == 1
    end = re.match(rf"((?:[^\\]|\\.)*?){quote}", place.behind, re.DOTALL)
    inner = [line for line in LINE_END.split(end[1])[1:] if line.strip()] if end else []
    row = place.row
    return end is not None and not any(
        not line.startswith(indent) or (row.definition.match(line) and row.header.match(line)) for line in inner
    )


def _in_comment(place: _Place) -> Hole:
    """Say what is missing in a comment; one that has its line for itself, and ends here, may go on in more such lines."""
    indent = indent_of(place.before)
    is_alone = place.before.lstrip().startswith("#") and not place.rest.strip()
    goes_on = is_alone and not place.next_line.lstrip().startswith("#")
    max_lines = COMMENT_LINES if goes_on else 1
    return Hole(HoleKind.COMMENT, indent, floor=indent, max_lines=max_lines, hint_tokens=12)


def _owed(place: _Place) -> str | None:
    """Give what closes the brackets that are open at the cursor, but for those that are closed behind it; None if none is open."""
    if not place.flat.brackets:
        return None
    lexemes = takewhile(lambda match: match.lastgroup != "statement", place.row.lexeme.finditer(place.behind))
    return _still_owed(place.flat.brackets, (each[0] for each in lexemes if each.lastgroup in {"open", "close"}))


def _still_owed(opened: str, behind: Iterable[str]) -> str:
    """Give what closes the opened brackets, the innermost last, but for those that the brackets behind close."""
    around = [CLOSERS[bracket] for bracket in opened]
    depth = 0
    owed = ""
    for bracket in behind:
        if bracket in CLOSERS:
            depth += 1
        elif depth:
            depth -= 1
        elif bracket in around:
            while (last := around.pop()) != bracket:
                owed += last  # it was not closed before one around it is
        if not around:
            break
    return owed + "".join(reversed(around))


def _open_field(written: str) -> str:
    """Give the brackets of the field that is open at the end of a formatted string, from its brace on; nothing outside of any."""
    opened: list[str] = []
    for bracket in _BRACKET.findall(re.sub(r"\{\{|\}\}", "", written)):
        if bracket == "{" or (opened and bracket in CLOSERS):
            opened.append(bracket)
        elif opened and CLOSERS[opened[-1]] == bracket:
            opened.pop()
    return "".join(opened)
