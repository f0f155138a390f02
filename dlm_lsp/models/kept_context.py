"""Contexts: what was computed of the text around holes, kept from one canvas to the next and from one request to the next.

In: canvases whose holes are all masks, to be computed; other canvases, to begin with what they share with those. Out: keys, values and
hidden states of the rows that are shared, and which rows are missing. What is shared is decided by comparing token ids and nothing
else: the same ids have the same values whoever's they are, so that nothing can pass from one document into another.

After an edit the rows far from it are kept although they have not seen it: answers are approximate, as they are between the calls of one
decode. Two rules bound the drift. What is kept always comes from one call that computed the whole canvas, never from a canvas that
was itself begun with kept rows, so that errors do not add up from edit to edit. And where too much differs nothing is kept.
Knows no requests, no text and no rule of caching.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.models.transformer import Again, Kept, NetworkDenoiser

MAX_CANVASES = 4
"""So many documents, or places in one, can be typed in by turns."""
MAX_BYTES = 256 * 2**20
"""Of all canvases together: one of `nano` has 2.6 MiB, one of a 7B of the Dream family with 1024 tokens 64 MiB."""
NEIGHBOURS = 16
"""Rows on either side of an edit that are computed again."""
MAX_CHANGED_TOKENS = 64
"""Where more than these came or went, everything is computed."""
MIN_SHARED = 0.5
"""The share of the text around the holes that must be left to keep."""
MAX_IDLE_MS = 150.0
"""A pass over a whole canvas that takes longer than this is not made while nobody waits, because a request may come meanwhile."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A canvas that was computed whole."""

    tokens: Tensor  # [L] int64
    holes: Tensor  # [L] bool
    kept: Kept

    @property
    def bytes(self) -> int:
        """The memory that it takes."""
        tensors = (self.tokens, self.holes, self.kept.keys, self.kept.values, self.kept.hidden)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a canvas has in common with one that was computed."""

    source: Tensor  # [L] int64, by row: where it stood there, or -1
    changed_tokens: int
    """That came and that went, around the holes."""


class Contexts:
    """What is kept of the canvases computed last by one denoiser; of texts that differ in more than so many tokens nothing is shared."""

    def __init__(
        self,
        inner: NetworkDenoiser,
        *,
        max_changed_tokens: int = MAX_CHANGED_TOKENS,
        neighbours: int = NEIGHBOURS,
        max_canvases: int = MAX_CANVASES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.inner = inner
        self._max_changed_tokens = max_changed_tokens
        self._neighbours = neighbours
        self._max_canvases = max_canvases
        self._max_bytes = max_bytes
        self._canvases: list[Encoded] = []
        """The one used last comes last."""
        self._stale: tuple[Tensor, Tensor] | None = None
        """Tokens and holes of the canvas begun last, if it has not been computed whole."""
        self._whole_ms = 0.0

    @property
    def bytes(self) -> int:
        """The memory that is taken."""
        return sum(canvas.bytes for canvas in self._canvases)

    @property
    def is_stale(self) -> bool:
        """Whether the canvas that was begun last is worth to be computed whole, in times in which nobody waits.

        A model for which that takes long is left alone: a request that comes has to wait for the end of it.
        """
        return self._stale is not None and self._whole_ms <= MAX_IDLE_MS

    def begin(self, tokens: Tensor, holes: Tensor) -> tuple[Kept, Tensor] | None:  # [L] int64, [L] bool
        """Give what a canvas may begin with and which of its rows are missing, [L] bool; None where too little is known."""
        found = [(canvas, self._share(canvas, tokens, holes)) for canvas in reversed(self._canvases)]
        usable = [(canvas, shared) for canvas, shared in found if shared is not None]
        if not usable:
            return None
        canvas, shared = min(usable, key=lambda each: each[1].changed_tokens)
        self._canvases = [other for other in self._canvases if other is not canvas] + [canvas]
        self._stale = (tokens, holes) if shared.changed_tokens else None
        rows = (shared.source >= 0).nonzero().flatten()
        return copy_rows(canvas.kept, shared.source[rows], self.inner.keep(len(tokens)), rows), shared.source < 0

    def encode(self, piece: Again, holes: Tensor) -> None:  # [L] bool
        """Compute all rows of a canvas whose holes are masks, and keep a copy of what comes out."""
        began = time.perf_counter()
        self.inner.compute_again([piece])
        self._whole_ms = (time.perf_counter() - began) * 1000
        self._stale = None
        kept = Kept(piece.kept.keys.clone(), piece.kept.values.clone(), piece.kept.hidden.clone())
        new = Encoded(piece.tokens, holes, kept)
        # It takes the place of what it could have begun with: an edit pushes no other document out.
        others = [old for old in self._canvases if self._share(old, piece.tokens, holes) is None]
        self._canvases = [*others, new][-self._max_canvases :]
        while self.bytes > self._max_bytes:
            self._canvases.pop(0)

    def forget(self) -> None:
        """Give the memory back."""
        self._canvases, self._stale = [], None

    def refresh(self) -> None:
        """Compute the canvas that was begun last, with masks in its holes, if it differed from what was kept."""
        if self._stale is None:
            return
        tokens, holes = self._stale
        tokens = torch.where(holes, self.inner.vocabulary.mask_id, tokens)
        everything = torch.arange(len(tokens))
        self.encode(Again(tokens, everything, everything, self.inner.keep(len(tokens))), holes)

    def _share(self, canvas: Encoded, tokens: Tensor, holes: Tensor) -> Shared | None:  # [L] int64, [L] bool
        """Find what another canvas may begin with; None where that is too little, or too much has changed."""
        shared = compare(canvas, tokens, holes, self._neighbours)
        rows, context = int((shared.source >= 0).sum()), int((~holes).sum())
        return (
            shared if shared.changed_tokens <= self._max_changed_tokens and 0 < context * MIN_SHARED <= rows else None
        )


def compare(before: Encoded, tokens: Tensor, holes: Tensor, neighbours: int) -> Shared:  # [L] int64, [L] bool
    """Find the rows around the holes of a canvas that stood in another one, and not within so many rows of what differs.

    Text between two holes is compared with that between the same two; of each such text the equal ends are shared.
    """
    source = torch.full_like(tokens, -1)
    spans, spans_before = around(holes), around(before.holes)
    if len(spans) != len(spans_before):
        return Shared(source, len(tokens))
    changed = 0
    for number, ((start, end), (start_before, end_before)) in enumerate(zip(spans, spans_before, strict=True)):
        length, length_before = end - start, end_before - start_before
        left, right = equal_ends(before.tokens[start_before:end_before], tokens[start:end])
        changed += length + length_before - 2 * (left + right)
        if left + right < max(length, length_before):
            # Where the window merely ends earlier there is no edit.
            cut_before, cut_behind = number == 0 and right == length, number == len(spans) - 1 and left == length
            left = left if cut_behind else max(left - neighbours, 0)
            right = right if cut_before else max(right - neighbours, 0)
        source[start : start + left] = torch.arange(start_before, start_before + left)
        source[end - right : end] = torch.arange(end_before - right, end_before)
    return Shared(source, changed)


def around(holes: Tensor) -> Sequence[tuple[int, int]]:  # [L] bool
    """Give the spans before, between and behind the holes."""
    edges = (holes[1:] != holes[:-1]).nonzero().flatten() + 1
    borders = [
        0,
        *([0] if bool(holes[0]) else []),
        *edges.tolist(),
        *([len(holes)] if bool(holes[-1]) else []),
        len(holes),
    ]
    return list(zip(borders[::2], borders[1::2], strict=True))


def equal_ends(before: Tensor, after: Tensor) -> tuple[int, int]:  # [N] int64, [M] int64
    """Count the tokens that two rows begin with alike, and of the rest those that they end with alike."""
    short = min(len(before), len(after))
    left = int((before[:short] == after[:short]).cumprod(0).sum())
    rest = short - left
    right = int((before.flip(0)[:rest] == after.flip(0)[:rest]).cumprod(0).sum())
    return left, right


def copy_rows(kept: Kept, source: Tensor, into: Kept, rows: Tensor) -> Kept:  # [N] int64, [N] int64, both ascending
    """Copy rows of what is kept of one canvas into what is kept of another; give that."""
    # Whole runs of rows: row by row takes three times as long (0.9 against 0.26 ms of a canvas of 384 rows with nano).
    breaks = ((rows.diff() != 1) | (source.diff() != 1)).nonzero().flatten() + 1
    for run in torch.tensor_split(torch.stack([rows, source]), breaks, dim=1):
        if run.shape[1]:
            (to, start), size = run[:, 0].tolist(), run.shape[1]
            into.keys[..., to : to + size, :] = kept.keys[..., start : start + size, :]
            into.values[..., to : to + size, :] = kept.values[..., start : start + size, :]
            into.hidden[to : to + size] = kept.hidden[start : start + size]
    return into
