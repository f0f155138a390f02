"""The seams of decoding: who decides (`Sampler`), who edits logits (`Adjust`), who orders the model calls (`Strategy`).

Knows tensors, canvases and the Denoiser protocol; holds no rule of decoding itself.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.sampling.canvas import Canvas, Move

Adjust = Callable[[Canvas, Tensor], Tensor]
"""Edits the logits of a canvas's hole rows, [H, V] -> [H, V], before its sampler sees them; it may write into what it is given."""


class Sampler(Protocol):
    """One decision about one canvas: a function of its arguments, without state of its own."""

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:
        """Decide from the logits [H, V] of the canvas's hole rows; what must be remembered goes into `Move.memory`."""
        ...


def focus_of(sampler: Sampler, canvas: Canvas) -> Tensor | None:  # [L] bool
    """Give the rows that a sampler decides now, None where it decides all that are masked.

    A sampler that goes block by block has a method `focus(canvas)`; one around another has it as `inner`.
    """
    focus: Tensor | None = _ask(sampler, "focus", canvas)
    return focus


def read_by(sampler: Sampler, canvas: Canvas) -> Tensor | None:  # [H] bool
    """Give the hole rows whose logits a sampler reads, None where it reads all.

    A sampler that does not has a method `reads(canvas)`; one around another has it as `inner`.
    """
    read: Tensor | None = _ask(sampler, "reads", canvas)
    return read


def is_over(sampler: Sampler, canvas: Canvas) -> bool:
    """Whether a decode has ended: no mask is left, and its sampler does not want to look at what is written once more.

    A sampler that may has a method `settled(canvas)`; one around another has it as `inner`. Nothing was decided where nothing is
    remembered: then there is nothing to look at again.
    """
    return canvas.done and (canvas.memory is None or _ask(sampler, "settled", canvas) is not False)


def _ask(sampler: Sampler, method: str, canvas: Canvas) -> Any:
    """What a method says that not every sampler has, None where none has it."""
    while not hasattr(sampler, method):
        if not hasattr(sampler, "inner"):
            return None
        sampler = sampler.inner
    return getattr(sampler, method)(canvas)


class Strategy(Protocol):
    """Owns the order of the model calls; `denoise` is the default one.

    A strategy with more than one denoiser is a frozen dataclass that holds the others.
    """

    def __call__(
        self,
        canvases: Sequence[Canvas],
        denoiser: Denoiser,
        samplers: Sequence[Sampler],
        rngs: Sequence[torch.Generator],
        *,
        adjust: Sequence[Adjust] = (),
        ban: bool = True,
        min_rows: int = 1,
    ) -> Iterator[tuple[Canvas, ...]]:
        """Yield all canvases after every step until none has a mask."""
        ...
