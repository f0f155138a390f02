"""Pace: a Sampler around a Sampler that keeps a model which is unsure of a hole's length from going to and fro.

One structural change a hole a step (`sampling.length`) means that such a model spends most of its calls on growing and shrinking.
Nothing here decides about tokens of text: at its first look at a hole it takes away as many rows as the model holds to be too many,
later it forbids growth that was in vain so far, and lets rows go together that the model would take away one by one. A hole's history
is read off its rows and its budget, so it needs no memory.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Vocabulary, send
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.length import forbid_resizing, run_around
from dlm_lsp.sampling.strategy import Sampler

MAX_IN_VAIN = 2
"""Rows that a hole may gain and lose again; then it grows no more."""
MAX_UNWRITTEN = 16
"""Rows that a hole may gain while nothing is written in it, and four more for every token that is."""
MIN_CHANCE = 0.08
"""Of a delete, from which on a row of a hole that is all masks counts as one too many.

In training all deletes of a hole weigh as much as one token (DreamOn, arXiv 2602.01326), or the model would learn lengths before code, so
that the odds of each are too low: here they are even where they seem to be 1 to 12. See "The steps of an answer" in docs/performance.md.
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """What `inner` decides, at a better pace. `start` is the canvas with which the decode began."""

    inner: Sampler
    start: Canvas
    vocabulary: Vocabulary
    cuts: bool = True
    """Whether rows go at the first look."""

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Decide with growth in vain forbidden; then add those that would go next to a row that goes."""
        surplus = self._surplus(canvas, logits) if canvas.step == self.start.step else None
        if surplus is not None and bool(surplus.any()):
            text = forbid_resizing(self.vocabulary)(canvas, logits.clone())
            return _take_away(surplus, self.vocabulary.delete_id, self.inner(canvas, text, rng))
        logits = self._forbid_growth(canvas, logits)
        return self._shrink_faster(canvas, logits, self.inner(canvas, logits, rng))

    def _surplus(self, canvas: Canvas, logits: Tensor) -> Tensor:  # [H, V] -> [L] bool
        """Find the rows at the end of every hole that a model holds to be too many, at its first look and if nothing is written yet.

        As many rows stay as are not likely to be deletes, whichever these are: masks side by side are alike, and in training the
        deletes of a hole stand behind its text.
        """
        surplus = torch.zeros(len(canvas.tokens), dtype=torch.bool)
        delete = self.vocabulary.delete_id
        if not self.cuts or delete is None:
            return surplus
        stays = logits.softmax(-1)[:, delete].cpu() < MIN_CHANCE  # [H]
        for hole in range(len(canvas.budget)):
            rows = canvas.places.of_hole[hole]
            if bool(canvas.undecided[rows].all()):
                surplus[canvas.rows[rows][max(1, int(stays[rows].sum())) :]] = True
        return surplus

    def _forbid_growth(self, canvas: Canvas, logits: Tensor) -> Tensor:  # [H, V] -> [H, V]
        expand = self.vocabulary.expand_id
        if expand is None:
            return logits
        for hole, (before, left) in enumerate(zip(self.start.budget, canvas.budget, strict=True)):
            gained = before - left
            if gained < MAX_IN_VAIN:  # neither bound can be reached, as in nearly every step
                continue
            rows = canvas.places.of_hole[hole]
            lost = gained - (len(rows) - len(self.start.places.of_hole[hole]))
            written = int((~canvas.undecided[rows]).sum())
            if min(gained, lost) >= MAX_IN_VAIN or gained >= MAX_UNWRITTEN + 4 * written:
                logits = logits.clone()
                logits[rows.to(logits.device), expand] = -torch.inf
        return logits

    def _shrink_faster(self, canvas: Canvas, logits: Tensor, move: Move) -> Move:
        """Where a row goes, let those masks beside it go too that the model is surer to take away than to write anything.

        They would go one by one before the next token is written. Masks side by side are alike: it does not matter which go.
        """
        delete = self.vocabulary.delete_id
        committed = move.written
        if delete is None or delete not in committed.values():
            return move
        if canvas.masks < len(logits):
            logits = logits.index_select(0, send(canvas.undecided.nonzero().flatten(), logits.device))
        chances = logits.softmax(-1).cpu()  # [R, V]
        masks = canvas.masked_rows
        gone = dict(zip(masks, chances[:, delete].tolist(), strict=True))
        chances[:, delete] = 0
        written = dict(zip(masks, chances.amax(-1).tolist(), strict=True))
        sure = move.confidence.tolist()
        commit, tokens, confidence = move.commit.clone(), move.tokens.clone(), move.confidence.clone()
        for rows in canvas.places.by_hole:
            mine = [row for row in rows if row in written]
            going = [row for row in mine if committed.get(row) == delete]
            if not going:
                continue
            pick = max(going, key=sure.__getitem__)
            # Not where a token is being written: that stays, whatever the model thinks of the rows beside it.
            around = run_around({row for row in mine if committed.get(row, delete) == delete}, pick)
            own = run_around(set(going), pick)
            most = max(written[row] for row in mine)
            count = max(len(own), sum(gone[row] > most for row in around))
            # To the right first: the first row of a hole may be bound to what was typed.
            first = max(around[0], min(own[0], around[-1] + 1 - count))
            more = slice(first, first + count)
            commit[around[0] : around[-1] + 1] = False  # one run goes: who else would is counted in it, or waits
            commit[more], tokens[more], confidence[more] = True, delete, sure[pick]
        return replace(move, commit=commit, tokens=tokens, confidence=confidence)


def _take_away(surplus: Tensor, delete: int | None, move: Move) -> Move:  # [L] bool
    """Let rows go in a move, whatever it wants to write there."""
    assert delete is not None, "a row is surplus only where rows can go"
    return replace(
        move,
        commit=move.commit | surplus,
        tokens=move.tokens.masked_fill(surplus, delete),
        confidence=move.confidence.masked_fill(surplus, 1.0),
    )
