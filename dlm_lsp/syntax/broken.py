"""Which lines are at fault where a text does not parse: the smallest run that, replaced by something simple, makes it parse.

In: a text and a place in it. Out: a `Span`, or None. The language's own parser decides, in the outermost statement around the
place; it does not know what should stand there instead.
"""

from collections.abc import Iterator
from itertools import islice

from dlm_lsp.syntax.blocks import block_around
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.scan import indent_of
from dlm_lsp.syntax.slice import cut_slice
from dlm_lsp.syntax.strict import Complaint
from dlm_lsp.syntax.verdict import survey
from dlm_lsp.text.offsets import LineIndex
from dlm_lsp.values import Span

MAX_BLOCK_CHARS = 12_000
MAX_RUN_LINES = 8
MAX_TRIED_LINES = 2_000
"""How many lines are tried in all: of a long block only a few runs."""
MIN_RUNS = 6


def complaint_near(text: str, offset: int, language: str) -> Complaint | None:
    """Give the first complaint about the outermost statement around a place, with offsets in the text."""
    strict = find_language(language).strict
    if strict is None:
        return None
    judged, start, headers = _judged_around(text, offset, language)
    found = strict(judged)
    if found is None or found.start < headers or (len(text) <= MAX_BLOCK_CHARS and strict(text) is None):
        return None  # the block may have been cut in a string
    return Complaint(start + found.start, start + found.end, found.reason)


def broken_lines(text: str, offset: int, language: str) -> Span | None:
    """Give the run of lines to be replaced: it begins behind the indentation of its first line, unless that is at fault."""
    complaint = complaint_near(text, offset, language)
    if complaint is None:
        return None
    judged, block_start, headers = _judged_around(text, offset, language)
    lines = LineIndex(judged)
    at_fault, at_cursor = (lines.position(place - block_start, "utf-32")[0] for place in (complaint.start, offset))
    count = lines.count
    runs = islice(_runs(at_fault, at_cursor, count), max(MAX_TRIED_LINES // count, MIN_RUNS))
    for first, last in runs:
        start, end = lines.line_span(first)[0], lines.line_span(last)[1]
        if start < headers or not judged[start:end].strip():
            continue
        indented = start + len(indent_of(judged[start:end]))
        for begin in dict.fromkeys((indented, start)):
            if survey(judged[:begin], (), judged[end:], language).strict:
                return Span(block_start + begin, block_start + end)
    return None


def _judged_around(text: str, offset: int, language: str) -> tuple[str, int, int]:
    """Give the outermost statement around a place, or if that is long a slice of it.

    The second number is how long the headers are that the slice begins with; without them it starts in the text at the first
    number plus the second.
    """
    block = block_around(text, offset, MAX_BLOCK_CHARS)
    if block is not None:
        return text[block.start : block.end], block.start, 0
    cut = cut_slice(text, offset, language)
    start = offset - len(cut.prefix)
    return cut.prefix + cut.suffix, start, cut.start - start


def _runs(at_fault: int, at_cursor: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield runs with the fault, short ones also with the line before it or the cursor: by length, with the fault first, then near."""
    for size in range(1, min(MAX_RUN_LINES, count) + 1):
        wanted = {at_fault, max(at_fault - 1, 0), at_cursor} if size < 3 else {at_fault}
        firsts = [at for at in range(count - size + 1) if any(at <= line < at + size for line in wanted)]
        firsts.sort(
            key=lambda first: (not first <= at_fault < first + size, abs(2 * first + size - 1 - 2 * at_cursor), first)
        )
        yield from ((first, first + size - 1) for first in firsts)
