"""LLaDA's sampler, transcribed slowly from its card (the authors' generate.py) into plain lists.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable

Numbers = Callable[[int], list[float]]


def llada(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    remasking: str,
    block: int,
    steps: int,
    temperature: float,
    uniform: Numbers,
    uniform64: Numbers,
) -> list[list[int]]:
    """The tokens after every call. Blocks are counted in what was masked at the start."""
    tokens = list(tokens)
    generated = [h for h, place in enumerate(hole) if tokens[place] == mask_id]
    length = block or len(generated)
    blocks = [generated[i : i + length] for i in range(0, len(generated), length)]
    states: list[list[int]] = []
    for rows in blocks:
        of_block = max(1, steps // len(blocks)) if steps else len(rows)
        even, remainder = divmod(len(rows), of_block)
        counts = [even + 1 if i < remainder else even for i in range(of_block)]
        for count in counts:
            if count == 0:  # more steps than tokens: the authors' code asks the model for nothing
                continue
            if len(states) == len(answers):
                return states
            logits = answers[len(states)]
            values = [list(row) for row in logits]
            if temperature > 0:
                width = len(logits[0])
                numbers = uniform64(len(logits) * width)
                for h, row in enumerate(logits):
                    for v, logit in enumerate(row):
                        gumbel = (-math.log(numbers[h * width + v])) ** temperature
                        values[h][v] = math.exp(logit) / gumbel
            order = uniform(len(hole)) if remasking == "random" else None
            proposals = []
            for h in rows:
                if tokens[hole[h]] != mask_id:
                    continue
                token = values[h].index(max(values[h]))
                total = sum(math.exp(logit) for logit in logits[h])
                confidence = order[h] if order else math.exp(logits[h][token]) / total
                proposals.append((h, token, confidence))
            proposals.sort(key=lambda proposal: -proposal[2])
            for h, token, _ in proposals[:count]:
                tokens[hole[h]] = token
            states.append(list(tokens))
    return states
