"""Python's own parser as a judge: tree-sitter's grammar accepts empty bodies, wrong dedents, `try:` without `except`.

In: a whole text. Out: its first complaint, with offsets, or None. It does not know what in the text is new.
"""

import ast
import warnings
from dataclasses import dataclass

from dlm_lsp.text.offsets import LineIndex, readable


@dataclass(frozen=True, slots=True)
class Complaint:
    """A stretch of text that a parser objects to, and its words."""

    start: int
    end: int
    reason: str


def check_python(text: str) -> Complaint | None:
    """Parse a text as the running Python does; line and column become offsets."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is the author's business
            ast.parse(readable("\f" + text[1:] if text.startswith("\ufeff") else text))  # a byte order mark is allowed
    except SyntaxError as error:
        lines = LineIndex(text)
        start = lines.offset((error.lineno or 1) - 1, (error.offset or 1) - 1, "utf-32")
        end = lines.offset((error.end_lineno or 1) - 1, (error.end_offset or 1) - 1, "utf-32")
        return Complaint(start, max(start, end), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL character; nested too deeply for the parser
        return Complaint(0, len(text), str(error) or type(error).__name__)
    return None
