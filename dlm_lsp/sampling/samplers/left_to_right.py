"""Left to right: commit the leftmost masks, what an autoregressive model would do; the baseline of every other rule.

No paper. The model still sees what stands behind the hole, and masks in between.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move


@dataclass(frozen=True, slots=True)
class LeftToRight:
    """Ends in H / `tokens` steps, rounded up."""

    tokens: int = 1
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("left_to_right", asdict(self))

    def focus(self, canvas: Canvas) -> Tensor:  # [L] bool
        """Give the rows that are committed now."""
        return canvas.masked & (canvas.masked.cumsum(0) <= self.tokens)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the leftmost masked rows, whatever their confidence."""
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        return canvas.commit(self.focus(canvas)[canvas.rows], tokens, confidence)
