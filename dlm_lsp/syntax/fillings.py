r"""Something simple to put into a hole, so that the text around it parses.

In: a hole, the text before it and behind it. Out: short texts to try, the likeliest first. Where a hole stands inside of a line,
the line that a filling makes is tried by itself first, which costs microseconds: what the brackets and quotes before the hole
owe, and what those behind it need, is read off the text. Python only: other languages get nothing to try but the empty text.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, product
from keyword import kwlist

from dlm_lsp.syntax.indentation import DEFAULT_UNIT, open_levels
from dlm_lsp.syntax.languages import Language, find_language
from dlm_lsp.syntax.scan import flatten, indent_of
from dlm_lsp.text.brackets import CLOSERS
from dlm_lsp.values import Hole, HoleKind

MAX_BEHIND_CHARS = 2000
"""How far behind a hole the end of its line is looked for."""
MAX_LINE_ENDS = 3
"""How many places are tried as the end of the hole's last line."""
MAX_WAYS = 5
"""How many readings of the text behind a hole are tried."""
MAX_JOINTS = 80
"""How many texts are tried for each of them, the shortest first."""
MAX_TRIED_CHARS = 8000
"""How much text is tried for each of them: of a line of a thousand characters, a few texts only."""
MAX_LINES_TRIED = 2
"""How many first lines are combined with how many last lines."""
MAX_WHOLES = 10
"""How many texts that make a line inside of a line are given."""

_STATEMENTS = ("pass", "", "if x:", "if x: pass", "@x", "try:", "x = (", "else:", "except x:")
_QUOTES = ("", '"', "'", '"""', "'''")
_JOINTS = (
    *(
        "",
        "x",
        ",",
        "x,",
        ",x",
        "=",
        "x=",
        "=x",
        ":",
        "x:",
        ".",
        "x.",
        "(",
        "+",
        "x+",
        "+x",
        " ",
        "x ",
        " in ",
        " in x",
        " in x:",
    ),
    *("x in x", " for x in x", "x for x in x", " if ", " if x else ", " else ", " import ", " import x", "x import x"),
    *(" as ", " as x:", "lambda:", "def x", "class x", "x: x", "x = ", "f(", " and ", "():", "x():", "->x:"),
)
"""What may join the two ends of a line."""
_ENDS_IN_BRACKETS = ("", "x", " in x", " for x in x", " else x", ": x", "=x")
"""What may stand before the brackets that are closed."""
_OPENING_JOINTS = ("", ", ", " + ", " = ", "x = ", " in ", ": ", " if ", "x if ", " if x else ", " and ")
_STARTS_IN_BRACKETS = ("", "x", "x ", "x, ", "x for x in ", "x for x in x ")
"""What may stand behind the brackets that are opened."""
_LINE_STARTS = (
    "",
    "x",
    "x = ",
    "if ",
    "if x",
    "x + ",
    "for ",
    "for x in ",
    "return ",
    "def ",
    "def x",
    "with ",
    "from x ",
    "from ",
)
_LINE_ENDS = ("", "x", ":", "x:", " in x:", "():", "= x", " import x", " in x", " for x in x", " else x")
_BEFORE = {
    "elif": "if x: pass\n",
    "else": "if x: pass\n",
    "except": "try: pass\n",
    "finally": "try: pass\n",
    "case": "match x:\n ",
}
"""What must stand before a line that begins with such a word."""
_WORD = re.compile(r"[^\W\d]+")
_FIRST_WORD = re.compile(r"\w+")
_LAST_WORD = re.compile(r"\w+\Z")


