"""P2: every step keeps the surest tokens of a growing share of the hole and masks the rest, written or not.

Path Planning for Masked Diffusion Model Sampling (arXiv 2502.03540), in the form of Open-dLLM, `alg="p2"` in
`qwen2/generation_utils.py` of pengzhangzhi/Open-dLLM. Letters: kappa = (i + 1) / steps is the share that is kept after step i.
The score of a row, written or masked, is the probability of the token that would be taken there now; a written token that is
kept stays as it is, though it may not be that token.

Differs from the paper: the planner is the denoiser itself (as in Open-dLLM); at temperature 0 a step of the plan that changes nothing
asks the model for nothing, with the same tokens (but for caches that are refreshed by calls), unless `faithful`, which runs such steps
as the code does; a step in which the hole grew or shrank is not one of the plan; equal scores: the leftmost is kept; temperature
0 is the code's own, its infill runs draw at 0.6.
Fault of the code: without a configuration of its own it takes the model's, and with it temperature 1 and top_k 50 of transformers 4, which
nobody asked for. Here nothing is hidden; `temperature=1,top_k=50,top_p=1` is the same.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import chances, narrow, pick
from dlm_lsp.sampling.canvas import Canvas, Memory, Move
from dlm_lsp.sampling.denoise import max_steps
from dlm_lsp.sampling.schedule import moment, remember, surest


@dataclass(frozen=True, slots=True)
class P2:
    """Ends in at most `steps` steps, and as many more as the hole grows and shrinks."""

    steps: int = 64
    """0 is as many as there were masks at the start."""
    temperature: float = 0.0
    top_p: float = 0.95
    top_k: int = 0
    faithful: bool = False

    def __post_init__(self) -> None:
        check_decoder("p2", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls: the plan, then whatever growth and shrinkage leave."""
        return (self.steps or canvas.remember().start) + max_steps(canvas)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Mask the n (1 - kappa) lowest scores of what was masked at the start, rounded down, and commit the other masks.

        This is the next step of the plan that changes anything.
        """
        memory = canvas.remember()
        masked = canvas.undecided  # [H]
        now = moment(memory)
        probabilities = narrow(logits, self.temperature, self.top_p, self.top_k)  # [H, V]
        tokens = pick(probabilities, self.temperature, rng)  # [H]
        score = probabilities.gather(-1, tokens[:, None])[:, 0].cpu()  # [H]
        confidence = chances(logits, tokens)  # [H]
        written = memory.own & ~masked  # [H]
        kept = self._kept(score, memory, now)  # [H]
        while not self.faithful and self.temperature == 0 and torch.equal(kept, written):
            now += 1
            kept = self._kept(score, memory, now)
        revoke = torch.zeros_like(canvas.holes)
        revoke[canvas.rows] = written & ~kept
        move = canvas.commit(masked & kept, tokens.cpu(), confidence)
        return replace(move, revoke=revoke, memory=remember(memory, now))

    def _kept(self, score: Tensor, memory: Memory, now: int) -> Tensor:  # [H] -> [H] bool
        return surest(score, memory.own, memory.start - self._masks(now, memory.start))

    def _masks(self, now: int, start: int) -> int:
        steps = self.steps or start
        kappa = min(1.0, (now + 1) / steps)
        return int(torch.tensor(float(start)) * (1 - kappa))  # float32 as in the code: it decides what is rounded down
