"""ReMDM: ancestral sampling in which what is written may be masked again with a small probability.

Remasking Discrete Diffusion Models with Inference-Time Scaling (arXiv 2503.00307), sections 3 and 4;
`diffusion.py` in kuleshov-group/remdm. Letters: alpha_t = 1 - t is the share written at time t, s < t the next time; a written
token is masked with probability sigma, a mask is written with (alpha_s - (1 - sigma) alpha_t) / (1 - alpha_t). `variant` is the
choice of sigma, at most sigma_max = min(1, (1 - alpha_s) / alpha_t): "cap" min(eta_cap, sigma_max), "rescale" eta_rescale
sigma_max, "conf" sigma_max shared out by softmax(-confidence when written), "loop" eta_loop between the times t_on and t_off,
while alpha stays at alpha_on, and 0 outside. With sigma = 0 it is the ancestral sampler.

Differs from the paper: steps that change nothing ask the model for nothing (the paper keeps the answer instead); times reach 0 and
the last step writes all that is left (the code stops at 1e-5 and then takes the likeliest); the nucleus holds the id that
crosses top_p, as Dream's does; "conf" looks at probabilities before the nucleus is cut; a step in which the hole grew or shrank is not one
of the plan; the likeliest token is taken unless `temperature` says otherwise (the paper draws at 1).
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import chances, narrow, pick
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import max_steps
from dlm_lsp.sampling.schedule import moment, remember


@dataclass(frozen=True, slots=True)
class Remdm:
    """Ends in at most `steps` steps, and as many more as the hole grows and shrinks."""

    variant: str = "cap"
    steps: int = 0
    """0 is as many as there were masks at the start."""
    eta_cap: float = 0.008
    eta_rescale: float = 0.015
    eta_loop: float = 0.02
    t_on: float = 0.55
    t_off: float = 0.05
    alpha_on: float = 0.9
    temperature: float = 0.0
    top_p: float = 0.9

    def __post_init__(self) -> None:
        check_decoder("remdm", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls: the plan, then whatever growth and shrinkage leave."""
        return (self.steps or canvas.remember().start) + max_steps(canvas)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Write and mask what the next step of the plan does that changes anything."""
        memory = canvas.remember()
        now = moment(memory)
        written, back = self._change(canvas, now, rng)  # [H], [H]
        while not bool((written | back).any()):
            now += 1
            written, back = self._change(canvas, now, rng)
        asked = logits[written.to(logits.device)]  # [N, V]
        picked = pick(narrow(asked, self.temperature, self.top_p, top_k=0), self.temperature, rng)  # [N]
        tokens, confidence = torch.zeros(len(written), dtype=torch.int64), torch.zeros(len(written))
        tokens[written] = picked.cpu()
        confidence[written] = chances(asked, picked)
        revoke = torch.zeros_like(canvas.holes)
        revoke[canvas.rows] = back
        return replace(canvas.commit(written, tokens, confidence), revoke=revoke, memory=remember(memory, now))

    def _change(self, canvas: Canvas, now: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:  # [H] bool, [H] bool
        """Draw the rows that are written and those that are masked again in step `now` of the plan."""
        own = canvas.remember().own
        masked = canvas.undecided  # [H]
        steps = self.steps or canvas.remember().start
        if now >= steps - 1:
            return masked, torch.zeros_like(masked)
        t, s = 1 - now / steps, 1 - (now + 1) / steps
        written = own & ~masked
        back: float | Tensor
        if self.variant == "loop":
            write, back = self._loop(t, s)
        elif self.variant == "conf":
            doubt = torch.where(written, -canvas.confidence[canvas.rows], -torch.inf)
            share = doubt.softmax(0).nan_to_num()  # nothing is written at first
            write, back = 1 - s / t, share * self._most(t, s)
        else:
            most = self._most(t, s)
            back = min(self.eta_cap, most) if self.variant == "cap" else self.eta_rescale * most
            write = ((1 - s) - (1 - back) * (1 - t)) / t
        drawn = torch.rand(len(masked), generator=rng)
        return masked & (drawn < write), written & (drawn < back)

    def _most(self, t: float, s: float) -> float:
        """The largest sigma for which the share written is the plan's."""
        return min(1.0, s / (1 - t)) if t < 1 else 1.0

    def _loop(self, t: float, s: float) -> tuple[float, float]:
        if t > self.t_on:
            masked_t, masked_s = (1 - (1 - time) * self.alpha_on / (1 - self.t_on) for time in (t, s))
            return (masked_t - masked_s) / masked_t, 0.0
        if t <= self.t_off:
            return 1 - s / t, 0.0
        return self.eta_loop * self.alpha_on / (1 - self.alpha_on), self.eta_loop
