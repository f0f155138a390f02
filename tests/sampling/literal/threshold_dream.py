"""Fast-dLLM's `confidence_threshold` in its port to Dream, transcribed slowly from that code's description into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

from collections.abc import Callable

from tests.sampling.literal.dream import believed


def threshold_dream_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    threshold: float,
    steps: int,
    temperature: float,
    uniform: Callable[[], Callable[[int], list[float]]],
) -> list[int]:
    """One step: the tokens after it; `state` starts empty.

    The budget of a step is n / steps and what was left of the last one. From the last planned step on, what is left is the budget.
    Where n does not divide (the code refuses it) the first steps get one more, as if n / steps had been kept as a fraction and
    the budget of all steps so far rounded up.
    """
    if "step" not in state:
        state["n"] = sum(1 for place in hole if tokens[place] == mask_id)
        state["step"] = 0
        state["left"] = 0
    state["step"] += 1
    step, n = state["step"], state["n"]
    planned = -(-n * step // steps) - -(-n * (step - 1) // steps) if step <= steps else 0
    budget = max(1, planned + state["left"])
    numbers = uniform()(len(hole)) if temperature > 0 else [0.0] * len(hole)
    proposals = []
    for place, row, number in zip(hole, logits, numbers, strict=True):
        if tokens[place] != mask_id:
            continue
        proposals.append((place, *believed(row, temperature, number)))
    proposals.sort(key=lambda proposal: -proposal[2])
    after = list(tokens)
    committed = 0
    for rank, (place, x0, c) in enumerate(proposals[:budget]):
        if rank == 0 or c >= threshold:
            after[place] = x0
            committed += 1
    state["left"] += planned - committed
    return after
