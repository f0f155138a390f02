"""Forced: a Sampler around a Sampler that writes what really stood there, in the order in which the other one commits.

In: the ids that a benchmark has hidden. Out: the same commits with those ids, each with the probability that it had then: their
logarithms add up to the log-likelihood of the hidden text under this order of decoding. Several tokens of one move are taken to be
independent, so whoever commits too many at once pays for it. Nothing is taken back, for nothing is wrong: a rule that writes
first and corrects afterwards is measured by what it writes first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.sampling.belief import chances
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.strategy import Sampler


@dataclass(frozen=True, slots=True)
class Forced:
    """What `inner` commits, with the true tokens."""

    inner: Sampler
    truth: Tensor  # [H] int64, of a hole that neither grows nor shrinks

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Decide which masks are committed, and write the truth there."""
        move = self.inner(canvas, logits, rng)
        tokens, confidence = move.tokens.clone(), move.confidence.clone()
        tokens[canvas.rows], confidence[canvas.rows] = self.truth, chances(logits, self.truth)
        commit = move.commit & canvas.masked
        idle = not bool(commit.any())
        return Move(commit=commit, tokens=tokens, confidence=confidence, memory=move.memory, idle=idle)
