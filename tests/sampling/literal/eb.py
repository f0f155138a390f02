"""The EB-sampler, transcribed slowly from the paper (arXiv 2505.24857, section 4) into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math


def eb_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    _state: dict,
    *,
    gamma: float,
    proxy: str,
) -> list[int]:
    """One step: the tokens after it. The rule has no state."""
    proposals = []
    for place, row in zip(hole, logits, strict=True):
        if tokens[place] != mask_id:
            continue
        highest = max(row)
        exponentials = [math.exp(value - highest) for value in row]
        probabilities = [value / sum(exponentials) for value in exponentials]
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
        proposals.append((error, entropy, place, probabilities.index(descending[0])))
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
