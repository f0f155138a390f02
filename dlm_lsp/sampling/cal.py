"""How long a hole is, for a checkpoint that cannot grow or shrink it: the length at which the model is surest of its masks.

CAL: Diffusion LMs Can Approximate Optimal Infilling Lengths Implicitly (arXiv 2602.00476), algorithm 1 and appendix A;
`dreamcoder_cal.py` and `length_bias.py` in NiuHechang/Calibrated_Adaptive_Length. Letters of the paper: Φ(L) is `phi`, the mean over
L masks of the largest probability in one model call; B(L) is `Curve`, what Φ is of a length that means nothing; Φ/B is searched.

Differs from the paper: L0 is the caller's (the paper: 8); D is 4, as in the authors' script (their text: 2); lengths are asked several to a
call, with the same outcome; B is fitted per checkpoint (the paper: LLaDA-8B's for all), with the same weights as there, over a grid of b
and d that is made finer ten times, instead of from a first guess; expand and delete tokens, which the paper's checkpoints lack, are not
among the probabilities.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.length import forbid_resizing

PATIENCE = 4
"""D: lengths in a row that are no better; then the search turns."""
FIT_LENGTHS = (1, 2, 4, 6, 12, 16, 24, 32, 48, 64, 96, 128)
EXCLUDED = 4
"""Lengths as near as this to the true one say something about the code and nothing about the bias."""
MAX_B, MAX_D = 2.0, 0.5
"""Bounds of the paper's fit."""
GRID, ZOOMS = 33, 10


@dataclass(frozen=True, slots=True)
class Curve:
    """B(L) = a e^(-bL) + c e^(-dL) + e."""

    a: float
    b: float
    c: float
    d: float
    e: float

    def __call__(self, length: int) -> float:
        """Give B at a length."""
        return self.a * math.exp(-self.b * length) + self.c * math.exp(-self.d * length) + self.e


def phi(denoiser: Denoiser, canvases: Sequence[Canvas], hole: int) -> list[float]:
    """Give Φ of one hole of each canvas, in one call; no cache has a say in it, for lengths are compared."""
    views = [View(canvas.tokens, (canvas.hole_of == hole).nonzero().flatten(), lane=None) for canvas in canvases]
    edit = forbid_resizing(denoiser.vocabulary)
    answers = (edit(canvas, logits.clone()) for canvas, logits in zip(canvases, denoiser.predict(views), strict=True))
    return [float(logits.float().softmax(-1).amax(-1).mean()) for logits in answers]


def search(psi: Callable[[Sequence[int]], Sequence[float]], start: int, longest: int, patience: int = PATIENCE) -> int:
    """Climb from `start` to the length with the highest Φ/B: upwards, then downwards, until `patience` lengths were in vain."""
    known: dict[int, float] = {}

    def value(length: int, ahead: Sequence[int]) -> float:
        if length not in known:
            asked = [each for each in ahead if each not in known]
            known.update(zip(asked, psi(asked), strict=True))
        return known[length]

    near = range(max(1, start - patience), min(longest, start + patience) + 1)
    best, highest = start, value(start, near)
    for way, last in ((1, longest), (-1, 1)):
        in_vain = 0
        for length in range(start + way, last + way, way):
            ahead = range(length, length + way * min(patience, abs(last - length) + 1), way)
            reached = value(length, ahead)
            in_vain = 0 if reached > highest else in_vain + 1
            if reached > highest:
                best, highest = length, reached
            if in_vain >= patience:
                break
    return best


def fit_curve(samples: Mapping[int, Sequence[float]]) -> Curve:
    """Fit B to the Φ that were measured at each length; a length counts by how often it was measured."""
    lengths = torch.tensor(sorted(samples), dtype=torch.float64)  # [N]
    means = torch.tensor([sum(samples[n]) / len(samples[n]) for n in sorted(samples)], dtype=torch.float64)  # [N]
    weights = torch.tensor([float(len(samples[n])) for n in sorted(samples)], dtype=torch.float64).sqrt()  # [N]
    low, high = torch.tensor([0.0, 0.0]), torch.tensor([MAX_B, MAX_D])
    best = Curve(0.0, 0.0, 0.0, 0.0, 0.0)
    for _ in range(ZOOMS):
        decays = torch.cartesian_prod(*(torch.linspace(*ends, GRID, dtype=torch.float64) for ends in _ends(low, high)))
        best = _best_of(decays, lengths, means, weights)
        middle, step = torch.tensor([best.b, best.d]), (high - low) / (GRID - 1)
        low, high = (middle - 4 * step).clamp_min(0), torch.minimum(middle + 4 * step, torch.tensor([MAX_B, MAX_D]))
    return best


def _ends(low: Tensor, high: Tensor) -> list[tuple[float, float]]:
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _best_of(decays: Tensor, lengths: Tensor, means: Tensor, weights: Tensor) -> Curve:
    """Give the best curve with one of these pairs of b and d, [P, 2]: what is left is linear in a, c and e, none below 0."""
    parts = (-decays[:, None, :] * lengths[None, :, None]).exp()  # [P, N, 2]
    parts = torch.cat([parts, torch.ones_like(parts[..., :1])], dim=-1) * weights[:, None]  # [P, N, 3]
    wanted = (means * weights).expand(len(decays), -1)[..., None]  # [P, N, 1]
    lowest, best = math.inf, Curve(0.0, 0.0, 0.0, 0.0, 0.0)
    for used in ([0, 1, 2], [0, 1], [0, 2], [1, 2], [0], [1], [2]):  # those left out are 0
        solved = torch.linalg.lstsq(parts[..., used], wanted).solution  # [P, used, 1]
        errors = (parts[..., used] @ solved - wanted).square().sum((1, 2))  # [P]
        errors[(solved < 0).any(1).flatten()] = math.inf
        place = int(errors.argmin())
        if float(errors[place]) < lowest:
            lowest = float(errors[place])
            amounts = dict(zip(used, solved[place, :, 0].tolist(), strict=True))
            b, d = decays[place].tolist()
            best = Curve(amounts.get(0, 0.0), b, amounts.get(1, 0.0), d, amounts.get(2, 0.0))
    return best
