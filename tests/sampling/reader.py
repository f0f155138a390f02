"""A denoiser whose answer about a row is a function of what that row may see, and of nothing else: for comparisons with plain lists.

Whoever builds a wrong view, or asks about the wrong canvas, gets other numbers.
"""

import itertools
import random
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.strategy import Sampler, Strategy
from tests.sampling.tiny import rng

IDS = 8
MASK = 8
NEVER = -torch.inf


class Reader:
    """Answers as `answer` says; `asked` holds how many views every call had."""

    tokenizer = None
    max_tokens = 512
    device = "cpu"

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.vocabulary = Vocabulary(IDS + 1, MASK, torch.arange(IDS + 1) == MASK)
        self.asked: list[int] = []

    def answer(self, place: int, seen: Sequence[tuple[int, int]]) -> list[float]:
        """Logits about a place, from the (place, token) pairs that are seen; multiples of 1/4, so that there are equals."""
        draw = random.Random(hash((self.seed, place, *sorted(seen))))
        if draw.random() < 0.15:
            first, second = draw.sample(range(IDS), 2)
            return [0.0 if token in {first, second} else NEVER for token in range(IDS)] + [NEVER]
        spread = draw.choice([0.5, 2.0, 6.0])
        return [round(draw.gauss(0, spread) * 4) / 4 for _ in range(IDS)] + [NEVER]

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.asked.append(len(views))
        return [torch.tensor([self._row(view, row) for row in view.rows.tolist()]) for view in views]

    def _row(self, view: View, row: int) -> list[float]:
        length = len(view.tokens)
        places = (torch.arange(length) if view.positions is None else view.positions).tolist()
        tokens = view.tokens.tolist()
        visible = [True] * length if view.visible is None else view.visible[row].tolist()
        return self.answer(
            places[row], [(place, token) for place, token, sees in zip(places, tokens, visible, strict=True) if sees]
        )


def random_canvas(draw: random.Random, *, longest: int = 7, ids: int = IDS) -> Canvas:
    """One or two holes of up to `longest` masks, and nothing else in them."""
    lengths = [draw.randint(1, longest) for _ in range(draw.choice([1, 1, 2]))]
    parts = [[draw.randrange(ids) for _ in range(draw.randint(0, 4))] for _ in range(len(lengths) + 1)]
    return join(parts, lengths, [0] * len(lengths), MASK)


MOST_STEPS = 100


def states(steps: Iterable[tuple[Canvas, ...]]) -> list[list[int]]:
    """The tokens of a lone canvas after every call, as far as it is worth following."""
    return [now.tokens.tolist() for (now,) in itertools.islice(steps, MOST_STEPS)]


def outcome(strategy: Strategy, canvas: Canvas, denoiser: Reader, sampler: Sampler) -> list[list[int]]:
    """The tokens after every call; nothing where it breaks, as a mutant may."""
    try:
        return states(strategy([canvas], denoiser, [sampler], [rng()]))
    except (AssertionError, RuntimeError, IndexError):
        return []
