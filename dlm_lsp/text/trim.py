r"""Clean-ups of a filling: what it says too much is cut off at its end, and only there.

In: the raw text, what stands behind the hole, the hole. Out: a beginning of that text, so that offsets into it stay valid;
"" if nothing but white space is left. It goes by lines and characters; whether the result fits is for `syntax.verdict`.
"""

import re

from dlm_lsp.text.brackets import OPENERS
from dlm_lsp.values import Hole, HoleKind

_TRIPLE_QUOTE = re.compile(r'"{3}|\'{3}')
_LEXEME = re.compile(
    r"""(?P<triple>"{3}|'{3})(?:\\.|(?!(?P=triple)).)*(?:(?P=triple))?  # strings, also those that are not finished
    | (?P<quote>["'])(?:\\.|(?!(?P=quote))[^\n])*(?:(?P=quote))?
    | \#[^\n]*
    | (?P<bracket>[()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_SEPARATORS = frozenset(",:;")
"""What is never right twice."""
_SOME_CHARS = 4
"""A shorter repetition is chance."""


def trim(text: str, suffix: str, hole: Hole) -> str:
    """Cut a filling to what belongs into its hole; what is left is not cut by trimming it again."""
    rest, _, following = suffix.replace("\r\n", "\n").replace("\r", "\n").partition("\n")
    while (shorter := _trim_once(text, rest, following, hole)) != text:
        text = shorter
    return text


def _trim_once(text: str, rest: str, following: str, hole: Hole) -> str:
    text = _within_lines(text, hole)
    if hole.quote:
        text = _within_string(text, hole)
    if hole.kind is HoleKind.COMMENT:
        text = _within_comment(text)
    if hole.owes is not None and hole.kind not in {HoleKind.STRING, HoleKind.DOCSTRING}:
        text = _within_brackets(text, hole)
    if hole.max_lines > 1:
        text = _within_block(text, hole)
        text = _without_next_lines(text, following, hole)
    if rest.strip():
        text = _without_rest(text, rest.strip())
    if not text.strip():
        return ""
    return text if rest.strip() else text.rstrip()


def _within_lines(text: str, hole: Hole) -> str:
    """Keep as many lines as the hole may have; the rest of the cursor's line is not counted where the text starts a new one."""
    lines = text.split("\n")
    opening = 1 if hole.starts_line and hole.max_lines > 1 and not lines[0].strip() else 0
    return "\n".join(lines[: hole.max_lines + opening])


def _within_string(text: str, hole: Hole) -> str:
    """Keep what stays in the string, or leaves it and comes back; a string that is to be closed ends the hole with its line."""
    ends = [match.start() for match in re.finditer(rf"\\.|({hole.quote})", text, re.DOTALL) if match[1]]
    if not ends:
        return text
    if hole.owes and hole.quote in hole.owes:
        line_end = text.find("\n", ends[0])
        return text[:line_end] if line_end >= 0 else text
    comes_back = len(ends) % 2 == 0 and len(hole.quote) == 1 and hole.kind is not HoleKind.DOCSTRING
    return text if comes_back else text[: ends[0]]


def _within_comment(text: str) -> str:
    """Keep the lines up to the first that is no comment."""
    code = re.search(r"\n(?![^\S\n]*#)", text)
    return text[: code.start()] if code else text


def _within_brackets(text: str, hole: Hole) -> str:
    """Keep what closes no more brackets than the hole owes or the text opens anew; items end with the line that closes them."""
    opened: list[str] = []
    unmatched: list[int] = []
    for match in _LEXEME.finditer(text):
        bracket = match["bracket"]
        if bracket in OPENERS:
            if opened and opened[-1] == OPENERS[bracket]:
                opened.pop()
            else:
                unmatched.append(match.start())
        elif bracket:
            opened.append(bracket)
    owed = sum(char in OPENERS for char in hole.owes or "")
    if hole.quote and 0 < owed <= len(unmatched):
        return text  # behind the field that it closes its brackets are those of a string
    allowed = owed + len(opened)
    if len(unmatched) > allowed:
        return text[: unmatched[allowed]]
    if hole.kind is HoleKind.ITEM and 0 < owed == len(unmatched):
        line_end = text.find("\n", unmatched[-1])
        return text[:line_end] if line_end >= 0 else text
    return text


def _within_block(text: str, hole: Hole) -> str:
    """Keep the lines up to the first that is indented less than the hole allows, strings and closing brackets aside."""
    for match in re.finditer(r"\n(?=[^\n]*\S)", text):
        line = text[match.end() :]
        inside = len(_TRIPLE_QUOTE.findall(text, 0, match.start())) % 2
        if not inside and not line.startswith(hole.floor) and line.lstrip()[0] not in OPENERS:
            return text[: match.start()]
    return text


def _without_next_lines(text: str, following: str, hole: Hole) -> str:
    """Cut off last lines that repeat the lines that follow the hole; empty lines and white space at the end do not count."""
    ours = [(match.start(), match[0].rstrip()) for match in re.finditer(r"[^\n]*\S[^\n]*", text)]
    if ours and "\n" not in text[: ours[0][0]]:  # it begins on the cursor's line
        ours[:1] = [(0, hole.typed_indent + ours[0][1])] if hole.starts_line else []
    theirs = [line.rstrip() for line in following.split("\n") if line.strip()]
    for count in range(min(len(ours), len(theirs)), 0, -1):
        repeated = [line for _, line in ours[-count:]]
        if repeated == theirs[:count] and any(char.isalnum() for line in repeated for char in line):
            return text[: ours[-count][0]]
    return text


def _without_rest(text: str, rest: str) -> str:
    """Cut off the longest end that is how the rest of the cursor's line begins, if it says something and cuts no word."""
    bare = text.rstrip()
    for count in range(min(len(bare), len(rest)), _SOME_CHARS - 1, -1):
        says_something = any(char.isalnum() for char in rest[:count])
        start = len(bare) - count
        if says_something and bare.endswith(rest[:count]) and not _in_word(bare, start) and not _in_word(rest, count):
            return bare[:start]
    return bare[:-1] if bare[-1:] in _SEPARATORS and bare[-1:] == rest[:1] else text


def _in_word(text: str, at: int) -> bool:
    """Whether a word goes on from before a place to behind it."""
    return 0 < at < len(text) and f"{text[at - 1]}_".isidentifier() and f"_{text[at]}".isidentifier()
