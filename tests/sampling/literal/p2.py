"""P2 as in Open-dLLM, transcribed slowly from its card into plain lists.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""

import struct
from collections.abc import Callable

from tests.sampling.literal.dream import drawn, filtered

Numbers = Callable[[int], list[float]]


def single(number: float) -> float:
    """The nearest number in float32."""
    return struct.unpack("f", struct.pack("f", number))[0]


def masks_after(i: int, steps: int, n: int) -> int:
    """How many masks step i leaves: n (1 - kappa), rounded down, in float32 as in the code."""
    kappa = (i + 1) / steps
    return int(single(n * single(1 - kappa)))


def p2(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    steps: int,
    temperature: float,
    top_p: float,
    top_k: int,
    faithful: bool,
    uniform: Numbers,
) -> list[list[int]]:
    """The tokens after every call; steps that change nothing are calls where they are drawn, or `faithful`."""
    tokens = list(tokens)
    variable = [h for h, place in enumerate(hole) if tokens[place] == mask_id]
    if steps == 0:
        steps = len(variable)
    states: list[list[int]] = []
    for i in range(steps):
        if len(states) == len(answers) or all(tokens[place] != mask_id for place in hole):
            break
        before, logits = list(tokens), answers[len(states)]
        numbers = uniform(len(hole)) if temperature > 0 else [0.0] * len(hole)
        fresh = []
        for row, number in zip(logits, numbers, strict=True):
            p = filtered(row, temperature, top_p, top_k)
            token = drawn(p, number) if temperature > 0 else p.index(max(p))
            fresh.append((token, p[token]))
        # Lowest score first; of equals the rightmost is masked, so that the leftmost is kept.
        ascending = sorted(variable, key=lambda h: (fresh[h][1], -h))
        to_mask = ascending[: masks_after(i, steps, len(variable))]
        for h in variable:
            if h in to_mask:
                tokens[hole[h]] = mask_id
            elif tokens[hole[h]] == mask_id:
                tokens[hole[h]] = fresh[h][0]
        if faithful or temperature > 0 or tokens != before:
            states.append(list(tokens))
    return states
