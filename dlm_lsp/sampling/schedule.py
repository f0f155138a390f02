"""Schedules: at which step of its plan a rule is, and which rows are the surest.

In: what a rule remembers, scores of rows. Out: numbers of steps, chosen rows. Knows no plan itself: those are the papers'.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from dlm_lsp.sampling.canvas import Memory


def moment(memory: Memory) -> int:
    """Give the number of the step in the plan, from 0; a step in which the hole grew or shrank is not one of the plan.

    Without that a plan that was made for the rows of the start would be over while most of what grew is masked.
    """
    if "moment" not in memory.numbers:
        return 0
    return int(memory.numbers["moment"]) + int(memory.numbers["start"] == memory.start)


def remember(memory: Memory, now: int, numbers: Mapping[str, float] | None = None) -> Memory:
    """Give the memory of the next step after step `now` of the plan."""
    return memory.next(numbers={**(numbers or {}), "moment": now, "start": memory.start})


def surest(score: Tensor, among: Tensor, count: int) -> Tensor:  # [H] float, [H] bool -> [H] bool
    """Choose the `count` highest scores, all of `among` where there are fewer; equals go to the leftmost."""
    places = among.nonzero().flatten()
    chosen = torch.zeros_like(among)
    chosen[places[score[places].argsort(descending=True, stable=True)[:count]]] = True
    return chosen
