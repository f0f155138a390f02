"""KLASS, transcribed slowly from the paper (arXiv 2511.05664, algorithm 1) and its code for Dream into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.dream import believed, softmax


def klass_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    threshold: float,
    kl_threshold: float,
    history: int,
    temperature: float,
    uniform: Callable[[], Callable[[int], list[float]]],
) -> list[int]:
    """One step: the tokens after it; `state` starts empty."""
    numbers = uniform()(len(hole)) if temperature > 0 else [0.0] * len(hole)
    width = len(logits[0])
    previous = state.setdefault("previous", {place: [0.0] * width for place in hole})
    divergences = state.setdefault("divergences", {place: [] for place in hole})
    ready = []
    proposals = []
    for place, row, number in zip(hole, logits, numbers, strict=True):
        probabilities = softmax(row)
        divergence = 0.0
        for now, before in zip(probabilities, previous[place], strict=True):
            divergence += now * (math.log(now + 1e-12) - math.log(before + 1e-12))
        previous[place] = probabilities
        divergences[place].append(divergence)
        if tokens[place] != mask_id:
            continue
        x0, c = believed(row, temperature, number)
        proposals.append((place, x0, c))
        latest = divergences[place][-history:]
        stable = len(latest) == history and all(each < kl_threshold for each in latest)
        if stable and c >= threshold:
            ready.append((place, x0, c))
    if not ready:
        best = proposals[0]
        for proposal in proposals:
            if proposal[2] > best[2]:
                best = proposal
        ready = [best]
    after = list(tokens)
    for place, x0, _ in ready:
        after[place] = x0
    return after
