"""What is told beside the window: what the document binds elsewhere, and pieces of the documents that are open beside it.

In: the open documents, each read once after a change (`outline`) and not when somebody waits; where window and slice lie in the
one that is asked about. Out: the parts of a `Context`. It reads no file, calls no model and knows no protocol.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from urllib.parse import unquote, urlsplit

from dlm_lsp.syntax.languages import find_language
from dlm_lsp.text.names import bound_names, known_names, names_outside
from dlm_lsp.text.snippets import Chunk, chunks
from dlm_lsp.text.window import as_seen

MAX_NAMES = 2000
"""Of one document, of each kind; where there are more, any name may be one of the others."""
MAX_IMPORTS = 200
MAX_CHARS = 2_000_000
"""What stands behind them in a document is not read: that is data."""
NAMES_TOLD = 32
"""Most names that the model is told; the trainer tells as many."""
MAX_NEIGHBOURS = 10
"""Documents that snippets are taken from, those that were changed or looked at last."""

Place = tuple[int, str]
_offset, _name = itemgetter(0), itemgetter(1)


@dataclass(frozen=True, slots=True)
class Outline:
    """What a document says at its outermost level, with offsets, and the chunks of it that other documents may be told."""

    language: str
    length: int
    """Of the text it was made of; the text may have been edited since, as a rule near the cursor."""
    imports: tuple[Place, ...]
    bindings: tuple[Place, ...]
    known: tuple[Place, ...]
    chunks: tuple[Chunk, ...]

    def imports_before(self, end: int, max_chars: int) -> str:
        """Give the import statements that stand before `end`, as many as fit."""
        kept: list[str] = []
        for at, statement in self.imports:
            max_chars -= len(statement) + 1
            if at >= end or max_chars < 0:
                break
            kept.append(statement + "\n")
        return "".join(kept)

    def names_told(self, start: int, end: int, length: int, max_chars: int) -> tuple[str, ...]:
        """Choose names bound outside [start, end) of a text of `length`, the nearest, as many as fit."""
        return names_outside(self.bindings, start, self._then(start, end, length), NAMES_TOLD, max_chars)

    def names_known(self, start: int, end: int, length: int) -> tuple[str, ...]:
        """Give all names that may be bound outside [start, end) of a text of `length`; `*` says that there may be others."""
        first, last = (bisect_left(self.known, at, key=_offset) for at in (start, self._then(start, end, length)))
        return tuple(dict.fromkeys(map(_name, chain(self.known[:first], self.known[last:]))))

    def _then(self, start: int, end: int, length: int) -> int:
        """Give what the end of a stretch was when the outline was made, if all edits since were in the stretch."""
        return max(end - length + self.length, start)


def outline(uri: str, text: str, language: str) -> Outline:
    """Read a document; this takes some milliseconds for a thousand lines."""
    read = text[:MAX_CHARS]
    module = read if language == "python" else ""  # `text.names` knows no other
    imports = ((match.start(), as_seen(match[0])) for match in find_language(language).import_line.finditer(read))
    known = tuple(islice(known_names(module), MAX_NAMES))
    return Outline(
        language=language,
        length=len(text),
        imports=tuple(islice(imports, MAX_IMPORTS)),
        bindings=tuple(islice(bound_names(module), MAX_NAMES)),
        known=known if len(known) < MAX_NAMES and len(text) == len(read) else (*known, (-1, "*")),
        chunks=tuple(chunks(short_path(uri), read)),
    )


def neighbours(
    uri: str, outlines: dict[str, Outline], folders: Sequence[str], is_private: Callable[[str], bool]
) -> Iterator[Chunk]:
    """Give the chunks that a document may be told: of other open documents in its language and its part of the workspace.

    `outlines` are of the open documents by URI, the last used last. A private document tells nothing. Two documents
    belong together if the same innermost of the workspace's `folders` (URIs) holds them, and outside of all, if they lie in the
    same folder: what is opened from elsewhere, as a library's source, is another project's.
    """
    home, language = _home(uri, folders), outlines[uri].language if uri in outlines else ""
    others = (
        outline
        for other, outline in reversed(outlines.items())
        if other != uri and outline.language == language and _home(other, folders) == home and not is_private(other)
    )
    for other in islice(others, MAX_NEIGHBOURS):
        yield from other.chunks


def short_path(uri: str) -> str:
    """Give the last two components of a URI's path."""
    path = unquote(urlsplit(uri).path).replace("\\", "/")
    return as_seen("/".join([part for part in path.split("/") if part][-2:]))


def _home(uri: str, folders: Sequence[str]) -> str:
    """Give the folder that a document belongs to."""
    around = [folder for folder in folders if uri.startswith(folder.rstrip("/") + "/")]
    return max(around, key=len, default=uri.rpartition("/")[0])
