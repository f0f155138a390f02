"""How much of a document the model sees around its holes.

In: a text, the spans of its holes and a room in characters. Out: a `Window`. It counts characters, not tokens, and does not
know what the text means.
"""

from collections.abc import Sequence
from itertools import pairwise

from dlm_lsp.text.offsets import LINE_END, readable
from dlm_lsp.values import Span, Window


def fit_window(text: str, holes: Sequence[Span], max_chars: int) -> Window:
    """Cut the text around the holes to at most `max_chars`: two thirds before, one third behind, at line ends if possible.

    Room that one side does not need goes to the other. The text between two holes is always kept whole.
    """
    first, last = holes[0].start, holes[-1].end
    between = tuple(text[left.end : right.start] for left, right in pairwise(holes))
    room = max(max_chars - sum(map(len, between)), 0)
    behind = min(len(text) - last, max(room // 3, room - first))
    before = min(first, room - behind)
    return Window(_from_line_start(text, first - before, first), _to_line_end(text, last, last + behind), between)


def as_seen(text: str) -> str:
    r"""Give a text as the model sees it: every line ends with \n, lone surrogates are U+FFFD."""
    return readable(LINE_END.sub("\n", text) if "\r" in text else text)


def _from_line_start(text: str, start: int, end: int) -> str:
    """Cut off the beginning up to the first line start, unless that would leave nothing of the hole's own line."""
    if start > 0 and text[start - 1] != "\n":
        line_start = text.find("\n", start, end) + 1
        start = line_start or start
    return text[start:end]


def _to_line_end(text: str, start: int, end: int) -> str:
    """Cut off the end behind the last line end, unless that would leave nothing of the hole's own line."""
    if end < len(text):
        line_end = text.rfind("\n", start, end) + 1
        end = line_end or end
    return text[start:end]
