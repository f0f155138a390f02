"""A last look at what was written: every token hidden in turn, the least likely masked again and filled once more.

No paper of its own. The check that cannot see what it judges, where WINO (arXiv 2507.18578) checks in one pass with a shadow block
whose context has seen the token from the second layer on; refilling is what Tolerator (arXiv 2510.05090) does after a fast first
fill. What hides a token must not leak it, so this is k views of the canvas in one call, each with another k-th of the tokens masked.

Differs from Tolerator: one round, and only tokens that are unlikely. The numbers are first guesses.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.denoise import denoise, max_steps
from dlm_lsp.sampling.folds import hidden_probabilities
from dlm_lsp.sampling.schedule import surest
from dlm_lsp.sampling.strategy import Adjust, Sampler


@dataclass(frozen=True, slots=True)
class Kfold:
    """The ordinary loop, one call that checks, and the loop again for what was masked."""

    folds: int = 4
    share: float = 0.12
    below: float = 0.3

    def __post_init__(self) -> None:
        check_decoder("kfold", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls: a share of the rows is masked a second time."""
        if canvas.done:
            return 0
        grown = sum(canvas.budget)
        again = math.ceil(self.share * (int(canvas.masked.sum()) + grown))
        return max_steps(canvas) + 1 + again + 2 * grown

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
        """Yield all canvases after every model call."""
        now = tuple(canvases)
        for states in denoise(now, denoiser, samplers, rngs, adjust=adjust, ban=ban, min_rows=min_rows):
            now = states
            yield now
        judged = [canvas.own & (not start.done) for start, canvas in zip(canvases, now, strict=True)]
        if not any(bool(rows.any()) for rows in judged):
            return
        likely = hidden_probabilities(
            now, judged, denoiser, folds=self.folds, adjust=adjust, ban=ban, min_rows=min_rows
        )
        doubted = [self.doubted(rows, chances) for rows, chances in zip(judged, likely, strict=True)]
        now = tuple(
            canvas.mask(rows) if bool(rows.any()) else canvas for canvas, rows in zip(now, doubted, strict=True)
        )
        yield now
        yield from denoise(now, denoiser, samplers, rngs, adjust=adjust, ban=ban, min_rows=min_rows)

    def doubted(self, judged: Tensor, likely: Tensor) -> Tensor:  # [L] bool, [L] float32 -> [L] bool
        """Choose what is masked again: the least likely, as many as the share of the judged rows, rounded up, allows."""
        most = math.ceil(self.share * int(judged.sum()))
        return surest(-likely, judged & (likely < self.below), most)
