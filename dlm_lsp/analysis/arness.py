"""AR-ness: how near the order in which a decode committed its tokens comes to left to right.

DiffuCoder (arXiv 2506.20639). In: an order, the positions by time of commit. Out: shares, as counts, so that several
decodes can be added up. Knows nothing of tokens or models.

The paper commits one token a step. Three rules of ours say what the order is elsewhere; `analysis.trace` applies the last two:

- Several tokens in one step: the surest comes first, the left one of equals.
- Tokens that were taken back: a position counts when it got the token that stayed, and is masked until then.
- Holes that grow and shrink: positions are those of the finished text; rows that vanished count nowhere.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the commits that can be asked about are as in left to right."""

    hits: int
    commits: int

    @property
    def value(self) -> float | None:
        """The share, None where there is nothing to ask about."""
        return self.hits / self.commits if self.commits else None


def local_arness(order: Sequence[int], k: int) -> Share:
    """Count the commits that end a run of k + 1 neighbours, each committed right after the one on its left.

    The first k commits have too few before them to be asked about.
    """
    assert k >= 1, "a run has at least two"
    hits = run = 0
    for before, now in pairwise(order):
        run = run + 1 if now == before + 1 else 0
        hits += run >= k
    return Share(hits, max(len(order) - k, 0))


def global_arness(order: Sequence[int], k: int) -> Share:
    """Count the commits at one of the k leftmost positions that were still masked."""
    assert k >= 1, "the leftmost one is k = 1"
    masked = sorted(order)
    hits = 0
    for position in order:
        at = bisect_left(masked, position)
        hits += at < k
        del masked[at]
    return Share(hits, len(order))


def commit_order(steps: Sequence[int], confidence: Sequence[float]) -> list[int]:
    """Give the positions by the step in which each was committed; within a step the surest first, the left one of equals."""
    return sorted(range(len(steps)), key=lambda position: (steps[position], -confidence[position], position))
