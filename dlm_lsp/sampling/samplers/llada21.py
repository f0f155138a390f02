"""LLaDA2.1: commit the masked rows that the model is sure of, and write anew the committed ones where it is sure of another token.

LLaDA2.1: Speeding Up Text Diffusion via Token Editing (arXiv 2602.08676), section 3, and `dllm/pipelines/llada21/sampler.py` of
ZHZisZZ/dllm. A step commits the masked rows with c > `tau_mask`, at least the surest, and edits the committed rows whose likeliest
token is another one with c > `tau_edit`. Without masks it looks on until a look edits nothing, at most `max_post_steps` times.

Takes back: an edit is one token written over another, so it ends in at most H + `max_post_steps` steps, and 2 more for each row that
the hole may grow by.

Differs from the paper: the hole is one block (the model, but not the rule, is causal from block to block and sees no suffix). Low
`tau_mask` stutters, says the paper. Tokens of growth only act on masks.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import max_steps


@dataclass(frozen=True, slots=True)
class Llada21:
    """Commits and edits; looks on when no mask is left."""

    tau_mask: float = 0.95
    tau_edit: float = 0.9
    max_post_steps: int = 16
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("llada21", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls: to fill the hole, and the looks at a full hole."""
        return max_steps(canvas) + self.max_post_steps

    def settled(self, canvas: Canvas) -> bool:
        """Whether the last look at a full hole edited nothing, or was the last one."""
        memory = canvas.remember()
        seen = memory.rows.get("seen")
        now = canvas.tokens[canvas.rows]
        return memory.numbers.get("post_steps", 0) >= self.max_post_steps or (
            seen is not None and torch.equal(seen, now)
        )

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the unmask set and the edit set."""
        memory = canvas.remember()
        masked, now = canvas.undecided, canvas.tokens[canvas.rows]  # [H], [H]
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        unmask = masked & (confidence > self.tau_mask)
        if bool(masked.any()):
            unmask[torch.where(masked, confidence, -1.0).argmax()] = True
        edit = memory.own & ~masked & (confidence > self.tau_edit) & (tokens != now)
        move = canvas.commit(unmask | edit, tokens, confidence)
        revoke = torch.zeros_like(canvas.holes)
        revoke[canvas.rows] = edit
        post_steps = memory.numbers.get("post_steps", 0) + (not bool(masked.any()))
        memory = memory.next(rows={"seen": now}, numbers={"post_steps": post_steps})
        return replace(move, revoke=revoke, memory=memory, idle=not bool(move.commit.any()))
