"""Decodes of a few steps on written-out logits: what a rule and the literal transcription of its paper are both given."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.strategy import Sampler

MASK, VOCAB = 9, 8
Answers = list[list[list[float]]]
"""Per model call: the logits of every hole row."""


@dataclass(frozen=True, slots=True)
class Case:
    """A half-decided canvas and what the model will answer, call by call."""

    seed: int
    canvas: Canvas
    answers: Answers
    choose: random.Random
    """To choose parameters with."""

    @property
    def given(self) -> tuple[list[int], list[int], int, Answers]:
        """What a transcription gets: tokens, places of the hole rows, the mask, the answers."""
        return self.canvas.tokens.tolist(), self.canvas.rows.tolist(), MASK, self.answers


def random_case(seed: int, calls: int = 24) -> Case:
    """Holes with decided rows in them, ties between rows and between tokens."""
    draw = random.Random(seed)
    lengths = [draw.randint(1, 7) for _ in range(draw.randint(1, 2))]
    parts = [[draw.randint(0, MASK) for _ in range(draw.randint(0, 2))] for _ in range(len(lengths) + 1)]
    canvas = join(parts, lengths, [0] * len(lengths), MASK)
    size = sum(lengths)
    decided = torch.tensor([draw.random() < 0.2 for _ in range(size)])
    decided[draw.randrange(size)] = False
    canvas = canvas.apply(canvas.commit(decided, torch.full((size,), 3), torch.ones(size)))
    return Case(seed, canvas, [_random_logits(draw, size) for _ in range(calls)], draw)


def _random_logits(draw: random.Random, size: int) -> list[list[float]]:
    spread = draw.choice([0.5, 2.0, 6.0])
    logits: list[list[float]] = []
    for _ in range(size):
        kind = draw.random()
        if logits and kind < 0.15:
            logits.append(list(draw.choice(logits)))
        elif kind < 0.25:
            pair = draw.sample(range(VOCAB), 2)
            logits.append([0.0 if token in pair else -math.inf for token in range(VOCAB)])
        else:
            # The same numbers in float32 and in Python, and so fine that sums of their exponentials are not equal by chance:
            # then rounding would decide between rows.
            row = [round(draw.gauss(0, spread) * 1024) / 1024 for _ in range(VOCAB)]
            if kind < 0.5:
                row[draw.randrange(VOCAB)] = max(row)
            logits.append(row)
    return logits


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers that a rule takes from its generator, for a transcription that takes them in the same order."""

    rng: torch.Generator

    def uniform(self, count: int) -> list[float]:
        return torch.rand(count, generator=self.rng).tolist()

    def uniform64(self, count: int) -> list[float]:
        return torch.rand(count, generator=self.rng, dtype=torch.float64).tolist()

    def exponential(self, count: int) -> list[float]:
        return torch.empty(count).exponential_(generator=self.rng).tolist()


def walk(sampler: Sampler, case: Case) -> list[list[int]]:
    """The tokens after every call, until no mask is left or the answers are spent."""
    canvas, states = case.canvas, []
    rng = torch.Generator().manual_seed(case.seed)
    for logits in case.answers:
        if canvas.done:
            break
        canvas = canvas.apply(sampler(canvas, torch.tensor(logits), rng))
        states.append(canvas.tokens.tolist())
    return states


Pair = Callable[[type, Case], tuple[Sampler, list[list[int]]]]
"""Of a rule's class and a case: the rule with some parameters, and the states that the transcription goes through with them."""


def disagreements(sampler: type, pair: Pair, cases: int) -> Iterator[int]:
    """The seeds of random decodes in which a rule goes another way than the transcription, or fails."""
    for seed in range(cases):
        case = random_case(seed)
        rule, expected = pair(sampler, case)
        try:
            same = expected == walk(rule, case)
        except (AssertionError, ArithmeticError, IndexError, RuntimeError, ValueError):
            same = False
        if not same:
            yield seed


def draws_of(case: Case) -> Draws:
    """The numbers that `walk` lets a rule draw."""
    return Draws(torch.Generator().manual_seed(case.seed))
