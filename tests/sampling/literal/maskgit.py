"""MaskGIT's sampling as VampNet does it, transcribed slowly from its card into plain lists.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.dream import drawn, softmax

Numbers = Callable[[int], list[float]]


def maskgit(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    steps: int,
    mask_temperature: float,
    temperature: float,
    uniform: Numbers,
) -> list[list[int]]:
    """The tokens after every call; a step that would commit nothing commits one token."""
    tokens = list(tokens)
    n0 = sum(tokens[place] == mask_id for place in hole)
    states: list[list[int]] = []
    for i, logits in zip(range(steps), answers, strict=False):
        masked = [h for h, place in enumerate(hole) if tokens[place] == mask_id]
        if not masked:
            break
        r = (i + 1) / steps
        numbers = uniform(len(hole)) if temperature > 0 else None
        noise = uniform(len(hole))
        scored = []
        for h in masked:
            p = softmax(logits[h])
            warm = softmax([value / temperature for value in logits[h]]) if numbers else p
            token = drawn(warm, numbers[h]) if numbers else p.index(max(p))
            gumbel = -math.log(-math.log(max(noise[h], 1e-20)))
            scored.append((h, token, math.log(p[token]) + gumbel * mask_temperature * (1 - r)))
        again = max(1, min(math.floor(math.cos(math.pi * r / 2) * n0), len(masked) - 1))
        if i == steps - 1 or len(masked) == 1:
            again = 0
        scored.sort(key=lambda one: -one[2])
        for h, token, _ in scored[: len(masked) - again]:
            tokens[hole[h]] = token
        states.append(list(tokens))
    return states
