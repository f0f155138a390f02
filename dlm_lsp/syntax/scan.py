r"""The lexical structure of a text up to a place: strings, comments, brackets, logical lines.

In: a text, usually cut at a cursor, and what is open where it starts. Out: a `Flat`, a twin of the same length in which every
line is a logical line. It reads the text from the front and only once, so that what stands behind the cursor, and whether that
parses, has no say; it knows no grammar. A text may be read in parts that are cut between lines, each from the state in which
the part before it ended: the twins join to the twin of the whole, but for the line end at the cut.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from dlm_lsp.syntax.languages import Language

MAX_DEPTH = 200
"""Brackets inside of so many others do not count; Python's own parser takes no more."""

_INDENT = re.compile(r"[ \t\f]*")
_LONE_RETURN = re.compile(r"\r(?!\n)")


class State(NamedTuple):
    """What is open between two lines."""

    string: str = ""
    """The quotes of a string."""
    brackets: str = ""
    """Brackets, the innermost last."""
    joined: bool = False
    """Whether a line that is not empty goes on behind a backslash."""

    @property
    def lead(self) -> str:
        """Give a text that leads into this state."""
        if self.string or self.joined:
            return f"{self.brackets}{self.string or 'x'}\\\n"
        return f"{self.brackets}\n" if self.brackets else ""


OUTSIDE = State()


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
    joined: bool = False
    """Whether the last line, which is not empty, goes on behind a backslash at its end."""
    starts_line: bool = True
    """Whether the text starts a logical line, and does not go on with one."""

    @property
    def state(self) -> State:
        """What is open at the end, where that is between two lines."""
        return (
            State(self.string, self.brackets, self.joined) if self.string or self.brackets or self.joined else OUTSIDE
        )


@lru_cache(maxsize=16)  # the text before a cursor is read by all who look at it
def flatten(text: str, language: Language, state: State = OUTSIDE) -> Flat:
    """Read a text from its start to its end; `state` is what is open where it starts, which must be a line's start then."""
    if "\r" in text:
        text = _LONE_RETURN.sub("\n", text)
    lead = state.lead
    flat = _flatten(lead + text, language)
    if not lead:
        return flat
    return replace(flat, text=flat.text[len(lead) :], starts_line=flat.text[len(lead) - 1] == "\n")


def indent_of(line: str) -> str:
    """Give the white space that a line begins with; a form feed starts the count anew."""
    match = _INDENT.match(line)
    return match[0].rpartition("\f")[2] if match else ""


def _flatten(text: str, language: Language) -> Flat:
    parts: list[str] = []
    brackets: list[str] = []
    string, kind = "", None
    done = 0
    for match in language.lexeme.finditer(text):
        kind, found = match.lastgroup, match[0]
        gap = text[done : match.start()]
        if brackets and kind == "statement":  # such a word at a line's start says that a bracket was never closed
            brackets.clear()
            gap = _join_lines(gap[:-1]) + gap[-1:]
        elif brackets:
            gap = _join_lines(gap)
        parts.append(gap)
        done = match.end()
        if kind == "string":
            quote = match["quote"] or match["triple"]
            closed = match["quote_end"] or match["triple_end"]
            string = "" if closed or done < len(text) else quote
            found = '"' * len(found)
        elif kind in {"comment", "join"}:
            found = " " * len(found)
        elif kind == "open":
            if len(brackets) < MAX_DEPTH:
                brackets.append(found)
        elif kind == "close":
            opener = language.brackets[found]
            if opener in brackets:
                del brackets[len(brackets) - 1 - brackets[::-1].index(opener) :]
        parts.append(found)
    gap = text[done:]
    parts.append(_join_lines(gap) if brackets else gap)
    flat = "".join(parts).replace("\r\n", " \n")
    at_end = kind if done == len(text) else None
    return Flat(
        flat,
        string,
        comment=at_end == "comment",
        brackets="".join(brackets),
        joined=at_end == "join" and bool(flat[flat.rfind("\n") + 1 :].strip()),
    )


def _join_lines(text: str) -> str:
    """Blank out the line ends of a text."""
    return text.replace("\r", " ").replace("\n", " ")
