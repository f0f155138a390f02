"""Threshold with a budget: as `threshold`, but the tokens of every step are counted against a plan.

Fast-dLLM (arXiv 2505.22618), its port to Dream: `alg="confidence_threshold"` in `dream/model/generation_utils.py` of
NVlabs/Fast-dLLM. With n masks and `steps` planned, a step may commit n / steps tokens and what earlier steps left over; what is
left after the last planned step is done in further ones. `steps` 8 is that of the authors' runs (256 tokens, blocks of 32).

Differs from the code: n need not divide by `steps`, the budget of all steps so far is rounded up; a step in which the hole grew or
shrank is not one of the plan; equal confidences go to the leftmost; the confidence is that at temperature 1, also where the token
was drawn at another.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.schedule import moment, remember, surest


@dataclass(frozen=True, slots=True)
class ThresholdDream:
    """Ends in at most H steps, and in no less than `steps`, or H where there are fewer masks."""

    threshold: float = 0.9
    steps: int = 8
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("threshold_dream", asdict(self))

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the surest masked row, and those with c >= threshold as far as the budget goes."""
        memory = canvas.remember()
        masked = canvas.undecided
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        now = moment(memory)
        planned = -(-memory.start * min(now + 1, self.steps) // self.steps)
        budget = max(1, planned - int((memory.own & ~masked).sum()))
        chosen = surest(confidence, masked, budget) & (confidence >= self.threshold)
        chosen |= surest(confidence, masked, 1)
        return replace(canvas.commit(chosen, tokens, confidence), memory=remember(memory, now))
