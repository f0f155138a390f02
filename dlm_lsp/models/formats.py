"""Which number format is fastest on this CPU: tried out once, while a model is loaded.

In: what makes the first layer of the model in a format. Out: the format's name. Two machines may choose differently, and then give
slightly different answers; a format is only chosen for a clear gain, and only if it computes much the same. It knows no file and no
kernel.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import View
from dlm_lsp.models.transformer import Again, Kept, NetworkDenoiser

EXACT = "float32"
FASTER = ("bfloat16", "int8")
"""What may be chosen in its place, the more exact first. `benchmarks/results/cpu_formats.json` has what they cost: of the bundled model's
masked rows 1 of 100 has another likeliest token, and none where the model is sure."""

EVERYTHING = torch.arange(384)
HOLE = torch.arange(180, 204)
"""The rows of a canvas of any tokens."""
STEPS_A_PASS = 7
"""An answer is made of steps for the rows of a hole and, now and then, a pass over all rows."""
PASS_ROUNDS, STEP_ROUNDS = 2, 5
"""The least time of so many counts."""
CLEARLY = 0.85
"""A format must take less than this share of the time of a more exact one; with less to gain, chance would choose."""
TOO_FAR = 0.1
"""Of the exact logits' length: what is further away has overflowed somewhere."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One format at work on a canvas of any tokens, its hole in the middle."""

    denoiser: NetworkDenoiser
    kept: Kept
    tokens: Tensor  # [L]

    @classmethod
    def of(cls, denoiser: NetworkDenoiser) -> "Trial":
        """Make room."""
        generator = torch.Generator().manual_seed(0)
        tokens = torch.randint(denoiser.vocabulary.size, EVERYTHING.shape, generator=generator)
        tokens[HOLE] = denoiser.vocabulary.mask_id
        return cls(denoiser, denoiser.keep(len(tokens)), tokens)

    def compute(self, rows: Tensor) -> Tensor:  # [R] -> [H, V]
        """Compute some rows again, and what the model believes of the hole."""
        self.denoiser.compute_again([Again(self.tokens, EVERYTHING, rows, self.kept)])
        return self.denoiser.read([self.kept], [View(self.tokens, HOLE)])[0]

    def spent_s(self, rows: Tensor) -> float:  # [R]
        """Take the time of computing some rows."""
        began = time.perf_counter()
        self.compute(rows)
        return time.perf_counter() - began


def fastest(make: Callable[[str], NetworkDenoiser]) -> str:
    """Try the formats in turn, as the machine's other work comes and goes; one that fails is not tried again."""
    trials = {EXACT: Trial.of(make(EXACT))}
    exact = trials[EXACT].compute(EVERYTHING)
    for name in FASTER:
        try:
            trial = Trial.of(make(name))
            near = float((trial.compute(EVERYTHING) - exact).norm()) <= TOO_FAR * float(exact.norm())
        except RuntimeError:
            continue
        if near:  # not so where it is no number
            trials[name] = trial
    spent_s = dict.fromkeys(trials, 0.0)
    for rows, rounds, share in ((EVERYTHING, PASS_ROUNDS, 1), (HOLE, STEP_ROUNDS, STEPS_A_PASS)):
        times = [{name: trial.spent_s(rows) for name, trial in trials.items()} for _ in range(rounds)]
        for name in trials:
            spent_s[name] += share * min(each[name] for each in times)
    chosen = EXACT
    for name in trials:
        if spent_s[name] < CLEARLY * spent_s[chosen]:
            chosen = name
    return chosen
