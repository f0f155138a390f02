"""Mask-predict (arXiv 1904.09324, section 4), transcribed slowly into plain lists.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.dream import believed


def mask_predict(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    steps: int,
    temperature: float,
    uniform: Callable[[int], list[float]],
) -> list[list[int]]:
    """The canvas that each next call is asked about, the answer of the last one at the end; N is what was masked at the start.

    Steps that change nothing are calls only where tokens are drawn.
    """
    tokens = list(tokens)
    variable = [h for h, place in enumerate(hole) if tokens[place] == mask_id]
    score = dict.fromkeys(variable, 0.0)
    states: list[list[int]] = []
    for t in range(1, steps + 1):
        masked = [h for h in variable if tokens[hole[h]] == mask_id]
        if len(states) == len(answers) or not masked:
            break
        before, logits = list(tokens), answers[len(states)]
        numbers = uniform(len(hole)) if temperature > 0 else [0.0] * len(hole)
        for h in masked:
            tokens[hole[h]], score[h] = believed(logits[h], temperature, numbers[h])
        n = math.floor(len(variable) * (steps - t) / steps)
        # Lowest score first; of equals the rightmost is masked.
        for h in sorted(variable, key=lambda row: (score[row], -row))[:n]:
            tokens[hole[h]] = mask_id
        if temperature > 0 or tokens != before:
            states.append(list(tokens))
    return states
