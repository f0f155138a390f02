"""Saber's three forms, transcribed slowly into plain lists: the paper's (arXiv 2510.18165), the LLaDA code's, the Dream code's.

Imports nothing of the project: an error would have to be made twice to go unseen. Only rows that were masked at the start are ever
taken back; with one block, as the authors run it.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.dream import believed, softmax

Numbers = Callable[[], Callable[[int], list[float]]]
"""The random numbers of a step."""


def _believed(
    hole: list[int], logits: list[list[float]], temperature: float, uniform: Numbers
) -> tuple[dict[int, list[float]], dict[int, int], dict[int, float]]:
    """By place: the probabilities p, the token x0 and its probability c."""
    numbers = uniform()(len(hole)) if temperature > 0 else [0.0] * len(hole)
    p = {place: softmax(row) for place, row in zip(hole, logits, strict=True)}
    best = {place: believed(row, temperature, u) for place, row, u in zip(hole, logits, numbers, strict=True)}
    return p, {place: x0 for place, (x0, _) in best.items()}, {place: c for place, (_, c) in best.items()}


def _draft(confidences: dict[int, float], history: list[float], n: int, floor: float) -> list[int]:
    """The places with a confidence above the mean of the history; at least the best n."""
    tau = max(sum(history) / len(history), floor) if history else 1.0
    above = [place for place, c in confidences.items() if c > tau]
    if len(above) < n:
        above = sorted(confidences, key=lambda place: -confidences[place])[:n]
    return above


def saber_paper_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    n: int,
    mu: int,
    floor: float,
    temperature: float,
    uniform: Numbers,
) -> list[int]:
    """Form 1a. `committed` holds every token's confidence when it was committed, `before` what the last step gave it."""
    committed: dict[int, float] = state.setdefault("committed", {})
    before: dict[int, float] = state.setdefault("before", {})
    p, x0, c = _believed(hole, logits, temperature, uniform)
    c = {place: c[place] for place in hole if tokens[place] == mask_id}
    draft = _draft(c, list(committed.values()), n, floor)
    drops = {place: before[place] - p[place][tokens[place]] for place in sorted(committed)}
    after = list(tokens)
    for place in draft:
        after[place] = x0[place]
    back = []
    if any(after[place] == mask_id for place in hole):
        count = min(max(1, len(draft) // mu), len(draft) - 1)
        back = sorted(drops, key=lambda place: -drops[place])[:count]
    for place in draft:
        committed[place] = c[place]
    for place in back:
        after[place] = mask_id
        del committed[place]
    state["before"] = {place: p[place][after[place]] for place in committed}
    return after


def saber_llada_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    n: int,
    mu: int,
    floor: float,
    temperature: float,
    uniform: Numbers,
) -> list[int]:
    """Form 1b. Every position is scored by its likeliest token of now, also where another one stands."""
    if "final_conf" not in state:
        state["generated"] = [place for place in hole if tokens[place] == mask_id]
        state["final_conf"] = {}
        state["last_conf"] = dict.fromkeys(state["generated"], 0.0)
    generated, final_conf = state["generated"], state["final_conf"]
    _, x0, c = _believed(hole, logits, temperature, uniform)
    c = {place: c[place] for place in generated}
    delta = {place: c[place] - state["last_conf"][place] for place in generated}
    state["last_conf"] = c
    draft = _draft(
        {place: c[place] for place in generated if tokens[place] == mask_id}, list(final_conf.values()), n, floor
    )
    after = list(tokens)
    for place in draft:
        after[place] = x0[place]
        final_conf[place] = c[place]
    if all(after[place] != mask_id for place in generated):
        return after
    m = max(n, len(draft))
    r = min(max(n // 2, (m + mu - 1) // mu), m - 1)
    candidates = [place for place in generated if after[place] != mask_id]
    for place in sorted(candidates, key=lambda place: delta[place])[:r]:
        after[place] = mask_id  # its entry in final_conf stays
    return after


def saber_dream_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    state: dict,
    *,
    n: int,
    mu: int,
    floor: float,
    temperature: float,
    uniform: Numbers,
) -> list[int]:
    """Form 1c. The threshold comes from every position's first confidence; the least likely written tokens go."""
    if "first_conf" not in state:
        state["generated"] = [place for place in hole if tokens[place] == mask_id]
        state["first_conf"] = {}
    generated, first_conf = state["generated"], state["first_conf"]
    p, x0, c = _believed(hole, logits, temperature, uniform)
    c = {place: c[place] for place in generated if tokens[place] == mask_id}
    draft = _draft(c, list(first_conf.values()), n, floor)
    after = list(tokens)
    for place in draft:
        after[place] = x0[place]
        first_conf.setdefault(place, c[place])
    if all(after[place] != mask_id for place in generated):
        return after
    m = len(draft)
    r = max(1, min(math.ceil(m / mu), m - 1))
    q = {place: p[place][after[place]] for place in generated if after[place] != mask_id}
    for place in sorted(q, key=lambda place: q[place])[:r]:
        after[place] = mask_id
    return after
