"""Confidence threshold: commit every masked token that the model is sure of, at least the surest one.

Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel Decoding (arXiv 2505.22618),
algorithm 1, "threshold"; `llada/generate.py` in NVlabs/Fast-dLLM. Letters of the paper: tau is `threshold`, c is `confidence`.

Differs from the paper: no blocks (the hole is the block), no cache; equal confidences go to the leftmost.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move


@dataclass(frozen=True, slots=True)
class Threshold:
    """Ends in at most H steps; threshold 0 commits all at once, above 1 one token a step."""

    threshold: float = 0.9
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("threshold", asdict(self))

    def reads(self, canvas: Canvas) -> Tensor:  # [H] bool
        """Read the masks only."""
        return canvas.undecided

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the masked rows with c >= tau, and the best one."""
        places = canvas.undecided.nonzero().flatten()  # [R]
        tokens, confidence = believe(logits, self.temperature, rng, places)  # [R], [R]
        sure = confidence >= self.threshold
        numbers = confidence.tolist()
        sure[numbers.index(max(numbers))] = True
        return canvas.commit(sure, tokens, confidence, canvas.rows.index_select(0, places))
