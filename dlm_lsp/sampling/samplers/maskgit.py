"""MaskGIT: every step commits the surest tokens as far as a cosine says, few at first and many at the end.

MaskGIT (arXiv 2202.04200), section 3.2, in the form of VampNet (arXiv 2307.04686), `vampnet/modules/transformer.py` of
hugofloresgarcia/vampnet. Letters: r = (i + 1) / steps; after step i of `steps` floor(cos(pi r / 2) n0) rows are masked, n0 being those
of the start; the score is log p + g * mask_temperature * (1 - r) with Gumbel noise g. What is committed never comes back.

Differs from the paper: at least one token a step (with one mask left the code waits for the last step); exactly so many rows
stay masked, also among equals (the code commits all that equal the border), and of equals the leftmost is committed; the cosine is
that of exact numbers (in float32, as in the code, one row fewer stays masked at r = 2/3 where n0 is even); no filtering for typical
tokens, which is made for sound; the likeliest token is taken unless `temperature` says otherwise (both draw); a step in which the hole
grew or shrank is not one of the plan.
"""

import math
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.schedule import moment, remember, surest


@dataclass(frozen=True, slots=True)
class Maskgit:
    """Ends in at most H steps, and in at most `steps` where the hole does not grow."""

    steps: int = 12
    mask_temperature: float = 10.5
    """0 goes by confidence alone."""
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("maskgit", asdict(self))

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit all masked rows but the floor(cos(pi r / 2) n0) lowest scores."""
        memory = canvas.remember()
        masked = canvas.undecided  # [H]
        now = moment(memory)
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        r = min(1.0, (now + 1) / self.steps)
        staying = math.floor(math.cos(math.pi * r / 2) * memory.start)
        uniform = torch.rand(len(masked), generator=rng).clamp(min=1e-20)
        gumbel = -(-uniform.log()).log()
        score = confidence.log() + gumbel * self.mask_temperature * (1 - r)
        move = canvas.commit(surest(score, masked, max(1, int(masked.sum()) - staying)), tokens, confidence)
        return replace(move, memory=remember(memory, now))
