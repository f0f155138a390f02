"""Python's own parser as a judge: tree-sitter's grammar accepts empty bodies, wrong dedents, `try:` without `except`.

In: a whole text. Out: its first complaint, with offsets, or None. It does not know what in the text is new.
"""

import ast
import re
import threading
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile

from dlm_lsp.text.offsets import LineIndex, readable

MAX_PARTED_CHARS = 32_000
"""A longer text is no slice but a document; hardly any is remembered, and none of its parts."""
_PART = re.compile(r"(?<=\n\n)(?=@|(?:async[ \t]+)?def\b|class\b)")
_ONE_AT_A_TIME = threading.Lock()
"""`catch_warnings` changes what the whole process does with warnings, and texts are judged in several threads."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A stretch of text that a parser objects to, and its words."""

    start: int
    end: int
    reason: str


def check_python(text: str) -> Complaint | None:
    """Parse a text as the running Python does and give its first complaint."""
    return _check_parts(text) if len(text) <= MAX_PARTED_CHARS else _check_whole(text)


@lru_cache(maxsize=2)  # a document is asked about once more before each change that is tried in it
def _check_whole(text: str) -> Complaint | None:
    """Do so in one piece."""
    parsed = parse_python(text)
    return parsed if isinstance(parsed, Complaint) else None


@lru_cache(maxsize=32)  # what is taken back is often written again
def _check_parts(text: str) -> Complaint | None:
    """Do so with a slice: its first parts that parse by themselves stand for as many empty lines, and are not read again."""
    sound = "".join(takewhile(parses, parts_of(text)))
    if len(sound) == len(text):
        return None
    lines = sound.count("\n")
    complaint = parse_python("\n" * lines + text[len(sound) :])
    if not isinstance(complaint, Complaint) or complaint.start < lines:  # the rest parses, or cannot be read at all
        return _check_whole(text)
    shift = len(sound) - lines
    return replace(complaint, start=complaint.start + shift, end=complaint.end + shift)


def parts_of(text: str) -> list[str]:
    """Cut a text above the definitions that follow an empty line: as a rule each part parses by itself if the text does.

    The reverse is always so: what parses ends with a whole statement, at the left margin.
    """
    return _PART.split(text) if len(text) <= MAX_PARTED_CHARS else [text]


@lru_cache(maxsize=64)  # most parts of a text stay as they are from one filling, and one keystroke, to the next
def parses(part: str) -> bool:
    """Whether a text parses by itself."""
    return not isinstance(parse_python(part), Complaint)


@lru_cache(maxsize=1)  # who has heard that a text parses looks into the tree next
def parse_python(text: str) -> ast.Module | Complaint:
    """Parse a text as the running Python does; of a complaint, line and column become offsets. Nobody may change the tree."""
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is the author's business
            return ast.parse(
                readable("\f" + text[1:] if text.startswith("\ufeff") else text)
            )  # a byte order mark is allowed
    except SyntaxError as error:
        lines = LineIndex(text)
        if isinstance(error, IndentationError):  # the indentation is to blame, and what begins behind it
            return Complaint(*_indentation(text, lines, (error.lineno or 1) - 1), error.msg)
        start = lines.offset((error.lineno or 1) - 1, (error.offset or 1) - 1, "utf-32")
        end = lines.offset((error.end_lineno or 1) - 1, (error.end_offset or 1) - 1, "utf-32")
        return Complaint(start, max(start, end), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL character; nested too deeply for the parser
        return Complaint(0, len(text), str(error) or type(error).__name__)


def find_second_docstrings(text: str) -> list[Complaint]:
    """List the strings that stand by themselves right behind a docstring: they say nothing to anybody."""
    tree = parse_python(text)
    if isinstance(tree, Complaint):
        return []
    lines = LineIndex(text)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body[:2]:
                case [ast.Expr(ast.Constant(str())), ast.Expr(ast.Constant(str()) as second)]:
                    start = lines.offset(second.lineno - 1, second.col_offset, "utf-8")
                    end = lines.offset((second.end_lineno or 1) - 1, second.end_col_offset or 0, "utf-8")
                    found.append(Complaint(start, end, "there is a docstring already"))
    return found


def _indentation(text: str, lines: LineIndex, line: int) -> tuple[int, int]:
    """Give the place of a line's indentation, with the first character behind it."""
    start, end = (lines.offset(line, column, "utf-32") for column in (0, len(text)))
    content = text[start:end]
    return start, start + min(len(content) - len(content.lstrip()) + 1, len(content))
