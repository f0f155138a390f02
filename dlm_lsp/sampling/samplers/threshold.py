"""Confidence threshold: commit every masked token that the model is sure of, at least the surest one.

Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel Decoding (arXiv 2505.22618),
algorithm 1, "threshold"; `llada/generate.py` in NVlabs/Fast-dLLM. Letters of the paper: tau is `threshold`, c is `confidence`.

Differs from the paper: the hole is one block unless `block` says otherwise (the authors run blocks of 32 of 256 tokens), counted over
the masks of the start; caches are `models.cached`; equal confidences go to the leftmost.
Fault of the authors' code for Dream with caches, with `faithful`: the first call of a block commits its first token alone, whatever the
confidence, for what that code computes afterwards lacks the row that speaks about it.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.blocks import leftmost_block
from dlm_lsp.sampling.canvas import Canvas, Move


@dataclass(frozen=True, slots=True)
class Threshold:
    """Ends in at most H steps; threshold 0 commits all at once, above 1 one token a step."""

    threshold: float = 0.9
    temperature: float = 0.0
    block: int = 0
    """Rows of a block; 0 is one block of all."""
    faithful: bool = False

    def __post_init__(self) -> None:
        check_decoder("threshold", asdict(self))

    def focus(self, canvas: Canvas) -> Tensor | None:  # [L] bool
        """Only the leftmost block with a mask is decided."""
        return leftmost_block(canvas, self.block) if self.block else None

    def reads(self, canvas: Canvas) -> Tensor:  # [H] bool
        """Read the masks only."""
        return canvas.undecided

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the block's masked rows with c >= tau, and the best one."""
        focus = self.focus(canvas)
        decided_now = canvas.undecided if focus is None else canvas.undecided & focus[canvas.rows]  # [H]
        places = decided_now.nonzero().flatten()  # [R]
        tokens, confidence = believe(logits, self.temperature, rng, places)  # [R], [R]
        sure = confidence >= self.threshold
        numbers = confidence.tolist()
        sure[numbers.index(max(numbers))] = True
        if self.faithful:
            block = canvas.own if focus is None else focus  # [L] bool
            if len(places) == int(block.sum()):  # its first call
                sure = torch.arange(len(places)) == 0
        move = canvas.commit(sure, tokens, confidence, canvas.rows.index_select(0, places))
        if not (self.block or self.faithful):
            return move  # one block is what is masked now: nothing to remember
        return replace(move, memory=canvas.remember().next())
