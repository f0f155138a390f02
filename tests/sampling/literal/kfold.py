"""A decode by the threshold rule, a check by hidden folds and one refill, written slowly from the card (H5) into plain lists.

Imports nothing of the project but the literal threshold rule: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.threshold import threshold_step

Answer = Callable[[int, list[tuple[int, int]]], list[float]]
"""Logits about a place, from the (place, token) pairs that the model sees."""


def denoise(tokens: list[int], hole: list[int], mask_id: int, answer: Answer, tau: float) -> list[list[int]]:
    """The tokens after every call of the ordinary loop."""
    tokens, history = list(tokens), []
    while any(tokens[place] == mask_id for place in hole):
        logits = [answer(place, list(enumerate(tokens))) for place in hole]
        for place, token, _ in threshold_step(tokens, hole, mask_id, logits, tau):
            tokens[place] = token
        history.append(list(tokens))
    return history


def hidden_probability(
    tokens: list[int], place: int, judged: list[int], mask_id: int, answer: Answer, *, k: int
) -> float:
    """The probability of the token at a place when its fold, every k-th of the judged places, is hidden."""
    fold = judged.index(place) % k
    seen = [(p, mask_id if p in judged and judged.index(p) % k == fold else token) for p, token in enumerate(tokens)]
    row = answer(place, seen)
    highest = max(row)
    exponentials = [math.exp(value - highest) for value in row]
    return exponentials[tokens[place]] / math.fsum(exponentials)


def kfold(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answer: Answer,
    *,
    tau: float,
    k: int,
    share: float,
    below: float,
) -> list[list[int]]:
    """The tokens after every call; all of `hole` is masked at the start."""
    history = denoise(tokens, hole, mask_id, answer, tau)
    written = list(history[-1])
    chances = [(hidden_probability(written, place, hole, mask_id, answer, k=k), place) for place in hole]
    worst = sorted(chances)[: math.ceil(share * len(hole))]
    for chance, place in worst:
        if chance < below:
            written[place] = mask_id
    return [*history, list(written), *denoise(written, hole, mask_id, answer, tau)]
