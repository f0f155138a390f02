"""Batches for the trainer by their number, drawn here or by processes that work ahead of a fast device.

In: a data folder and a recipe. Out: `Canvases` in parts that fit the device. It imports no torch, so that many processes start at once.
"""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from . import stream as streams
from .bpe import load
from .corrupt import Canvases, Sampler
from .recipe import Attention, Phase, Recipe

_sampler: Sampler | None = None
"""Of a loader process."""


def open_stream(data: Path, seed: int) -> None:
    """What a loader process does first."""
    global _sampler  # noqa: PLW0603, one a process
    _sampler = Sampler(streams.read(data, "train"), load(data / "tokenizer"), seed)


def draw(step: int, length: int, count: int, first: int, *, holes: bool, causal: bool) -> Canvases:
    """What a loader process does then."""
    assert _sampler is not None, "open_stream comes first"
    return _sampler.batch(step, length, count, holes=holes, first=first, causal=causal)


Part = Callable[[], Canvases]
"""A part of a batch that is drawn, or waited for, when it is called."""


class Feed:
    """Batches by their number, each in the parts that fit the device; drawn by processes that work ahead, or here."""

    AHEAD = 4  # batches

    def __init__(self, data: Path, seed: int, loaders: int) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if loaders:
            # CUDA does not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(loaders, context, open_stream, (data, seed))
        else:
            open_stream(data, seed)

    def batches(
        self, recipe: Recipe, first_step: int, micro_tokens: int, share: Callable[[], float]
    ) -> Iterator[tuple[Phase, Attention, list[Canvases]]]:
        """Give without end: the phase, what sees what, and the parts of each batch."""
        waiting: deque[tuple[Phase, Attention, list[Part]]] = deque()
        for step in count(first_step):
            phase = recipe.phase_at(share())
            # One generator a step decides the shape of its batch.
            rng = np.random.default_rng([recipe.seed, step])
            length, split = int(rng.choice(phase.lengths)), bool(rng.random() < recipe.split_share)
            causal = bool(rng.random() < phase.causal)
            attention: Attention = "causal" if causal else "split" if split else "full"
            waiting.append((phase, attention, self._ask(step, phase, length, micro_tokens, causal=causal)))
            if len(waiting) > (self.AHEAD if self._pool else 0):
                phase, attention, parts = waiting.popleft()
                yield phase, attention, [part() for part in parts]

    def _ask(self, step: int, phase: Phase, length: int, micro_tokens: int, *, causal: bool) -> list[Part]:
        rows, most = phase.batch_tokens // length, max(micro_tokens // length, 1)
        parts = [
            partial(draw, step, length, min(most, rows - first), first, holes=phase.holes, causal=causal)
            for first in range(0, rows, most)
        ]
        return [self._pool.submit(part).result for part in parts] if self._pool else parts

    def close(self) -> None:
        """End the processes."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
