"""Fast-dLLM's threshold rule, transcribed slowly from the paper (arXiv 2505.22618, algorithm 1) into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math


def threshold_step(
    tokens: list[int], hole: list[int], mask_id: int, logits: list[list[float]], tau: float
) -> list[tuple[int, int, float]]:
    """One step: (place, token, confidence) of every token that is committed, in canvas order.

    `hole` are the places of the hole's rows, `logits[h]` speaks about place `hole[h]`.
    """
    proposals = []
    for place, row in zip(hole, logits, strict=True):
        if tokens[place] != mask_id:
            continue
        highest = max(row)
        exponentials = [math.exp(value - highest) for value in row]
        probabilities = [value / sum(exponentials) for value in exponentials]
        x0, c = 0, -1.0
        for token, probability in enumerate(probabilities):
            if probability > c:  # a later equal does not replace an earlier one
                x0, c = token, probability
        proposals.append((place, x0, c))
    # Python's sort is stable: among equals the leftmost comes first.
    proposals.sort(key=lambda proposal: -proposal[2])
    committed = []
    for rank, (place, x0, c) in enumerate(proposals):
        if rank > 0 and c < tau:
            break
        committed.append((place, x0, c))
    return sorted(committed)


def threshold(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answers: list[list[list[float]]],
    *,
    tau: float,
    block_length: int,
    faithful: bool,
) -> list[list[int]]:
    """The tokens after every call, one block after another; blocks are counted in what was masked at the start.

    `faithful` is the code for Dream with caches: the full pass at a block's beginning writes its first token, and nothing else.
    """
    tokens, states = list(tokens), []
    generated = [place for place in hole if tokens[place] == mask_id]
    for start in range(0, len(generated), block_length):
        block = generated[start : start + block_length]
        while any(tokens[place] == mask_id for place in block) and len(states) < len(answers):
            logits = [row for place, row in zip(hole, answers[len(states)], strict=True) if place in block]
            committed = threshold_step(tokens, block, mask_id, logits, tau)
            if faithful and all(tokens[place] == mask_id for place in block):
                committed = [(block[0], logits[0].index(max(logits[0])), 0.0)]
            for place, token, _ in committed:
                tokens[place] = token
            states.append(list(tokens))
    return states
