"""Edits of a document: carried out, and moved along when the document changes meanwhile.

In: texts, and edits that are in order and apart from each other. Out: texts and edits. Knows no syntax and no protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dlm_lsp.values import Span


@dataclass(frozen=True, slots=True)
class Edit:
    """One stretch of a document and what stands there afterwards."""

    span: Span
    text: str


def apply(text: str, changes: Sequence[Edit]) -> str:
    """Carry out edits, which are in order and apart from each other."""
    pieces = split(text, [each.span for each in changes])
    return pieces[0] + "".join(each.text + piece for each, piece in zip(changes, pieces[1:], strict=True))


def split(text: str, spans: Sequence[Span]) -> list[str]:
    """Give the text around spans: one piece more than there are spans."""
    ends = [0, *(span.end for span in spans)]
    starts = [*(span.start for span in spans), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]


def _shared(one: str, other: str) -> int:
    """Count the characters that two texts begin with alike, by comparing halves: a text may be a million characters long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def rebase(changes: Sequence[Edit], before: str, now: str) -> list[Edit] | None:
    """Move edits into a text that was changed elsewhere meanwhile, in one stretch; None where the change touches one of them."""
    same = _shared(before, now)
    same_end = _shared(before[same:][::-1], now[same:][::-1])
    shift = len(now) - len(before)
    moved = []
    for each in changes:
        if each.span.end <= same:
            moved.append(each)
        elif each.span.start >= len(before) - same_end:
            moved.append(Edit(Span(each.span.start + shift, each.span.end + shift), each.text))
        else:
            return None
    return moved
