"""What is wrong with the first lines of a filling whatever comes behind them: a look before a long hole is full.

In: the slice before the hole and the whole lines that are written so far. Out: the stretch of them that no continuation can
mend, or None. It says nothing about lines that are only unfinished, such as an open bracket or a `try` without its `except`.
"""

from dlm_lsp.syntax.languages import find_language
from dlm_lsp.values import Span

_MAY_YET_COME = ("never closed", "unterminated triple", "unterminated f", "EOF", "expected an indented block")
"""In what the parser says: what is missing may stand in the lines that are not written yet."""


def find_early_fault(slice_prefix: str, lines: str, language: str) -> Span | None:
    """Give the first fault of whole lines in offsets of `lines`; the last of them is not judged, for what follows may belong to it."""
    row = find_language(language)
    last = lines.rstrip().rfind("\n") + 1
    if row.strict is None or last == 0:
        return None
    complaint = row.strict(slice_prefix + lines)
    if complaint is None or any(words in complaint.reason for words in _MAY_YET_COME):
        return None
    start, end = complaint.start - len(slice_prefix), complaint.end - len(slice_prefix)
    return Span(start, end) if start >= 0 and end < last else None
