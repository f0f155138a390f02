"""Self-speculation, written slowly from its card (F5; SSD, arXiv 2510.04147) into plain lists, over the threshold rule.

Imports nothing of the project but the literal threshold rule: an error would have to be made twice to go unseen.
"""

from collections.abc import Callable

from tests.sampling.literal.threshold import threshold_step

Answer = Callable[[int, list[tuple[int, int]]], list[float]]
"""Logits about a place, from the (place, token) pairs that the model sees."""


def self_speculation(
    tokens: list[int], hole: list[int], mask_id: int, answer: Answer, *, tau: float, states: int
) -> tuple[list[list[int]], list[int]]:
    """The tokens after every step, and how many states every call asked about."""

    def step(state: list[int], logits: list[list[float]]) -> list[int]:
        state = list(state)
        for place, token, _ in threshold_step(state, hole, mask_id, logits, tau):
            state[place] = token
        return state

    state, history, widths = list(tokens), [], []
    logits = None
    while mask_id in [state[place] for place in hole]:
        # s_t, s_t + a_1, s_t + a_1 + a_2, …: what would be committed next if the last answer stayed as it is.
        chain = [state]
        while logits is not None and len(chain) < states:
            guess = step(chain[-1], logits)
            if mask_id not in [guess[place] for place in hole]:
                break
            chain.append(guess)
        batch = [[answer(place, list(enumerate(each))) for place in hole] for each in chain]
        widths.append(len(batch))
        # Accept while the state that row j leads to is row j + 1.
        for row, each in zip(batch, chain, strict=True):
            if each != state:
                break
            state, logits = step(state, row), row
            history.append(state)
    return history, widths
