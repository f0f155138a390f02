"""What the user's own text makes likely: source code repeats itself, and a small model copies names late.

In: the token rows around the holes, and logits. Out: logits in which every undecided row has gained what the text around says
should stand there. Samplers do not know of it; it is an `Adjust`. It holds no weights of a model, only the table of shares that
`training.copy_prior` fits on held-out files.

A mixture, row by row, after the cache models of language modelling (Kuhn and De Mori, 1990; for source code: Tu, Su and Devanbu,
"On the localness of software", 2014), made for a model that sees both sides:

    p(v) = s0 model(v) + s1 text(v) + s2 left(v) + s3 right(v) + s4 both(v)

*text* is how often v stands in the text; *left* what follows there upon the tokens that stand to the left of the row, *right* what
precedes those to its right, *both* what stands between the two; a place whose neighbours agree over n tokens counts 8^n - 1 times.
The shares s depend on how far the best places agree on either side and on how sure the model is. All this is about what stands
in a row, given that something does: what the model gives to expand and delete tokens stays as it is, the text knows no length.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Vocabulary
from dlm_lsp.sampling.canvas import Canvas

LEFT_TOKENS = 4
RIGHT_TOKENS = 3
CONFIDENCES = (0.1, 0.3, 0.6, 0.9)
"""Borders of the classes of the model's own highest probability."""
SOURCES = 5
"""The model, the text, and what agrees on the left, on the right, on both sides."""
SHAPE = (LEFT_TOKENS + 1, RIGHT_TOKENS + 1, len(CONFIDENCES) + 1, SOURCES)
GAIN = 8.0
_EDGE, _UNKNOWN = -2, -1  # neither equals the other nor any token


