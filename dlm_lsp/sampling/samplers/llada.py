"""LLaDA's own sampler: block by block, every step commits an even share of the block, the surest tokens or random ones.

Large Language Diffusion Models (arXiv 2502.09992), section 2.4 and algorithms 4 and 5; `generate.py` in ML-GSAI/LLaDA. What the
paper calls remasking is not committing: nothing is ever taken back. Tokens are drawn by Gumbel-max in float64, as in the code.

Differs from the paper: no guidance (cfg_scale), which needs a second canvas without its context; the last block may be
shorter; a step in which the hole grew or shrank is not one of the plan, and what is left after the last is committed; equal
scores go to the leftmost.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import chances
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.schedule import moment, remember, surest


@dataclass(frozen=True, slots=True)
class Llada:
    """Ends in at most H steps, and in at most max(`steps`, number of blocks) where the hole does not grow."""

    remasking: str = "low_confidence"
    block: int = 0
    """Tokens of a block; 0 is one block of all."""
    steps: int = 0
    """Over all blocks; 0 is one a token."""
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("llada", asdict(self))

    def focus(self, canvas: Canvas) -> Tensor:  # [L] bool
        """Give the rows of the block that is decided now."""
        wide = torch.zeros_like(canvas.holes)
        wide[canvas.rows] = self._block_of(canvas) == self._current(canvas)
        return wide

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the block's share of this step: an even split of its rows, what remains of it in the earliest steps."""
        memory = canvas.remember()
        masked = canvas.undecided  # [H]
        block = self._current(canvas)
        inside = self._block_of(canvas) == block  # [H]
        now = moment(memory) if memory.numbers.get("block") == block else 0
        rows = int(inside.sum())
        blocks = -(-memory.start // self.block) if self.block else 1
        steps = max(1, self.steps // blocks) if self.steps else rows
        count = rows // steps + int(now < rows % steps) if now < steps else rows
        tokens = self._draw(logits, rng).cpu()  # [H]
        confidence = chances(logits, tokens)  # [H]
        score = torch.rand(len(masked), generator=rng) if self.remasking == "random" else confidence
        move = canvas.commit(surest(score, masked & inside, max(1, count)), tokens, confidence)
        return replace(move, memory=remember(memory, now, {"block": block}))

    def _block_of(self, canvas: Canvas) -> Tensor:  # [H] int64, -1 where a row was decided before the start
        own = canvas.remember().own
        return torch.where(own, (own.cumsum(0) - 1) // self.block if self.block else 0, -1)

    def _current(self, canvas: Canvas) -> int:
        return int(self._block_of(canvas)[canvas.undecided][0])

    def _draw(self, logits: Tensor, rng: torch.Generator) -> Tensor:  # [H, V] -> [H] int64
        if self.temperature == 0:
            return logits.argmax(-1)
        noise = torch.rand(logits.shape, dtype=torch.float64, generator=rng)
        return (logits.cpu().double().exp() / (-noise.log()) ** self.temperature).argmax(-1)
