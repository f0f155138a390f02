"""DualDiffusion, transcribed slowly from its card (F5) and the three verification rules of its code into plain lists.

Imports nothing of the project but the literal threshold rule, by which both models take a step: an error would have to be made twice to
go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.threshold import threshold_step

Answer = Callable[[int, list[tuple[int, int]]], list[float]]
"""Logits about a place, from the (place, token) pairs that the model sees."""


def softmax(row: list[float]) -> list[float]:
    highest = max(row)
    exponentials = [math.exp(value - highest) for value in row]
    return [value / math.fsum(exponentials) for value in exponentials]


def dual(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    drafter: Answer,
    verifier: Answer,
    *,
    tau: float,
    n: int,
    rounds: int,
    criterion: str,
    confidence: float,
) -> list[tuple[str, list[int]]]:
    """Who was called, and the tokens after the call, for every call; all of `hole` is masked at the start."""
    tokens, history = list(tokens), []

    def masks() -> bool:
        return any(tokens[place] == mask_id for place in hole)

    def look(model: Answer) -> list[list[float]]:
        return [model(place, list(enumerate(tokens))) for place in hole]

    def commit(logits: list[list[float]]) -> None:
        for place, token, _ in threshold_step(tokens, hole, mask_id, logits, tau):
            tokens[place] = token

    for turn in range(rounds):
        last = turn == rounds - 1
        for _ in range(n):
            if masks():
                commit(look(drafter))
                history.append(("drafter", list(tokens)))
        if not masks() and (last or criterion == "trust"):
            return history  # nothing could come of verifying it
        logits = look(verifier)
        remask = []
        for place, row in zip(hole, logits, strict=True):
            if tokens[place] != mask_id and not last:
                p = softmax(row)
                disagrees = p.index(max(p)) != tokens[place]
                low = p[tokens[place]] < confidence
                if (
                    (criterion == "exact" and disagrees)
                    or (criterion == "confidence" and low)
                    or (criterion == "hybrid" and (disagrees or low))
                ):
                    remask.append(place)
        if masks():
            commit(logits)
        for place in remask:
            tokens[place] = mask_id
        history.append(("verifier", list(tokens)))
        if not masks():
            return history
    while masks():
        commit(look(verifier))
        history.append(("verifier", list(tokens)))
    return history
