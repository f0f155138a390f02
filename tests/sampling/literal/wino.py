"""WINO, transcribed slowly from the paper (arXiv 2507.18578, algorithm 1) and its card into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

Answer = Callable[[int, list[tuple[int, int]]], list[float]]
"""Logits about a place, from the (place, token) pairs that the model sees."""


def softmax(row: list[float]) -> list[float]:
    highest = max(row)
    exponentials = [math.exp(value - highest) for value in row]
    total = math.fsum(exponentials)
    return [value / total for value in exponentials]


def wino(
    tokens: list[int], hole: list[int], mask_id: int, answer: Answer, *, tau1: float, tau2: float, block_length: int
) -> list[list[int]]:
    """The tokens after every call; all of `hole` is masked at the start."""
    tokens, history = list(tokens), []
    for start in range(0, len(hole), block_length):
        block = hole[start : start + block_length]
        last_accept = 30
        while any(tokens[place] == mask_id for place in block):
            real = list(enumerate(tokens))
            shadow = [(place, mask_id) for place in block]
            # Draft.
            best = []
            for place in block:
                if tokens[place] == mask_id:
                    p = softmax(answer(place, real))
                    best.append((place, p.index(max(p)), max(p)))
            masked = len(best)
            max_accept = min(max(masked * 7 // 10, 5), 20)
            surest_first = sorted(best, key=lambda each: -each[2])  # stable: the leftmost of equals first
            accepted = [each for each in surest_first if each[2] > tau1][:max_accept] or surest_first[:1]
            # Verify what stood there before this step, each without itself, beside the shadow of the whole block.
            doubted = []
            if len(accepted) > 1:
                for place in block:
                    if tokens[place] != mask_id:
                        seen = [pair for pair in real if pair[0] != place] + shadow
                        doubted.append((softmax(answer(place, seen))[tokens[place]], place))
                doubted = sorted(each for each in doubted if each[0] < tau2)
                if len(doubted) >= last_accept:
                    doubted = doubted[: last_accept - 1]
            for place, token, _ in accepted:
                tokens[place] = token
            for _, place in doubted:
                tokens[place] = mask_id
            last_accept = len(accepted)
            history.append(list(tokens))
    return history
