"""Which number format is fastest on this CPU: tried out once, while a model is loaded.

In: what makes the first layer of the model in a format. Out: the names of formats, the one to run in first. Two machines may choose
differently, and then give slightly different answers; a format is only chosen for a clear gain, and only if it computes much the same.
It knows no file and no kernel.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import View
from dlm_lsp.models.transformer import Again, Kept, NetworkDenoiser

EXACT = "float32"
FASTER = ("bfloat16", "int8", "onnx-int8")
"""What may be chosen in its place, the more exact first. `benchmarks/results/cpu_formats.json` has what they cost: of the bundled model's
masked rows 1 or 2 of 100 have another likeliest token, and none where the model is sure."""

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
now_s = time.perf_counter if sys.platform == "win32" else time.thread_time
"""What this thread has computed, which other work on the machine does not change; Windows counts that in 16 ms."""


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
        began = now_s()
        self.compute(rows)
        return now_s() - began


def fastest(make: Callable[[str], NetworkDenoiser]) -> list[str]:
    """Give the clearly fastest format, behind it what is to be taken where the whole model fails in it, at last the exact one.

    They are tried on one thread: several would wait for each other where the machine has other work, and compare no better.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return in_order(measure(working(make)))
    finally:
        torch.set_num_threads(threads)


def working(make: Callable[[str], NetworkDenoiser]) -> dict[str, Trial]:
    """Set up a trial of each format that works, the exact one first."""
    trials = {EXACT: Trial.of(make(EXACT))}
    exact = trials[EXACT].compute(HOLE)
    for name in FASTER:
        try:
            trial = Trial.of(make(name))
            distance = float((trial.compute(HOLE) - exact).norm())
        except RuntimeError:  # no such kernel or package, or no memory
            continue
        if distance <= TOO_FAR * float(exact.norm()):  # not so where it is no number
            trials[name] = trial
    return trials


def measure(trials: Mapping[str, Trial]) -> dict[str, float]:
    """Take the seconds of some steps and a pass in each format, but for those that take longer for a step than the exact one."""
    steps_s = {name: min(times) for name, times in in_turns(trials, HOLE, STEP_ROUNDS).items()}
    # What is slower there is not tried on all rows: a CPU that has to emulate a format could take seconds.
    trials = {name: trial for name, trial in trials.items() if steps_s[name] <= steps_s[EXACT]}
    passes_s = {name: min(times) for name, times in in_turns(trials, EVERYTHING, PASS_ROUNDS).items()}
    return {name: STEPS_A_PASS * steps_s[name] + passes_s[name] for name in trials}


def in_order(spent_s: Mapping[str, float]) -> list[str]:
    """Give the formats down to the exact one, each the choice among those that are left."""
    left, names = dict(spent_s), []
    while EXACT in left:
        names.append(choose(left))
        del left[names[-1]]
    return names


def choose(spent_s: Mapping[str, float]) -> str:
    """Give the name of the format that is clearly fastest."""
    chosen = EXACT
    for name, spent in spent_s.items():  # the more exact first
        if spent < CLEARLY * spent_s[chosen]:
            chosen = name
    return chosen


def in_turns(trials: Mapping[str, Trial], rows: Tensor, rounds: int) -> dict[str, list[float]]:
    """Take the times of all formats, round after round, as the machine is faster and slower from moment to moment."""
    times: dict[str, list[float]] = {name: [] for name in trials}
    for _ in range(rounds):
        for name, trial in trials.items():
            times[name].append(trial.spent_s(rows))
    return times