def simple_fillings(hole: Hole, before: str, behind: str, language: str) -> Iterator[str]:
    """Give the simple fillings of a hole, with the indentation, the brackets and the quotes that they need."""
    row = find_language(language)
    state = flatten(before, row)
    *earlier, current = state.text.split("\n")
    if row.strict is None:
        yield ""
    elif hole.kind in {HoleKind.BODY, HoleKind.LINE, HoleKind.DOCSTRING} and not current.strip():
        levels = [hole.indent, *open_levels([line for line in earlier if line.strip()], DEFAULT_UNIT, row)]
        leads = dict.fromkeys(level.removeprefix(hole.typed_indent) for level in levels)
        yield from (lead + text for text in _STATEMENTS for lead in leads)
        inner = ("if x:", "if x: pass")
        yield from (f"{lead}if x:\n{hole.typed_indent}{lead}{DEFAULT_UNIT}{text}" for text in inner for lead in leads)
    else:
        start = state.text.rfind("\n") + 1
        gap = _Gap(before[start:], state.string, state.brackets, behind[:MAX_BEHIND_CHARS], row)
        lines = [line for line in earlier if line.strip()]
        yield from islice(chain(gap.in_one_line(), gap.in_two_lines([*lines, current], row)), MAX_WHOLES)


@dataclass(frozen=True, slots=True)
class _Behind:
    """How the text behind a hole may be read: what is open where it starts, and where the line ends that it goes on with."""

    quotes: str
    closed: str
    """The brackets that it closes and did not open, in their order."""
    line: str


