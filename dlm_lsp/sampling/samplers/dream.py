"""Dream's own sampler: a plan of timesteps says how many tokens a step commits, a confidence says which.

Dream 7B: Diffusion Large Language Models (arXiv 2508.15487); `_sample` in `generation_utils.py` of DreamLM/Dream. Letters of
the code: timesteps t > s between 1 and `eps`; a step commits the share 1 - s/t of the masks, the last step all that are left.
`alg`: "origin" commits every mask with that probability, "maskgit_plus" the masks whose token is likeliest, "topk_margin" those
whose two likeliest tokens are furthest apart, "entropy" those whose distribution is narrowest, sum of p log p.

Differs from the paper: the plan is that of the canvas alone (the code takes the mean over a batch); a step of the plan that
commits nothing asks the model for nothing, with the same tokens at temperature 0, unless `faithful`, which runs such steps as
the code does; a step in which the hole grew or shrank is not one of the plan; equal scores go to the leftmost; no eos_penalty:
what is forbidden is forbidden in any step. `alg` and `steps` are those of the authors' demos; the code itself starts from "origin" and 512.
Temperature 0 and no nucleus are the code's; the demos draw at 0.2 with top_p 0.95.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import chances, narrow, pick
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import max_steps
from dlm_lsp.sampling.schedule import moment, remember, surest


@dataclass(frozen=True, slots=True)
class Dream:
    """Ends in at most H steps, and in at most `steps` (`faithful`: in exactly as many, but for "origin") where the hole does not grow."""

    alg: str = "entropy"
    steps: int = 0
    """0 is as many as there were masks at the start."""
    eps: float = 1e-3
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    alg_temp: float = 0.0
    """Above 0 the rows are drawn without replacement, with weights softmax(score / alg_temp)."""
    faithful: bool = False

    def __post_init__(self) -> None:
        check_decoder("dream", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls."""
        return max_steps(canvas) + (self.steps or canvas.remember().start if self.faithful else 0)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit what the next step of the plan commits that commits anything."""
        memory = canvas.remember()
        masked = canvas.undecided  # [H]
        steps = self.steps or memory.start
        now = moment(memory)
        if self.alg == "origin":
            chosen = self._at_random(masked, now, steps, rng)  # [H]
            while not self.faithful and not bool(chosen.any()):
                now += 1
                chosen = self._at_random(masked, now, steps, rng)
            tokens, confidence, _ = self._believe(logits, chosen, rng)
        else:
            left = int(masked.sum())
            while not self.faithful and int(left * self._share(now, steps)) == 0:
                now += 1
            tokens, confidence, score = self._believe(logits, masked, rng)
            chosen = self._by_score(score, masked, int(left * self._share(now, steps)), rng)
        move = canvas.commit(chosen, tokens, confidence)
        return replace(move, memory=remember(memory, now), idle=not bool(chosen.any()))

    def _share(self, now: int, steps: int) -> Tensor:  # [] float32, as in the code: it decides where a product is cut
        if now >= steps - 1:
            return torch.tensor(1.0)
        times = torch.linspace(1, self.eps, steps + 1)
        return 1 - times[now + 1] / times[now]

    def _at_random(self, masked: Tensor, now: int, steps: int, rng: torch.Generator) -> Tensor:  # [H] bool -> [H] bool
        chosen = masked.clone()
        chosen[masked] = torch.rand(int(masked.sum()), generator=rng) < self._share(now, steps)
        return chosen

    def _by_score(self, score: Tensor, masked: Tensor, count: int, rng: torch.Generator) -> Tensor:  # [H] -> [H] bool
        if self.alg_temp > 0 and count > 0:
            heat = (score - score[masked].max()) / self.alg_temp
            weights = torch.where(masked, heat, -torch.inf).softmax(0)
            # Who comes first in a race of exponential clocks is drawn by weight: torch.multinomial, without its limits.
            score = weights / torch.empty(len(weights)).exponential_(generator=rng)
        return surest(score, masked, count)

    def _believe(self, logits: Tensor, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Give [H] int64, [H], [H]: token, its probability and its score of the rows wanted, 0 elsewhere."""
        asked = logits[rows.to(logits.device)]  # [N, V]
        probabilities = narrow(asked, self.temperature, self.top_p, self.top_k)  # [N, V]
        picked = pick(probabilities, self.temperature, rng)  # [N]
        if self.alg == "topk_margin":
            best = probabilities.topk(2).values  # [N, 2]
            scored = best[:, 0] - best[:, 1]
        elif self.alg == "entropy":
            scored = (probabilities * torch.log(probabilities + 1e-10)).sum(-1)
        else:
            scored = probabilities.gather(-1, picked[:, None])[:, 0]
        tokens = torch.zeros(len(rows), dtype=torch.int64)
        confidence, score = torch.zeros(len(rows)), torch.zeros(len(rows))
        tokens[rows] = picked.cpu()
        confidence[rows] = chances(asked, picked)
        score[rows] = scored.cpu()
        return tokens, confidence, score