@dataclass(frozen=True, slots=True, eq=False)
class CopyPrior:
    """The text around the holes of one request as places that may be copied; N of them."""

    shares: Tensor  # SHAPE float32
    ids: Tensor  # [N] int64
    before: Tensor  # [LEFT_TOKENS, N] int64, the nearest first
    behind: Tensor  # [RIGHT_TOKENS, N] int64, the nearest first
    text: Tensor  # [V] float32, sums to 1
    structural: tuple[int, ...]
    """The ids of expand and delete, which are not tokens of a text."""

    def __call__(self, canvas: Canvas, logits: Tensor) -> Tensor:
        """Mix the sources into the undecided rows; [H, V] -> [H, V]. What was impossible stays so."""
        rows = canvas.undecided.to(logits.device)  # [H] bool
        if not bool(rows.any()):
            return logits
        before = logits[rows].cpu()  # [R, V]
        said, length = self.split(before)
        heard = self.listen(canvas)
        shares = self.shares[heard.classes(said.amax(-1))]  # [R, SOURCES]
        shares = shares * heard.known  # a source that knows nothing leaves its share to the others
        shares = shares / shares.sum(-1, keepdim=True)
        said.mul_(shares[:, :1]).add_(shares[:, 1:2] * self.text)
        places = torch.einsum("rs,rsn->rn", shares[:, 2:], heard.weights)
        said.scatter_add_(1, self.ids.expand(len(said), -1), places)
        said.mul_(1 - length.sum(-1, keepdim=True))
        said[:, self.structural] = length
        logits[rows] = said.log_().masked_fill_(before == -torch.inf, -torch.inf).to(logits.device)
        return logits

    def split(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Give the model's probabilities of what stands in R rows, [R, V], and apart from them those of the structural ids."""
        model = logits.softmax(-1)
        length = model[:, self.structural]  # [R, up to 2]
        model[:, self.structural] = 0
        return model.div_(model.sum(-1, keepdim=True).clamp_min(1e-9)), length

    def listen(self, canvas: Canvas) -> "Heard":
        """Compare the neighbours of every undecided row with those of every place."""
        rows = canvas.masked.nonzero().flatten()  # [R]
        known = torch.where(canvas.masked, _UNKNOWN, canvas.tokens)
        left = _agreement(_neighbours(known, rows, -1, LEFT_TOKENS), self.before)  # [R, N]
        right = _agreement(_neighbours(known, rows, 1, RIGHT_TOKENS), self.behind)
        weights = torch.stack([left, right, left * right], dim=1)  # [R, 3, N]
        total = weights.sum(-1, keepdim=True)
        return Heard(weights / total.clamp_min(1e-9), total[..., 0] > 0, _longest(left), _longest(right))


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What the text says of R undecided rows."""

    weights: Tensor  # [R, 3, N] float32: left, right, both; of each, the places' weights sum to 1, or all are 0
    heard: Tensor  # [R, 3] bool, whether they are not all 0
    left: Tensor  # [R] int64, how many tokens agree at the best place
    right: Tensor  # [R] int64

    @property
    def known(self) -> Tensor:  # [R, SOURCES] bool
        """Which sources have anything to say."""
        return torch.cat([torch.ones(len(self.heard), 2, dtype=torch.bool), self.heard], dim=1)

    def classes(self, confidence: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # [R] float32
        """Give the rows' places in the table of shares, by the model's highest probability."""
        return self.left, self.right, torch.bucketize(confidence, torch.tensor(CONFIDENCES))


def read_shares(file: Path) -> Tensor | None:  # SHAPE
    """Read the table of a checkpoint; None where there is no file, ModelError where it is none of ours."""
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        shares = torch.tensor(written["shares"]).view(SHAPE)
        fits = (
            bool((shares >= 0).all()) and bool((shares[..., 0] > 0).all()) and written["confidences"] == [*CONFIDENCES]
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{file} cannot be read ({type(error).__name__}); fit it anew or delete it") from error
    if not fits:
        raise ModelError(f"{file} was fitted by another version; fit it anew or delete it")
    return shares


def make_prior(parts: Sequence[Sequence[int]], shares: Tensor, vocabulary: Vocabulary) -> CopyPrior | None:
    """Read the stretches of context; None where nothing in them may be copied."""
    gap = [_EDGE] * max(LEFT_TOKENS, RIGHT_TOKENS)
    row = torch.tensor([*gap, *(token for part in parts for token in (*part, *gap))])
    places = (row >= 0).nonzero().flatten()
    places = places[~vocabulary.forbidden[row[places]]]
    if not len(places):
        return None
    ids = row[places]
    return CopyPrior(
        shares=shares,
        ids=ids,
        before=torch.stack([row[places - reach] for reach in range(1, LEFT_TOKENS + 1)]),
        behind=torch.stack([row[places + reach] for reach in range(1, RIGHT_TOKENS + 1)]),
        text=torch.bincount(ids, minlength=vocabulary.size).float() / len(ids),
        structural=tuple(each for each in (vocabulary.expand_id, vocabulary.delete_id) if each is not None),
    )


def _neighbours(known: Tensor, places: Tensor, step: int, count: int) -> Tensor:  # [L], [R] -> [R, count]
    """Give the tokens beside some rows, the nearest first; _UNKNOWN where none is decided or the canvas ends."""
    edge = torch.full((count,), _UNKNOWN)
    wide = torch.cat([edge, known, edge])
    return torch.stack([wide[places + count + step * reach] for reach in range(1, count + 1)], dim=1)


def _agreement(wanted: Tensor, there: Tensor) -> Tensor:  # [R, n], [n, N] -> [R, N] float32
    """Give GAIN^k - 1 for the k neighbours that agree, from the nearest on, without a gap."""
    agreed = (wanted[:, 0, None] == there[0]).float()
    total = agreed * (GAIN - 1)
    for reach in range(1, len(there)):
        agreed = agreed * (wanted[:, reach, None] == there[reach])
        total += agreed * ((GAIN - 1) * GAIN**reach)
    return total


def _longest(agreement: Tensor) -> Tensor:  # [R, N] -> [R] int64, the k of the best place
    return (agreement.amax(-1).log1p() / math.log(GAIN)).round().long()
