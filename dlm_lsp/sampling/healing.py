"""Healing of tokens that the cursor cut: the last tokens before a hole are taken back and must be written again.

A tokenizer that is given `retu` ends in a token that almost never stands before `rn`, so a model cannot go on from there.
In: the ids before a hole and the texts of the vocabulary. Out: fewer ids, and an edit of the logits that lets the hole only start
with the typed characters; the caller strips these from the answer. Knows no canvas layout.

The text behind a hole is cut into tokens from the cursor on, as in training, and nothing of it is taken back: tried with nano, on
random spans that end inside of a word, that left more than half of them without an answer.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Vocabulary, send
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.strategy import Adjust

MAX_BACKED_OFF_TOKENS = 3


@dataclass(frozen=True, slots=True)
class Pieces:
    """The texts of a vocabulary, sorted so that all that start with something are neighbours; made once per tokenizer."""

    texts: tuple[str, ...]
    """By id; empty where an id has no text of its own."""
    in_order: tuple[str, ...]
    ids: Tensor  # [P] int64, of `in_order`

    def starting_with(self, start: str) -> range:
        """The places in `in_order` whose text starts with `start`."""
        first = bisect_left(self.in_order, start)
        return range(first, bisect_right(self.in_order, start, lo=first, key=lambda text: text[: len(start)]))


def sort_pieces(piece_texts: Sequence[str], forbidden: Tensor) -> Pieces:  # forbidden [V] bool
    """Make the lookup. Forbidden ids and pieces of a cut character (U+FFFD) count as having no text."""
    barred = forbidden.tolist()
    texts = tuple("" if barred[k] or "\ufffd" in text else text for k, text in enumerate(piece_texts))
    order = sorted((k for k, text in enumerate(texts) if text), key=texts.__getitem__)
    return Pieces(texts, tuple(texts[k] for k in order), torch.tensor(order, dtype=torch.int64))


@dataclass(frozen=True, slots=True)
class Healed:
    """The ids before a hole without the last few, and what must be written in their place."""

    kept: tuple[int, ...]
    taken: tuple[int, ...]
    """The ids that were taken back."""
    pieces: Pieces

    @property
    def typed(self) -> str:
        """The text of the ids that were taken back: the hole's text starts with it."""
        return self._typed(0)

    @property
    def allowed(self) -> Tensor:  # [A] int64
        """The ids whose text starts with `typed`."""
        return self._starting(0)

    def hold(self, hole: int, vocabulary: Vocabulary) -> Adjust:
        """Give the edit that binds the first rows of `hole`.

        The first one starts with what was typed, or splits in two, and never vanishes. Or it is the first of the ids that were
        taken back, where that is the likelier: then the next row is bound so to the rest. Whatever may follow what was typed
        can be written, also where no piece spans both. Rows that are written are bound too: some rules write them anew.
        """
        more = torch.tensor([] if vocabulary.expand_id is None else [vocabulary.expand_id], dtype=torch.int64)
        starting = [self._starting(at) for at in range(len(self.taken))]
        again = [torch.tensor([token]) for token in self.taken]
        may = [torch.cat([whole if len(whole) else one, more]) for whole, one in zip(starting, again, strict=True)]

        def edit(canvas: Canvas, logits: Tensor) -> Tensor:  # [H, V] -> [H, V]
            rows = canvas.places.of_hole[hole].tolist()
            tokens = canvas.hole_tokens(hole)
            last = len(self.taken) - 1
            for at, token in enumerate(tokens):
                row = logits[rows[at]]
                goes_on = at < last and token == self.taken[at]  # committed already
                if at < last and token == canvas.mask_id:
                    behind = tokens[at + 1] if at + 1 < len(tokens) else None
                    goes_on = behind == canvas.mask_id and not bool(
                        (row[send(starting[at], row.device)] > row[self.taken[at]]).any()
                    )
                    if behind == self.taken[at + 1]:
                        goes_on = True  # the rest was decided first, or only this row was masked again
                ids = send((again if goes_on else may)[at], row.device)
                allowed = row.index_select(0, ids)
                row.fill_(-torch.inf).index_copy_(0, ids, allowed)
                if not goes_on:
                    break
            return logits

        return edit

    def _typed(self, first: int) -> str:
        return "".join(self.pieces.texts[token] for token in self.taken[first:])

    def _starting(self, first: int) -> Tensor:  # [A] int64
        fits = self.pieces.starting_with(self._typed(first))
        return self.pieces.ids[fits.start : fits.stop]


def heal(prefix_ids: Sequence[int], pieces: Pieces, *, through_newline: bool = False) -> Healed | None:
    """Back off the most tokens, up to three, whose joined text some longer piece starts with; None where there are none.

    Back-off stops before ids without text and before a line break with its indentation, unless `through_newline`: the
    caller passes it where the typed indentation may have to grow.
    """
    typed, best = "", None
    for count in range(1, min(MAX_BACKED_OFF_TOKENS, len(prefix_ids)) + 1):
        token = prefix_ids[-count]
        text = pieces.texts[token] if token < len(pieces.texts) else ""
        if not text or ("\n" in text and not through_newline):
            break
        typed = text + typed
        fits = pieces.starting_with(typed)
        # In sorted order the text itself comes before all that continue it.
        if fits and pieces.in_order[fits[-1]] != typed:
            best = Healed(tuple(prefix_ids[:-count]), tuple(prefix_ids[-count:]), pieces)
    return best
