"""Decodes on random logits, step by step, by a sampler and by the literal transcription of its paper, each with its own state."""

import random
from collections.abc import Callable

import torch

from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.strategy import Sampler, is_over
from tests.sampling.tiny import rng
from tests.sampling.walks import Draws

MASK = 8
NEVER = -torch.inf
Literal = Callable[[list[int], list[int], int, list[list[float]], dict], list[int] | None]
"""Tokens, places of the hole's rows, mask id, logits by row, state -> tokens, or None where it is over."""


def random_canvas(draw: random.Random, most: int = 8) -> Canvas:
    """One or two holes of a few rows, some of them decided before the start."""
    lengths = [draw.randint(1, most) for _ in range(draw.randint(1, 2))]
    parts = [[draw.randint(0, MASK) for _ in range(draw.randint(0, 2))] for _ in range(len(lengths) + 1)]
    canvas = join(parts, lengths, [0] * len(lengths), MASK)
    size = sum(lengths)
    decided = torch.tensor([draw.random() < 0.2 for _ in range(size)])
    decided[draw.randrange(size)] = False
    return canvas.apply(canvas.commit(decided, torch.full((size,), 3), torch.ones(size)))


def random_row(draw: random.Random) -> list[float]:
    """Logits of a row: half of them uniform over 1, 2, 4 or 8 ids, so that ties, and sums without rounding, are frequent."""
    if draw.random() < 0.5:
        likely = draw.sample(range(MASK), draw.choice([1, 2, 2, 4, 8]))
        row = [0.0 if token in likely else NEVER for token in range(MASK)]
    else:
        row = [draw.gauss(0, draw.choice([0.5, 2.0, 4.0])) for _ in range(MASK)]
    return [*row, NEVER]


def next_logits(draw: random.Random, size: int, before: list[list[float]]) -> list[list[float]]:
    """Logits of a step: a row often says what it said in the last one."""
    return [before[n] if before and draw.random() < 0.6 else random_row(draw) for n in range(size)]


def temperature(draw: random.Random) -> float:
    """Mostly 0."""
    return draw.choice([0.0, 0.0, 0.7])


def numbers_of_a_step() -> Callable[[int], list[float]]:
    """The random numbers that a rule takes in a step of `same_decode`, which gives it the same ones in all."""
    return Draws(rng()).uniform


def same_decode(sampler: Sampler, literal: Literal, seed: int, most: int = 8) -> bool:
    """Whether both have the same tokens after every step of one random decode, and end at the same one."""
    draw = random.Random(seed)
    canvas = random_canvas(draw, most)
    places, state = canvas.rows.tolist(), {}
    expected: list[int] | None = canvas.tokens.tolist()
    logits: list[list[float]] = []
    for _ in range(60):
        if is_over(sampler, canvas):
            break
        logits = next_logits(draw, len(places), logits)
        assert expected is not None, "the end is looked for after every step"
        expected = literal(expected, places, MASK, logits, state)
        move = sampler(canvas, torch.tensor(logits), rng())
        canvas = canvas.apply(move)
        if expected != canvas.tokens.tolist():
            return False
    if canvas.memory is not None and hasattr(sampler, "settled"):
        return expected is not None and literal(expected, places, MASK, logits or [], state) is None
    return canvas.done


def disagreements(
    pairs: Callable[[random.Random], tuple[Sampler, Literal]],
    cases: int = 300,
    most: int = 8,
    patience: int | None = None,
) -> int:
    """In how many random decodes a sampler and a transcription differ; no more than `patience` are looked for."""
    count = 0
    for seed in range(cases):
        sampler, literal = pairs(random.Random(-seed - 1))
        try:
            count += not same_decode(sampler, literal, seed, most)
        except (AssertionError, IndexError, ValueError, RuntimeError):
            count += 1
        if patience is not None and count >= patience:
            break
    return count
