"""The EB-sampler, transcribed slowly from the paper (arXiv 2505.24857, section 4) into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.dream import believed, softmax


def eb_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    _state: dict,
    *,
    gamma: float,
    proxy: str,
    temperature: float,
    uniform: Callable[[], Callable[[int], list[float]]],
) -> list[int]:
    """One step: the tokens after it. The rule has no state."""
    numbers = uniform()(len(hole)) if temperature > 0 else [0.0] * len(hole)
    proposals = []
    for place, row, number in zip(hole, logits, numbers, strict=True):
        if tokens[place] != mask_id:
            continue
        probabilities = softmax(row)
        entropy = 0.0
        for probability in probabilities:
            if probability > 0:
                entropy -= probability * math.log(probability)
        descending = sorted(probabilities, reverse=True)
        if proxy == "entropy":
            error = entropy
        elif proxy == "confidence":
            error = -descending[0]
        else:
            error = -(descending[0] - descending[1])
        proposals.append((error, entropy, place, believed(row, temperature, number)[0]))
    proposals.sort(key=lambda proposal: proposal[0])
    count = 1
    for size in range(2, len(proposals) + 1):
        entropies = [entropy for _, entropy, _, _ in proposals[:size]]
        if sum(entropies) - max(entropies) > gamma:
            break
        count = size
    after = list(tokens)
    for _, _, place, x0 in proposals[:count]:
        after[place] = x0
    return after
