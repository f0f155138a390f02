"""Starts a decode from a text that stood or was shown there before, instead of from masks alone.

In: the layout of a request and one text per hole. Out: a canvas in which only those tokens are masked that the model does not
expect there any more, as told by one call; the usual loop goes on from it. To ask about a token it must be hidden, so the call
holds several views of the canvas, each with every n-th token of the holes masked: no token of a text is judged in its own sight.
Knows no syntax; what the finished text is worth is judged as ever.
"""

from collections.abc import Sequence

import torch

from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.folds import hidden_probabilities
from dlm_lsp.worker.layout import Draft

VIEWS = 4
"""Each hides a quarter of the text: with more there is more to compute, with fewer the model knows less of the rest."""
MIN_PROBABILITY = 0.3
"""A token that is less likely where it stands is masked."""


def warm_start(texts: Sequence[str], draft: Draft, denoiser: Denoiser, most: int) -> Canvas | None:
    """Give a canvas to go on from, holes of at most `most` rows; None where the texts cannot be its start."""
    encode = denoiser.tokenizer.encode
    rows = [encode(typed + text) for typed, text in zip(draft.typed, texts, strict=True)]
    for ids, typed in zip(rows, draft.typed, strict=True):
        # A first token that ends inside of what was typed could not be decided anew: healing binds it to all of that.
        if not 0 < len(ids) <= most or not denoiser.tokenizer.decode(ids[:1]).startswith(typed):
            return None
    lengths = [len(ids) for ids in rows]
    canvas = join(draft.parts, lengths, [most - length for length in lengths], denoiser.vocabulary.mask_id)
    kept = torch.tensor([token for ids in rows for token in ids])  # [H]
    written = canvas.apply(canvas.commit(torch.ones_like(kept, dtype=torch.bool), kept, torch.ones(len(kept))))
    likely = hidden_probabilities([written], [written.holes], denoiser, folds=VIEWS)[0][written.rows]  # [H]
    return canvas.apply(canvas.commit(likely >= MIN_PROBABILITY, kept, likely))
