"""Fast-dLLM's factor rule, transcribed slowly from the paper (arXiv 2505.22618, section 3.3) and its code into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

from collections.abc import Callable

from tests.sampling.literal.dream import believed


def factor_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    factor: float,
    block_length: int,
    faithful: bool,
    temperature: float,
    uniform: Callable[[], Callable[[int], list[float]]],
) -> list[int]:
    """One step: the tokens after it.

    `hole` are the places of the hole's rows, `logits[h]` speaks about place `hole[h]`; `state` starts empty; `uniform` gives the random
    numbers of a step.
    """
    numbers = uniform()(len(hole)) if temperature > 0 else [0.0] * len(hole)
    if "generated" not in state:
        state["generated"] = [place for place in hole if tokens[place] == mask_id]
    generated = state["generated"]
    blocks = [generated[k : k + block_length] for k in range(0, len(generated), block_length)]
    block = next(places for places in blocks if any(tokens[place] == mask_id for place in places))
    proposals = []
    for place, row, number in zip(hole, logits, numbers, strict=True):
        if tokens[place] != mask_id or place not in block:
            continue
        proposals.append((place, *believed(row, temperature, number)))
    proposals.sort(key=lambda proposal: -proposal[2])
    # The theorem asks (n + 1) (1 - c_(n)) < f of the n-th; the code lets equality pass.
    passed = 0
    for n, (_, _, c) in enumerate(proposals, start=1):
        if n > 1 and c < 1 - factor / (n + 1):
            break
        passed = n
    if faithful and passed == len(proposals) - 1:
        passed += 1  # in the code a cut at the last index takes that one along
    after = list(tokens)
    for place, x0, _ in proposals[:passed]:
        after[place] = x0
    return after
