"""Fast-dLLM's threshold rule, transcribed slowly from the paper (arXiv 2505.22618, algorithm 1) into plain lists.

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

from collections.abc import Callable

from tests.sampling.literal.dream import believed


def threshold_step(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    logits: list[list[float]],
    tau: float,
    *,
    temperature: float = 0.0,
    numbers: list[float] | None = None,
) -> list[tuple[int, int, float]]:
    """One step: (place, token, confidence) of every token that is committed, in canvas order.

    `hole` are the places of the hole's rows, `logits[h]` speaks about place `hole[h]`; `numbers[h]` draws its token.
    """
    proposals = []
    for place, row, number in zip(hole, logits, numbers or [0.0] * len(hole), strict=True):
        if tokens[place] == mask_id:
            x0, c = believed(row, temperature, number)  # of equal tokens the one with the lowest id
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
    temperature: float,
    uniform: Callable[[int], list[float]],
) -> list[list[int]]:
    """The tokens after every call, one block after another; blocks are counted in what was masked at the start.

    `faithful` is the code for Dream with caches: the full pass at a block's beginning writes its first token, and nothing else.
    """
    tokens, states = list(tokens), []
    generated = [place for place in hole if tokens[place] == mask_id]
    for start in range(0, len(generated), block_length):
        block = generated[start : start + block_length]
        while any(tokens[place] == mask_id for place in block) and len(states) < len(answers):
            drawn = uniform(len(hole)) if temperature > 0 else [0.0] * len(hole)
            rows = [each for each in zip(hole, answers[len(states)], drawn, strict=True) if each[0] in block]
            logits, numbers = [row for _, row, _ in rows], [number for _, _, number in rows]
            committed = threshold_step(tokens, block, mask_id, logits, tau, temperature=temperature, numbers=numbers)
            if faithful and all(tokens[place] == mask_id for place in block):
                committed = [(block[0], *believed(logits[0], temperature, numbers[0]))]
            for place, token, _ in committed:
                tokens[place] = token
            states.append(list(tokens))
    return states
