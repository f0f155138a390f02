"""Draft, then denoise: copy a text that stands in the document already, ask the model where it is wrong, and denoise only that.

The draft is a cheap left-to-right one: every mask gets what follows, at the last place in the text around, upon the tokens to its left,
two to `reach` of them and as many as possible; where nothing agrees the mask stays. That is the copying drafter of prompt lookup
decoding (Saxena, 2023) and, cut to the user's own text, of REST (arXiv 2311.08252); it calls no model. Then up to `looks` calls, each of
which judges every drafted token with itself hidden (`sampling.folds`) and drops the unlikely ones; then the ordinary loop for the masks.

Differs from those: they verify from the left and stop at the first mistake; here the model sees both sides and what is right behind a
mistake stays. A draft holds no tokens of growth and shrinkage; what the loop fills may. A canvas that was decoded before is not drafted:
what is masked in it again may be just what would be copied.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import torch

from dlm_lsp.decoders import check_decoder
from dlm_lsp.models.denoiser import Denoiser, Vocabulary
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import denoise, max_steps
from dlm_lsp.sampling.folds import hidden_probabilities
from dlm_lsp.sampling.strategy import Adjust, Sampler

LEAST = 2
"""Tokens that must agree: fewer do so everywhere."""


@dataclass(frozen=True, slots=True)
class DraftThenDenoise:
    """Needs at most `looks` calls more than the ordinary loop."""

    reach: int = 4
    looks: int = 2
    folds: int = 4
    below: float = 0.3

    def __post_init__(self) -> None:
        check_decoder("draft_then_denoise", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls; of the draft itself there are none."""
        return 0 if canvas.done else self.looks + max_steps(canvas)

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
        now = [copy_on(canvas, denoiser.vocabulary, self.reach) for canvas in canvases]
        judged = [drafted.masked != canvas.masked for canvas, drafted in zip(canvases, now, strict=True)]  # [L] each
        for _ in range(self.looks):
            if not any(bool(rows.any()) for rows in judged):
                break
            likely = hidden_probabilities(
                now, judged, denoiser, folds=self.folds, adjust=adjust, ban=ban, min_rows=min_rows
            )
            doubted = [rows & (chances < self.below) for rows, chances in zip(judged, likely, strict=True)]
            for k, canvas in enumerate(now):
                if not bool(judged[k].any()):
                    continue
                kept = judged[k] & ~doubted[k]
                now[k] = canvas.apply(Move(kept, canvas.tokens, likely[k], revoke=judged[k], memory=canvas.memory))
                # Where nothing was wrong, nothing changes under a second look.
                judged[k] = kept if bool(doubted[k].any()) else kept & False
            yield tuple(now)
        yield from denoise(now, denoiser, samplers, rngs, adjust=adjust, ban=ban, min_rows=min_rows)


def copy_on(canvas: Canvas, vocabulary: Vocabulary, reach: int) -> Canvas:
    """Write what the text around goes on with, into a canvas that is as it was laid out."""
    if canvas.step:
        return canvas
    masked = canvas.masked.tolist()
    text = [None if hidden else token for hidden, token in zip(masked, canvas.tokens.tolist(), strict=True)]
    forbidden: list[bool] = vocabulary.forbidden.tolist()
    follows: dict[tuple[int | None, ...], int] = {}  # what comes after some tokens, at the last place where they stand
    for end, token in enumerate(text):
        if token is not None and not forbidden[token]:
            follows.update(dict.fromkeys(_left(text, end, reach), token))
    for place, hidden in enumerate(masked):
        if hidden:
            text[place] = next((follows[left] for left in _left(text, place, reach) if left in follows), None)
    drafted = torch.tensor([hidden and token is not None for hidden, token in zip(masked, text, strict=True)])
    tokens = torch.tensor([canvas.mask_id if token is None else token for token in text])
    return canvas.apply(Move(drafted, tokens, torch.zeros(len(text)), memory=canvas.remember().next()))


def _left(text: Sequence[int | None], end: int, reach: int) -> Iterator[tuple[int | None, ...]]:
    """Give the known tokens to the left of a place, the longest stretch first."""
    for size in range(min(reach, end), LEAST - 1, -1):
        stretch = tuple(text[end - size : end])
        if None not in stretch:
            yield stretch
