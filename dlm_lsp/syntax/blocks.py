"""The outermost statement around a place, found by how lines begin: cheap in a text of any size, whether it parses or not.

In: a text and an offset. Out: a `Span` of whole lines. It reads no further than it has to and knows nothing of strings, so a
line of a long string that looks like a definition fools it: good enough to choose what is looked at closely.
"""

import re

from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.values import Span

_HEADER = re.compile(r"^(?:class|def|async[ \t]+def)\b", re.MULTILINE)
_DEFINITION = re.compile(rf"{_HEADER.pattern}|^@", re.MULTILINE)
_STATEMENT = re.compile(r"^[^\s#)\]}\"']", re.MULTILINE)


def block_around(text: str, offset: int, most_chars: int) -> Span | None:
    """Give the definition at the outermost level that `offset` is in, or the stretch between two such.

    Nothing further away than `most_chars` is looked at; None if the block does not end so near.
    """
    first = line_around(text, max(offset - most_chars, 0))[0]
    last = line_around(text, min(offset + most_chars, len(text)))[1]
    starts = [match.start() for match in _DEFINITION.finditer(text, first, line_around(text, offset)[1])]
    while len(starts) > 1 and text[starts[-2]] == "@":  # a decorator stays with what it decorates
        del starts[-1]
    if starts:
        header = _HEADER.search(text, starts[-1], last)
        behind = _STATEMENT.search(text, header.end(), last) if header else None
        if behind is None or behind.start() > offset:
            end = behind.start() if behind else last
            return Span(starts[-1], end) if behind or last == len(text) else None
        first = behind.start()
    elif first > 0:
        return None
    following = _DEFINITION.search(text, offset, last)
    end = following.start() if following else last
    return Span(first, end) if following or last == len(text) else None


def line_around(text: str, offset: int) -> tuple[int, int]:
    """Give the offsets of the start and the end of the line at `offset`, its line end left out."""
    start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    end = LINE_END.search(text, offset)
    return start, end.start() if end else len(text)
