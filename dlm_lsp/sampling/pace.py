"""Pace: a Sampler around a Sampler that keeps a model which is unsure of a hole's length from going to and fro.

One structural change a hole a step (`sampling.length`) means that such a model spends most of its calls on growing and shrinking.
Nothing here decides about tokens of text: it only forbids growth that was in vain so far, and lets rows go together that the model
would take away one by one. A hole's history is read off its rows and its budget, so it needs no memory.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Vocabulary
from dlm_lsp.sampling.belief import likeliest
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.strategy import Sampler

MAX_IN_VAIN = 2
"""Rows that a hole may gain and lose again; then it grows no more."""
MAX_UNWRITTEN = 16
"""Rows that a hole may gain while nothing is written in it, and four more for every token that is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What `inner` decides, at a better pace. `start` is the canvas with which the decode began."""

    inner: Sampler
    start: Canvas
    vocabulary: Vocabulary

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Decide with growth in vain forbidden; then add the neighbours of a row that goes."""
        logits = self._forbid_growth(canvas, logits)
        return self._shrink_faster(canvas, logits, self.inner(canvas, logits, rng))

    def _forbid_growth(self, canvas: Canvas, logits: Tensor) -> Tensor:  # [H, V] -> [H, V]
        expand = self.vocabulary.expand_id
        if expand is None:
            return logits
        hole_of = canvas.hole_of[canvas.rows]
        for hole, (before, left) in enumerate(zip(self.start.budget, canvas.budget, strict=True)):
            gained = before - left
            if gained < MAX_IN_VAIN:  # neither bound can be reached, as in nearly every step
                continue
            rows = hole_of == hole  # [H]
            lost = gained - (int(rows.sum()) - int((self.start.hole_of == hole).sum()))
            written = int((rows & ~canvas.masked[canvas.rows]).sum())
            if min(gained, lost) >= MAX_IN_VAIN or gained >= MAX_UNWRITTEN + 4 * written:
                logits = logits.clone()
                logits[rows.to(logits.device), expand] = -torch.inf
        return logits

    def _shrink_faster(self, canvas: Canvas, logits: Tensor, move: Move) -> Move:
        """Where a row goes, let half of the run to its right go with it that the model would take away row by row."""
        delete = self.vocabulary.delete_id
        going = move.commit & (move.tokens == delete)  # [L]
        if delete is None or not bool(going.any()):
            return move
        wanted = torch.zeros_like(canvas.holes)  # [L]
        wanted[canvas.rows] = likeliest(logits).cpu() == delete
        wanted &= canvas.masked
        commit, tokens, confidence = move.commit.clone(), move.tokens.clone(), move.confidence.clone()
        for hole in range(len(canvas.budget)):
            own = canvas.hole_of == hole
            if not bool((going & own).any()):
                continue
            pick = int(torch.where(going & own, move.confidence, -1.0).argmax())
            run = _run_behind(wanted & own, pick)
            more = slice(pick, pick + (run + 1) // 2 + 1)
            commit[more], tokens[more], confidence[more] = True, delete, move.confidence[pick]
        return replace(move, commit=commit, tokens=tokens, confidence=confidence)


def _run_behind(marked: Tensor, place: int) -> int:  # [L] bool
    """Count the marked rows that follow `place` without a gap."""
    behind = marked[place + 1 :]
    gaps = (~behind).nonzero()
    return int(gaps[0]) if len(gaps) else len(behind)
