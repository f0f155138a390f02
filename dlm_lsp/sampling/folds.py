"""How likely a written text is, no token of it judged in its own sight: the model as the reader of what it wrote.

To ask about a token it must be hidden, so one call holds several views of a canvas, each with every n-th of the judged tokens masked.
In: canvases and the rows that are judged. Out: a probability for each. Does not know what is done with the unlikely ones.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.sampling.belief import chances
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.denoise import edit_logits
from dlm_lsp.sampling.strategy import Adjust


def hidden_probabilities(
    canvases: Sequence[Canvas],
    judged: Sequence[Tensor],  # [L] bool each
    denoiser: Denoiser,
    *,
    folds: int,
    adjust: Sequence[Adjust] = (),
    ban: bool = True,
    min_rows: int = 1,
) -> list[Tensor]:  # [L] float32 each
    """Give the probability of the token in every judged row, in one call; 1 in all other rows."""
    asked = []  # (number of the canvas, the canvas with a fold of it hidden, the rows that are hidden)
    for k, (canvas, rows) in enumerate(zip(canvases, judged, strict=True)):
        places = rows.nonzero().flatten()
        for first in range(min(folds, len(places))):
            hidden = places[first::folds]
            asked.append((k, replace(canvas, tokens=canvas.tokens.index_fill(0, hidden, canvas.mask_id)), hidden))
    found = [torch.ones(len(canvas.tokens)) for canvas in canvases]
    views = [View(canvas.tokens, hidden, lane=None) for _, canvas, hidden in asked]
    for (k, canvas, hidden), answer in zip(asked, denoiser.predict(views) if views else (), strict=True):
        here = torch.isin(canvas.rows, hidden).to(answer.device)  # [H] bool
        wide = answer.new_zeros(len(here), answer.shape[-1])  # [H, V], as edits expect them
        wide[here] = answer
        logits = edit_logits(canvas, wide, denoiser.vocabulary, adjust=adjust, ban=ban, min_rows=min_rows)
        found[k][hidden] = chances(logits[here], canvases[k].tokens[hidden])
    return found
