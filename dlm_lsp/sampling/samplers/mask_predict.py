"""Mask-predict: write all masks, then mask again the tokens that were the least sure when they were written.

Mask-Predict: Parallel Decoding of Conditional Masked Language Models (arXiv 1904.09324), section 4. Letters: T is `steps`; after
step t the n = N (T - t) / T lowest scores are masked, rounded down, N being the rows masked at the start; the score of a token is
its probability when it was written, and it keeps it until it is written again.

Differs from the paper: no beam of lengths; at temperature 0 a step of the plan that changes nothing asks the model for nothing, with
the same tokens (but for caches that are refreshed by calls); a step in which the hole grew or shrank is not one of the plan, and what
is masked after the last step is committed; of equal scores the leftmost is kept.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Memory, Move
from dlm_lsp.sampling.denoise import max_steps
from dlm_lsp.sampling.schedule import moment, remember, surest


@dataclass(frozen=True, slots=True)
class MaskPredict:
    """Ends in at most `steps` steps, and as many more as the hole grows and shrinks."""

    steps: int = 10
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("mask_predict", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls: the plan, then whatever growth and shrinkage leave."""
        return self.steps + max_steps(canvas)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit all masks but those that would be masked again at once; mask written tokens whose score is as low.

        This is the next step of the plan that changes anything.
        """
        memory = canvas.remember()
        masked = canvas.undecided  # [H]
        now = moment(memory)
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        score = torch.where(masked, confidence, canvas.confidence[canvas.rows])  # [H]
        written = memory.own & ~masked  # [H]
        kept = self._kept(score, memory, now)  # [H]
        while self.temperature == 0 and torch.equal(kept, written):
            now += 1
            kept = self._kept(score, memory, now)
        revoke = torch.zeros_like(canvas.holes)
        revoke[canvas.rows] = written & ~kept
        move = canvas.commit(masked & kept, tokens, confidence)
        return replace(move, revoke=revoke, memory=remember(memory, now))

    def _kept(self, score: Tensor, memory: Memory, now: int) -> Tensor:  # [H] -> [H] bool
        masks = memory.start * max(0, self.steps - now - 1) // self.steps
        return surest(score, memory.own, memory.start - masks)
