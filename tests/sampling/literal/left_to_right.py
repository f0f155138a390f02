"""Left to right, slowly: the leftmost masks get their likeliest token.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""

from collections.abc import Callable

from tests.sampling.literal.dream import believed


def left_to_right(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    count: int,
    temperature: float,
    uniform: Callable[[int], list[float]],
) -> list[list[int]]:
    """The tokens after every call."""
    tokens = list(tokens)
    states = []
    for logits in answers:
        if mask_id not in [tokens[place] for place in hole]:
            break
        written = 0
        numbers = uniform(len(hole)) if temperature > 0 else [0.0] * len(hole)
        for place, row, number in zip(hole, logits, numbers, strict=True):
            if tokens[place] == mask_id and written < count:
                tokens[place], _ = believed(row, temperature, number)
                written += 1
        states.append(list(tokens))
    return states
