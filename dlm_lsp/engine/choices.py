"""The answers to one code action, of which one is in use at a time: asked again, the next one comes without the model.

In: a canvas, the ways to fill it, the document as it is now. Out: edits that change from what stands there to another way. It
knows no protocol; where choices are kept is the session's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dlm_lsp.engine.actions import Action
from dlm_lsp.engine.canvases import Canvas
from dlm_lsp.engine.edits import Edit, split
from dlm_lsp.settings import Settings
from dlm_lsp.values import Span


@dataclass(slots=True)
class Choices:
    """What an action came to; way 0 is what stood there before."""

    action: Action
    settings: Settings
    canvas: Canvas
    ways: list[tuple[str, ...]]
    seed: int
    version: int
    """Of the document for which `given` was given."""
    given: int = 1

    def standing(self, text: str) -> int | None:
        """Say which way the document has now; None if it has changed otherwise."""
        pieces = self._pieces()
        for number, way in enumerate(self.ways):
            size = sum(map(len, pieces)) + sum(map(len, way))
            if size == len(text) and text == _join(pieces, way):
                return number
        return None

    def spans(self, number: int) -> list[Span]:
        """Say where the texts of a way stand when the document has it."""
        at, found = 0, []
        for piece, text in zip(self._pieces(), self.ways[number], strict=False):
            at += len(piece)
            found.append(Span(at, at + len(text)))
            at += len(text)
        return found

    def change(self, standing: int, wanted: int) -> list[Edit]:
        """Give the edits from one way to another."""
        every = zip(self.spans(standing), self.ways[standing], self.ways[wanted], strict=True)
        return [Edit(span, new) for span, old, new in every if old != new]

    def next_way(self, text: str, version: int, spans: Sequence[Span]) -> list[Edit] | None:
        """Give the edits to the way that comes now, None if all were given or this is about another place.

        The same version of the document gets the same way again: an editor asks once to show it and once to use it.
        """
        standing = self.standing(text)
        if standing is None or _bare(text, self.spans(standing)) != _bare(text, spans):
            return None
        wanted = self.given if version == self.version else max(self.given, standing) + 1
        if wanted >= len(self.ways):
            return None
        self.given, self.version = wanted, version
        return self.change(standing, wanted)

    def documents(self) -> list[str]:
        """Give the document with each of the ways."""
        return [_join(self._pieces(), way) for way in self.ways]

    def _pieces(self) -> list[str]:
        return split(self.canvas.snapshot.text, [gap.span for gap in self.canvas.gaps])


def _bare(text: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Give spans without the white space at their edges."""
    bare = []
    for span in spans:
        inside = text[span.start : span.end]
        start = span.start + len(inside) - len(inside.lstrip())
        bare.append((start, max(start, span.start + len(inside.rstrip()))))
    return bare


def _join(pieces: Sequence[str], texts: Sequence[str]) -> str:
    return pieces[0] + "".join(text + piece for text, piece in zip(texts, pieces[1:], strict=True))
