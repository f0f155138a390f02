"""Pieces of other files that may help at a hole: how a file is cut into chunks, and which of them are told.

In: the texts of other files, the lines around the hole. Out: `Snippet`s, the most alike last. The trainer and the server choose
by the very same functions. Alike means to share identifiers; it knows no scopes, no languages and not where files come from.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Snippet

CHUNK_LINES = 12
"""Most lines of a chunk."""
MAX_CHUNKS = 300
"""Of one file; what stands behind them is not offered, so that the choice costs the same for a file of any length."""
MIN_LIKENESS = 0.1
"""Chunks less alike share chance words only."""

_LONGEST_LINE = 200
"""In characters; a longer line is data, and no chunk holds it."""
_SHORT_CHUNK_LINES = 5
"""A chunk of at least so many lines ends where an unindented line follows an empty one."""
_LEAST_LINES = 3
"""Of a chunk that is cut to fit."""
_WORD = re.compile(r"[^\W\d]\w{2,}")
_COMMON = frozenset(
    _WORD.findall("""
        and assert async await bool bytes class cls continue def del dict elif else except False finally float for from
        global import int isinstance lambda len list None nonlocal not object pass print raise range return self set str
        super True try tuple type while with yield
    """)
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A few neighbouring lines of a file."""

    path: str
    """The last two components of its file's path."""
    text: str
    words: frozenset[str]


def chunks(path: str, text: str) -> list[Chunk]:
    """Cut a file into chunks, at statements of the outermost level where there are some."""
    found: list[Chunk] = []
    lines: list[str] = []

    def close() -> None:
        piece = "\n".join(lines).strip("\n")
        lines.clear()
        words = words_of(piece)
        if len(words) > 2:
            found.append(Chunk(path, piece, words))

    above = ""
    for line in as_seen(text).split("\n"):
        if len(found) == MAX_CHUNKS:
            break
        too_long = len(line) > _LONGEST_LINE
        new_part = line and not line[0].isspace() and not above.strip() and len(lines) >= _SHORT_CHUNK_LINES
        if len(lines) == CHUNK_LINES or new_part or too_long:
            close()
        if not too_long and (lines or line.strip()):
            lines.append(line)
        above = line
    close()
    return found[:MAX_CHUNKS]


def words_of(text: str) -> frozenset[str]:
    """Give the identifiers of a text that say something."""
    return frozenset(_WORD.findall(text)) - _COMMON


def lines_around(prefix: str, suffix: str) -> str:
    """Give the lines before and behind a hole that chunks are compared with."""
    return "\n".join([*prefix.split("\n")[-CHUNK_LINES:], *suffix.split("\n", CHUNK_LINES)[:CHUNK_LINES]])


def choose(offered: Iterable[Chunk], prefix: str, suffix: str, *, most: int, max_chars: int) -> tuple[Snippet, ...]:
    """Choose the chunks that are most alike the lines around a hole, the best last.

    Nothing is told twice: not what the window shows (`prefix` and `suffix`) and not what another chunk says.
    """
    around = words_of(lines_around(prefix, suffix))
    ranked = []
    for chunk in offered:
        shared = len(around & chunk.words)
        likeness = shared / (len(around) + len(chunk.words) - shared)
        if likeness >= MIN_LIKENESS:
            ranked.append((likeness, chunk))
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    chosen: list[Snippet] = []
    for _, chunk in ranked:
        if len(chosen) == most:
            break
        text = _fitting(chunk.text, max_chars - len(chunk.path))
        if text and text not in prefix and text not in suffix and all(text not in other.text for other in chosen):
            chosen.append(Snippet(chunk.path, text))
            max_chars -= len(chunk.path) + len(text)
    return tuple(reversed(chosen))


def _fitting(text: str, max_chars: int) -> str:
    """Give as many of a chunk's lines as fit; nothing if they are too few to say something."""
    if len(text) <= max_chars:
        return text
    kept = text[: max(max_chars, 0) + 1].rpartition("\n")[0]
    return kept if kept.count("\n") + 1 >= _LEAST_LINES else ""
