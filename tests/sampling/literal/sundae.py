"""SUNDAE's refinement, transcribed slowly from the paper (arXiv 2112.06749, section 2.3 and its low-confidence variant) into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.dream import drawn, softmax


def sundae_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    start: str,
    rounds: int,
    share: float,
    temperature: float,
    uniform: Callable[[], Callable[[int], list[float]]],
) -> list[int] | None:
    """One look: the tokens after it; None once there is nothing more to do. `uniform` gives the random numbers of a step, in order."""
    if "generated" not in state:
        state["generated"] = [place for place in hole if tokens[place] == mask_id]
        state["round"] = 0
        state["fixed"] = False
    generated = state["generated"]
    numbers = uniform()
    warm = numbers(len(hole)) if temperature > 0 else []
    first = numbers(len(hole)) if start == "random" else []
    p, fresh = {}, {}
    for h, (place, row) in enumerate(zip(hole, logits, strict=True)):
        p[place] = softmax(row)
        fresh[place] = (
            drawn(softmax([value / temperature for value in row]), warm[h]) if warm else p[place].index(max(p[place]))
        )
    after = list(tokens)
    if any(tokens[place] == mask_id for place in generated):
        for h, place in enumerate(hole):
            if place in generated:
                # A random text: every token that is allowed at all is as likely as any other.
                allowed = [float(value > -math.inf) for value in logits[h]]
                after[place] = drawn(allowed, first[h]) if first else fresh[place]
        return after
    if state["fixed"] or state["round"] == rounds:
        return None
    state["round"] += 1
    held = {place: p[place][tokens[place]] for place in generated}
    looked_at = sorted(generated, key=lambda place: held[place])[: math.ceil(share * len(generated))]
    for place in looked_at:
        after[place] = fresh[place]
    state["fixed"] = after == tokens
    return after
