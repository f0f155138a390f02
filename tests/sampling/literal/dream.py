"""Dream's sampler, transcribed slowly from its card (`_sample` in the authors' generation_utils.py) into plain lists.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

Numbers = Callable[[int], list[float]]


def softmax(row: list[float]) -> list[float]:
    highest = max(row)
    if highest == -math.inf:
        raise ValueError("nothing is possible")
    exponentials = [math.exp(value - highest) for value in row]
    return [value / sum(exponentials) for value in exponentials]


def filtered(row: list[float], temperature: float, top_p: float, top_k: int) -> list[float]:
    """Probabilities after temperature, then top-p, then top-k."""
    if temperature > 0:
        row = [value / temperature for value in row]
    if top_p < 1:
        probabilities = softmax(row)
        order = sorted(range(len(row)), key=lambda token: -probabilities[token])
        row = list(row)
        reached = 0.0
        for token in order:
            if reached > top_p:
                row[token] = -math.inf
            reached += probabilities[token]
    if top_k > 0:
        lowest = sorted(row, reverse=True)[min(top_k, len(row)) - 1]
        row = [value if value >= lowest else -math.inf for value in row]
    return softmax(row)


def drawn(probabilities: list[float], uniform: float) -> int:
    """The id at which the running sum passes a uniform number."""
    running = 0.0
    for token, probability in enumerate(probabilities):
        running += probability
        if running > uniform * sum(probabilities):
            return token
    raise ValueError("a uniform number of 1 or more")


def believed(row: list[float], temperature: float, number: float) -> tuple[int, float]:
    """A token and its probability at temperature 1: the likeliest one, or one drawn at a temperature by a uniform number."""
    probabilities = softmax(row)
    if temperature == 0:
        return probabilities.index(max(probabilities)), max(probabilities)
    token = drawn(softmax([value / temperature for value in row]), number)
    return token, probabilities[token]


def dream(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    alg: str,
    steps: int,
    eps: float,
    temperature: float,
    top_p: float,
    top_k: int,
    alg_temp: float,
    faithful: bool,
    uniform: Numbers,
    exponential: Numbers,
) -> list[list[int]]:
    """The tokens after every call; steps that commit nothing are calls only where `faithful`."""
    tokens = list(tokens)
    if steps == 0:
        steps = sum(tokens[place] == mask_id for place in hole)
    times = [1 + (eps - 1) * i / steps for i in range(steps + 1)]
    states: list[list[int]] = []
    i = 0
    while len(states) < len(answers) and any(tokens[place] == mask_id for place in hole):
        logits = answers[len(states)]
        masked = [h for h, place in enumerate(hole) if tokens[place] == mask_id]
        t, s = times[i], times[i + 1]
        share = 1.0 if i == steps - 1 else 1 - s / t
        i += 1
        if alg == "origin":
            chosen = [h for h, number in zip(masked, uniform(len(masked)), strict=True) if number < share]
        elif int(len(masked) * share) == 0:
            chosen = []
        else:
            chosen = masked  # for now: all of them get a token
        if not chosen:
            if faithful:
                if alg != "origin" and temperature > 0:
                    uniform(len(masked))  # tokens are drawn, and thrown away
                states.append(list(tokens))
            continue
        numbers = uniform(len(chosen)) if temperature > 0 else [0.0] * len(chosen)
        proposals = []
        for h, number in zip(chosen, numbers, strict=True):
            p = filtered(logits[h], temperature, top_p, top_k)
            token = drawn(p, number) if temperature > 0 else p.index(max(p))
            best = sorted(p, reverse=True)
            score = {
                "origin": 0.0,
                "maskgit_plus": p[token],
                "topk_margin": best[0] - best[1],
                "entropy": sum(value * math.log(value + 1e-10) for value in p),
            }[alg]
            proposals.append((h, token, score))
        if alg != "origin":
            k = len(masked) if share == 1 else int(len(masked) * share)
            if alg_temp > 0:
                weights = softmax([score / alg_temp for _, _, score in proposals])
                clocks = exponential(len(hole))
                # Drawing without replacement by weight: the k fastest of exponential clocks that run at these rates.
                proposals = [
                    (h, token, weight / clocks[h]) for (h, token, _), weight in zip(proposals, weights, strict=True)
                ]
            proposals.sort(key=lambda proposal: -proposal[2])  # stable: the leftmost of equals comes first
            proposals = proposals[:k]
        for h, token, _ in proposals:
            tokens[hole[h]] = token
        states.append(list(tokens))
    return states
