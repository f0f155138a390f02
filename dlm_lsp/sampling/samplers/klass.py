"""KLASS: commit the tokens that the model is sure of and whose distributions have stopped to move.

KLASS: KL-Guided Fast Inference in Masked Diffusion Models (arXiv 2511.05664), algorithm 1; `src/model/dream_klass.py` in
shkim0116/KLASS. A masked row is ready where its confidence is at least `threshold` (tau_c) and KL(p_t || p_(t-1)) was below
`kl_threshold` (tau_KL) in each of the last `history` (n) steps; where no row is ready, the surest is committed. Nothing precedes the
first step, so that the first `history` steps commit one token each.

Differs from the paper: the history is that of the hole's rows alone; no blocks; a row that a hole grew by begins with the history
of the row it came from. Equality passes, as in the code for Dream (that for LLaDA has >).
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe, precise
from dlm_lsp.sampling.canvas import Canvas, Move

TINY = 1e-12
"""Under the logarithm, as in the code: the divergence from nothing is large, not infinite."""


@dataclass(frozen=True, slots=True)
class Klass:
    """Ends in at most H steps."""

    threshold: float = 0.9
    kl_threshold: float = 0.01
    history: int = 2
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("klass", asdict(self))

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the masked rows that are sure and still, or else the surest one."""
        memory = canvas.remember()
        masked = canvas.undecided
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        now = precise(logits).softmax(-1)  # [H, V]
        before = memory.rows.get("probabilities", torch.zeros_like(now))
        divergence = (now * ((now + TINY).log() - (before + TINY).log())).sum(-1).cpu()  # [H]
        still = memory.rows.get("still_steps", torch.zeros(len(now), dtype=torch.int64)) + 1
        still[divergence >= self.kl_threshold] = 0
        ready = masked & (confidence >= self.threshold) & (still >= self.history)
        if not bool(ready.any()):
            ready[torch.where(masked, confidence, -1.0).argmax()] = True
        rows = {"probabilities": now, "still_steps": still}
        return replace(canvas.commit(ready, tokens, confidence), memory=memory.next(rows=rows))
