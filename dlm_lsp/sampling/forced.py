"""Forced: a Sampler around a Sampler that writes what really stood there, in the order in which the other one commits.

In: the ids that a benchmark has hidden. Out: the same moves with those ids, each with the probability that it had when it was
committed: their logarithms add up to the log-likelihood of the hidden text under this order of decoding. Several tokens of one move
are taken to be independent, so whoever commits too many at once pays for it. A token that is taken back counts as it was committed
last, when more of the truth was known: then the sum is no likelihood, but too good.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.strategy import Sampler


@dataclass(frozen=True, slots=True)
class Forced:
    """What `inner` commits, with the true tokens."""

    inner: Sampler
    truth: Tensor  # [H] int64, of a hole that neither grows nor shrinks

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Decide, and write the truth instead."""
        move = self.inner(canvas, logits, rng)
        chances = logits.float().softmax(-1).cpu().gather(-1, self.truth[:, None])[:, 0]  # [H]
        tokens, confidence = move.tokens.clone(), move.confidence.clone()
        tokens[canvas.rows], confidence[canvas.rows] = self.truth, chances
        return replace(move, tokens=tokens, confidence=confidence)
