"""ReMDM (arXiv 2503.00307) and the ancestral sampler that it extends, transcribed slowly from the card into plain lists.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

from tests.sampling.literal.dream import drawn, filtered, softmax

Numbers = Callable[[int], list[float]]


def ancestral(
    tokens: list[int], hole: list[int], mask_id: int, answers: list[list[list[float]]], *, steps: int, uniform: Numbers
) -> list[list[int]]:
    """The tokens after every call at temperature 0; at time t a mask stays with probability s / t."""
    tokens = list(tokens)
    states: list[list[int]] = []
    for i in range(steps):
        masked = [h for h, place in enumerate(hole) if tokens[place] == mask_id]
        if not masked or len(states) == len(answers):
            break
        t, s = (steps - i) / steps, (steps - i - 1) / steps
        numbers = uniform(len(hole)) if s > 0 else [0.0] * len(hole)
        going = [h for h in masked if s == 0 or numbers[h] < 1 - s / t]
        if not going:
            continue
        for h in going:
            row = answers[len(states)][h]
            tokens[hole[h]] = row.index(max(row))
        states.append(list(tokens))
    return states


def remdm(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    variant: str,
    steps: int,
    eta_cap: float,
    eta_rescale: float,
    eta_loop: float,
    t_on: float,
    t_off: float,
    alpha_on: float,
    temperature: float,
    top_p: float,
    uniform: Numbers,
) -> list[list[int]]:
    """The tokens after every call; what changes nothing is no call."""
    tokens = list(tokens)
    variable = [h for h, place in enumerate(hole) if tokens[place] == mask_id]
    steps = steps or len(variable)
    sure: dict[int, float] = {}  # of what is written: its probability when it was
    states: list[list[int]] = []
    for i in range(steps):
        masked = [h for h in variable if tokens[hole[h]] == mask_id]
        if not masked or len(states) == len(answers):
            break
        t = 1 - i / steps
        s = 1 - (i + 1) / steps
        if variant == "loop":
            if t > t_on:
                alpha_t, alpha_s = ((1 - time) * alpha_on / (1 - t_on) for time in (t, s))
            elif t > t_off:
                alpha_t = alpha_s = alpha_on
            else:
                alpha_t, alpha_s = (1 - time * (1 - alpha_on) / t_off for time in (t, s))
        else:
            alpha_t, alpha_s = 1 - t, 1 - s
        most = 1.0 if alpha_t <= 0 else min(1.0, (1 - alpha_s) / alpha_t)
        sigma = dict.fromkeys(variable, 0.0)
        for h in variable:
            if variant == "cap":
                sigma[h] = min(eta_cap, most)
            elif variant == "rescale":
                sigma[h] = eta_rescale * most
            elif variant == "loop":
                sigma[h] = eta_loop if t_off < t <= t_on else 0.0
        if variant == "conf" and sure:
            shares = softmax([-sure[h] for h in sorted(sure)])
            sigma.update({h: share * most for h, share in zip(sorted(sure), shares, strict=True)})
        last = i == steps - 1
        numbers = [0.0] * len(hole) if last else uniform(len(hole))
        write, back = [], []
        for h in variable:
            if h in masked:
                p = (alpha_s - (1 - sigma[h]) * alpha_t) / (1 - alpha_t)
                if last or numbers[h] < p:
                    write.append(h)
            elif not last and numbers[h] < sigma[h]:
                back.append(h)
        if not write and not back:
            continue
        logits = answers[len(states)]
        numbers = uniform(len(write)) if temperature > 0 else [0.0] * len(write)
        for h, number in zip(write, numbers, strict=True):
            p = filtered(logits[h], temperature, top_p, 0)
            token = drawn(p, number) if temperature > 0 else p.index(max(p))
            tokens[hole[h]] = token
            sure[h] = math.exp(logits[h][token]) / sum(math.exp(value) for value in logits[h])
        for h in back:
            tokens[hole[h]] = mask_id
            del sure[h]
        states.append(list(tokens))
    return states
