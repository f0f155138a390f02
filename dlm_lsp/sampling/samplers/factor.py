"""Factor: commit the n surest tokens, where n is the largest whose confidences bound the error of deciding them at once.

Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel Decoding (arXiv 2505.22618),
theorem 1 and section 3.3, "factor"; `get_transfer_index_dynamic` in `decoding.py` of zhaoyMa/Saber is a copy of the authors'
code. Letters of the paper: f is `factor`, c_(n) the n-th highest confidence, n is committed while (n + 1) (1 - c_(n)) <= f.

Differs from the paper: equality passes, as in the code (the theorem has <); no cache; equal confidences go to the leftmost.
Fault of the code, with `faithful`: where the first token that does not pass is the last of all, it is committed too, so that two
masks always go at once.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.blocks import leftmost_block
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.schedule import surest


@dataclass(frozen=True, slots=True)
class Factor:
    """Ends in at most H steps; factor 0 commits one token a step and what is wholly certain, a large one all of the block at once."""

    factor: float = 1.0
    block: int = 32
    """Rows of a block; 0 is one block of all."""
    temperature: float = 0.0
    faithful: bool = False

    def __post_init__(self) -> None:
        check_decoder("factor", asdict(self))

    def focus(self, canvas: Canvas) -> Tensor:  # [L] bool
        """Only the leftmost block with a mask is decided."""
        return leftmost_block(canvas, self.block)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the block's masked rows of rank 1…n."""
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        among = (canvas.masked & self.focus(canvas))[canvas.rows]  # [H]
        ranked = confidence[among].double().sort(descending=True).values
        passes = ranked >= 1 - self.factor / torch.arange(2, len(ranked) + 2, dtype=torch.float64)
        passes[0] = True
        count = int(passes.cumprod(0).sum())
        if self.faithful and count == len(ranked) - 1:
            count += 1
        move = canvas.commit(surest(confidence, among, count), tokens, confidence)
        return replace(move, memory=canvas.remember().next())
