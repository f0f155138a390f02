"""SUNDAE: write everything at once, then look at the written text again and again until it stays as it is.

Step-unrolled Denoising Autoencoders for Text Generation (arXiv 2112.06749), section 2.3: every token may change in every step, and
no mask token is needed. `start` is what the first text is: `proposal`, the model's answer to a hole of masks, or `random` tokens as
in the paper. Then each of up to `rounds` looks resamples the `share` of the rows (rho) in whose token the model believes least, all
of them with share 1; a look that changes nothing is the last one.

Takes back: a changed token is one written over another, so it ends in at most H + `rounds` steps, and 2 more for each row that the
hole may grow by.

Differs from the paper: the share is the least likely, not drawn; tokens are the likeliest unless `temperature` says otherwise (the paper
draws at a low one); `proposal` needs a model that knows masks, and a model that knows nothing but masks believes what it sees: the
method is for those trained with wrong tokens. Tokens of growth only act on masks.
"""

import math
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe, chances, draw
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import max_steps
from dlm_lsp.sampling.schedule import surest


@dataclass(frozen=True, slots=True)
class Sundae:
    """Looks at a text without masks until it is settled."""

    start: str = "proposal"
    rounds: int = 16
    share: float = 1.0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("sundae", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls: to fill the hole, and the looks at a full hole."""
        return max_steps(canvas) + self.rounds

    def settled(self, canvas: Canvas) -> bool:
        """Whether the last look changed nothing, or was the last one."""
        memory = canvas.remember()
        seen = memory.rows.get("seen")
        now = canvas.tokens[canvas.rows]
        return memory.numbers.get("round", 0) >= self.rounds or (seen is not None and torch.equal(seen, now))

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Fill what is masked; where nothing is, resample."""
        memory = canvas.remember()
        masked, now = canvas.undecided, canvas.tokens[canvas.rows]  # [H], [H]
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        if bool(masked.any()):
            if self.start == "random":
                tokens = draw(logits.isfinite().float(), rng).cpu()
                confidence = chances(logits, tokens)
            return replace(canvas.commit(masked, tokens, confidence), memory=memory.next())
        again = surest(-chances(logits, now), memory.own, math.ceil(self.share * memory.start)) & (tokens != now)
        move = canvas.commit(again, tokens, confidence)
        memory = memory.next(rows={"seen": now}, numbers={"round": memory.numbers.get("round", 0) + 1})
        return replace(move, revoke=move.commit, memory=memory, idle=not bool(again.any()))
