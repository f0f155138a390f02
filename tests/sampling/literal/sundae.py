"""SUNDAE's refinement, transcribed slowly from the paper (arXiv 2112.06749, section 2.3 and its low-confidence variant) into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math


def sundae_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    rounds: int,
    share: float,
) -> list[int] | None:
    """One look: the tokens after it; None once there is nothing more to do. At temperature 0, begun from the proposal."""
    if "generated" not in state:
        state["generated"] = [place for place in hole if tokens[place] == mask_id]
        state["round"] = 0
        state["fixed"] = False
    generated = state["generated"]
    p = {}
    for place, row in zip(hole, logits, strict=True):
        highest = max(row)
        exponentials = [math.exp(value - highest) for value in row]
        p[place] = [value / sum(exponentials) for value in exponentials]
    after = list(tokens)
    if any(tokens[place] == mask_id for place in generated):
        for place in generated:
            after[place] = p[place].index(max(p[place]))
        return after
    if state["fixed"] or state["round"] == rounds:
        return None
    state["round"] += 1
    held = {place: p[place][tokens[place]] for place in generated}
    looked_at = sorted(generated, key=lambda place: held[place])[: math.ceil(share * len(generated))]
    for place in looked_at:
        after[place] = p[place].index(max(p[place]))
    state["fixed"] = after == tokens
    return after
