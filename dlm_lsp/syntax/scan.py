r"""The lexical structure of a text up to a place: strings, comments, brackets, logical lines.

In: a text that starts outside of strings and brackets, usually cut at a cursor. Out: a `Flat`, a twin of the same length in
which every line is a logical line. It reads the text from the front and only once, so that what stands behind the cursor,
and whether that parses, has no say; it knows no grammar.
"""

import re
from dataclasses import dataclass

from dlm_lsp.syntax.languages import Language

_INDENT = re.compile(r"[ \t\f]*")


@dataclass(frozen=True, slots=True)
class Flat:
    r"""A text without what could mislead a look at its lines, and the state at its end.

    In `text`, of the same length as the original, strings are runs of quotes, comments and joined line ends are blanks, and
    the remaining lines end with \n.
    """

    text: str
    string: str = ""
    """The quotes of the string that is open at the end."""
    comment: bool = False
    """Whether the end stands in a comment."""
    brackets: str = ""
    """The brackets that are open at the end, the innermost last."""


def flatten(text: str, language: Language) -> Flat:
    """Read a text from its start to its end."""
    parts: list[str] = []
    brackets: list[str] = []
    string = ""
    comment = False
    done = 0
    for match in language.lexeme.finditer(text):
        kind, found = match.lastgroup, match[0]
        if kind == "statement":
            brackets.clear()  # such a word at a line's start says that a bracket before it was never closed
        gap = text[done : match.start()]
        parts.append(_join_lines(gap) if brackets else gap)
        done = match.end()
        if kind == "string":
            quote = match["quote"] or match["triple"]
            closed = match["quote_end"] or match["triple_end"]
            string = "" if closed or done < len(text) else quote
            found = '"' * len(found)
        elif kind in {"comment", "join"}:
            comment = kind == "comment" and done == len(text)
            found = " " * len(found)
        elif kind == "open":
            brackets.append(found)
        elif kind == "close":
            opener = language.brackets[found]
            if opener in brackets:
                del brackets[len(brackets) - 1 - brackets[::-1].index(opener) :]
        parts.append(found)
    gap = text[done:]
    parts.append(_join_lines(gap) if brackets else gap)
    flat = "".join(parts).replace("\r\n", " \n").replace("\r", "\n")
    return Flat(flat, string, comment, "".join(brackets))


def indent_of(line: str) -> str:
    """Give the white space that a line begins with; a form feed starts the count anew."""
    match = _INDENT.match(line)
    return match[0].rpartition("\f")[2] if match else ""


def _join_lines(text: str) -> str:
    """Blank out the line ends of a text."""
    return text.replace("\r", " ").replace("\n", " ")
