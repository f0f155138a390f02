"""Statistics of a comparison on the same holes: fronts, values between measured points, and how sure a difference is.

In: numbers by hole. Out: numbers. Pure, standard library only; knows no samplers and no files.
"""

import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Point:
    """One way to decode, measured: what it costs and how good it is, hole by hole."""

    costs: Sequence[float]
    """By hole: model calls, or milliseconds."""
    quality: Sequence[float]
    """By hole; more is better."""

    @property
    def mean_cost(self) -> float:
        """What a hole costs."""
        return sum(self.costs) / len(self.costs)


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two ways, with the interval in which it lies with a probability of 95 %."""

    value: float
    low: float
    high: float
    is_certain: bool = False
    """Whether every resample has the same sign: what also counts where many differences are looked at."""

    @property
    def verdict(self) -> str:
        """What it shows."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no difference shown"


def front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Give the places of those that nobody beats: none is as cheap and better, or cheaper and as good; the cheapest first."""
    order = sorted(range(len(costs)), key=lambda k: (costs[k], -values[k]))
    kept: list[int] = []
    for k in order:
        if not kept or values[k] > values[kept[-1]]:
            kept.append(k)
    return kept


def quality_at(points: Sequence[Point], cost: float) -> tuple[list[float], float]:
    """Give a quality by hole at a mean cost, and the cost that it is really for.

    Between two measured points it lies on the straight line: as if a share of the holes were decoded in the one way and the rest in the
    other. Beyond the cheapest and the dearest it is theirs.
    """
    ordered = sorted(points, key=lambda point: point.mean_cost)
    real = min(max(cost, ordered[0].mean_cost), ordered[-1].mean_cost)
    for left, right in pairwise(ordered):
        if left.mean_cost <= real < right.mean_cost:
            share = (real - left.mean_cost) / (right.mean_cost - left.mean_cost)
            mixed = zip(left.quality, right.quality, strict=True)
            return [(1 - share) * a + share * b for a, b in mixed], real
    nearest = min(ordered, key=lambda point: abs(point.mean_cost - real))
    return list(nearest.quality), real


@cache
def _resamples(groups: int) -> list["array[int]"]:
    """Draw the groups of every resample, the same ones in every comparison."""
    draw = random.Random(0)
    return [array("I", draw.choices(range(groups), k=groups)) for _ in range(RESAMPLES)]


def compare(
    ours: Sequence[float], theirs: Sequence[float], groups: Sequence[str], weights: Sequence[float] | None = None
) -> Difference:
    """Give the difference of two means over the same holes, with its paired bootstrap interval.

    Holes of one group are kin: groups are drawn, not holes. With weights it is the difference of the sums over that of the weights,
    such as nats per token where a hole has several.
    """
    weights = weights or [1.0] * len(ours)
    sums: dict[str, tuple[float, float]] = {}
    for a, b, group, weight in zip(ours, theirs, groups, weights, strict=True):
        difference, total = sums.get(group, (0.0, 0.0))
        sums[group] = (difference + a - b, total + weight)
    differences, totals = zip(*sums.values(), strict=True)
    value = sum(differences) / sum(totals)
    found = sorted(
        sum(map(differences.__getitem__, drawn)) / sum(map(totals.__getitem__, drawn))
        for drawn in _resamples(len(sums))
    )
    tail = round(RESAMPLES * (1 - LEVEL) / 2)
    return Difference(value, found[tail], found[-1 - tail], is_certain=found[0] > 0 or found[-1] < 0)
