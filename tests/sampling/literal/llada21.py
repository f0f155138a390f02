"""LLaDA2.1's decoding with edits, transcribed slowly from the paper (arXiv 2602.08676) and dllm's sampler into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen. The hole is one block.
"""

from collections.abc import Callable

from tests.sampling.literal.dream import believed


def llada21_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    tau_mask: float,
    tau_edit: float,
    max_post_steps: int,
    temperature: float,
    uniform: Callable[[], Callable[[int], list[float]]],
) -> list[int] | None:
    """One look: the tokens after it; None once the block is finished."""
    if "generated" not in state:
        state["generated"] = [place for place in hole if tokens[place] == mask_id]
        state["post_steps"] = 0
        state["finished"] = False
    generated = state["generated"]
    masks = [place for place in generated if tokens[place] == mask_id]
    if not masks:
        state["post_steps"] += 1
    if state["finished"] or state["post_steps"] > max_post_steps:
        return None
    numbers = uniform()(len(hole)) if temperature > 0 else [0.0] * len(hole)
    top = {place: believed(row, temperature, number) for place, row, number in zip(hole, logits, numbers, strict=True)}
    unmask = [place for place in masks if top[place][1] > tau_mask]
    if masks and not unmask:
        unmask = [max(masks, key=lambda place: top[place][1])]
    written = [place for place in generated if place not in masks]
    edit = [place for place in written if top[place][1] > tau_edit and top[place][0] != tokens[place]]
    after = list(tokens)
    for place in unmask + edit:
        after[place] = top[place][0]
    state["finished"] = not masks and not edit
    return after