@dataclass(frozen=True, slots=True)
class _Gap:
    """A hole inside of a line."""

    head: str
    """The logical line up to the hole."""
    string: str
    """The quotes of the string that is open there."""
    brackets: str
    behind: str
    row: Language

    def in_one_line(self) -> Iterator[str]:
        """Join what stands before the hole to what stands behind it."""
        for way in self._ways():
            joints = self._few(self._joins(way), self.head + way.line)
            for joint in islice((joint for joint in joints if is_line(self.head + joint + way.line)), 1):
                yield joint
                if not way.line.strip() and (self.head + joint).endswith(":"):
                    yield joint + " pass"

    def in_two_lines(self, lines: list[str], row: Language) -> Iterator[str]:
        """End the line before the hole, and begin the one behind it, at every indentation that may be."""
        owed = self.string + self._owed
        ends = self._few((end for joint in _LINE_ENDS for end in (joint + owed, owed + joint)), self.head)
        firsts = list(islice((end for end in ends if is_line(self.head + end)), MAX_LINES_TRIED))
        lasts = list(dict.fromkeys(islice(self._last_starts(), MAX_LINES_TRIED)))
        for first, (last, blanks) in product(firsts, lasts):
            above = [*lines[:-1], lines[-1] + (":" if first.endswith(":") else "")]
            for level in dict.fromkeys([indent_of(self.head), *open_levels(above, DEFAULT_UNIT, row)]):
                if level.endswith(blanks):
                    yield f"{first}\n{level.removesuffix(blanks)}{last}"

    def _last_starts(self) -> Iterator[tuple[str, str]]:
        """Give beginnings of the line that goes on behind the hole, and what of its indentation stands there already."""
        for way in self._ways():
            word = _FIRST_WORD.match(way.line)
            missing = [kw.removesuffix(word[0]) for kw in kwlist if word and kw.endswith(word[0])]
            begins = (*(_LINE_STARTS[:4] if way.closed else _LINE_STARTS), *missing)
            starts = (begin + opened + way.quotes for begin, opened in product(begins, self._opened(way.closed)))
            fits = (start for start in self._few(starts, way.line) if is_line(start + way.line))
            blanks = indent_of(way.line)
            yield from islice(((start, blanks if not start else "") for start in fits), 1)

    def _middles(self, line: str) -> list[str]:
        """Give what is missing where a hole stands inside of a keyword."""
        start, end = _LAST_WORD.search(self.head), _FIRST_WORD.match(line)
        head, tail = start[0] if start else "", end[0] if end else ""
        return [
            keyword[len(head) : len(keyword) - len(tail)]
            for keyword in kwlist
            if len(keyword) > len(head + tail) and keyword.startswith(head) and keyword.endswith(tail) and head + tail
        ]

    def _opened(self, closed: str) -> Iterator[str]:
        """Open the brackets that are closed behind the hole, with and without something to call, and begin inside of them."""
        if not closed:
            yield ""
            return
        openers = [self.row.brackets[close] for close in reversed(closed)]
        called = "".join(opener if opener == "{" else f"x{opener}" for opener in openers)
        yield from (outer + inside for outer in ("".join(openers), called) for inside in _STARTS_IN_BRACKETS)

    def _ways(self) -> Iterator[_Behind]:
        """Read what stands behind as it is, or as if a string were open there; first what closes what is open before.

        As it is, is mostly enough: the others are not read before they are asked for.
        """
        others = [quotes for quotes in _QUOTES if quotes != self.string]
        return islice(chain.from_iterable(map(self._readings, ([self.string], others))), MAX_WAYS)

    @property
    def _owed(self) -> str:
        """What closes the brackets that are open before the hole."""
        return "".join(CLOSERS[bracket] for bracket in reversed(self.brackets))

    def _few(self, texts: Iterable[str], line: str) -> list[str]:
        """Take the shortest of the texts to try with a line."""
        most = min(MAX_JOINTS, MAX_TRIED_CHARS // (len(line) + 1) + 4)
        return sorted(dict.fromkeys(texts), key=len)[:most]

    def _readings(self, strings: Iterable[str]) -> list[_Behind]:
        """Read what stands behind as if one of these strings were open there."""
        found: list[_Behind] = []
        for quotes in strings:
            if quotes not in self.behind:
                continue  # it would not end
            flat = flatten(quotes + self.behind, self.row)
            if len(flat.text) == len(quotes + self.behind):
                ends = self._line_ends(quotes, flat.text)
                found += islice(ends, MAX_LINE_ENDS)
                outermost = (way for way in ends if way.closed and self._owed.endswith(way.closed))
                found += islice(outermost, 1)  # a table ends many lines below
        return sorted(found, key=lambda way: way.closed != self._owed)

    def _line_ends(self, quotes: str, flat: str) -> Iterator[_Behind]:
        """Find the places where no bracket is open that was opened behind the hole."""
        opened, closed = 0, []
        for match in re.finditer(r"[(\[{]|[)\]}]|\n|\Z", flat):
            if match[0] in CLOSERS:
                opened += 1
            elif match[0] in self.row.brackets:
                if opened:
                    opened -= 1
                else:
                    closed.append(match[0])
            elif not opened:
                yield _Behind(quotes, "".join(closed), self.behind[: max(match.start() - len(quotes), 0)])

    def _joins(self, way: _Behind) -> Iterator[str]:
        """Give what may stand between the line before the hole and the one behind it, if they are one line."""
        if self.string and self.string == way.quotes:
            yield ""  # the same string
        shared = min(len(self.brackets), len(way.closed))
        while shared and [self.row.brackets[close] for close in way.closed[len(way.closed) - shared :][::-1]] != list(
            self.brackets[:shared]
        ):
            shared -= 1
        closers = self.string + "".join(CLOSERS[bracket] for bracket in reversed(self.brackets[shared:]))
        closed = way.closed[: len(way.closed) - shared]
        inside = _ENDS_IN_BRACKETS if closers.removeprefix(self.string) and not self.string else ("",)
        for joint in _OPENING_JOINTS if closed else (*_JOINTS, *self._middles(way.line)):
            for end, opened in product(inside, self._opened(closed)):
                yield end + closers + joint + opened + way.quotes


def is_line(line: str) -> bool:
    """Whether a logical line by itself is a statement or the header of a block."""
    line = line.strip()
    word = _WORD.match(line)
    before = _BEFORE.get(word[0], "") if word else ""
    behind = "\ndef x(): pass" if line.startswith("@") else ""
    bodies = ("", " pass") if line.endswith(":") else ("",)
    return any(_parses(before + line + body + behind) for body in bodies)


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
