"""What the model believes: logits become one token a row and the confidence in it.

In: logits of any rows. Out: ids and probabilities on the CPU. Does not know which rows are masked or what is done with them.
"""

import math

import torch
from torch import Tensor

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import send


def believe(
    logits: Tensor, temperature: float, rng: torch.Generator, rows: Tensor | None = None
) -> tuple[Tensor, Tensor]:  # [N, V], [R] int64
    """Give token and confidence of every row, or of those at `rows`, [R] int64, [R] float32.

    Temperature 0 takes the likeliest token, the lowest id among equals; above 0 it is drawn, one number of `rng` per row.
    The confidence is the token's probability at temperature 1, also where it was drawn at another: the threshold keeps its
    meaning (Fast-dLLM's code does the same). A row's belief does not depend on which others are asked for.
    """
    drawn = torch.rand(len(logits), generator=rng) if temperature > 0 else None  # [N]
    if rows is not None and len(rows) < len(logits):
        logits = logits.index_select(0, send(rows, logits.device))
        drawn = None if drawn is None else drawn.index_select(0, rows)
    raw = logits.float().softmax(-1)  # [R, V]
    if drawn is None:
        return bring(likeliest(raw), raw.amax(-1))
    below = logits.float() - logits.float().amax(-1, keepdim=True)  # [R, V], so that no division overflows
    tokens = invert(below.div_(temperature).softmax(-1), drawn)  # [R]
    return bring(tokens, raw.gather(-1, tokens[:, None])[:, 0])


def bring(tokens: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:  # [N] int64, [N] float32
    """Bring a belief to the CPU, from a device by one copy: of a step that is all that the host waits for. Refuse what is no number."""
    if confidence.device.type != "cpu":
        confidence, ids = torch.stack([confidence, tokens.float()]).cpu()  # ids below 2^24 are exact
        tokens = ids.long()
    if not all(map(math.isfinite, confidence.tolist())):  # numbers are faster than small tensors
        raise ModelError("the model's answer is not a number; try dtype float32")
    return tokens, confidence


def likeliest(numbers: Tensor) -> Tensor:  # [N, V] float32 -> [N] int64
    """Give the place of every row's highest number, the first among equals."""
    # On a CPU torch's own takes ten times as long, and longer than the softmax before it.
    return torch.from_numpy(numbers.numpy().argmax(-1)) if numbers.device.type == "cpu" else numbers.argmax(-1)


def chances(logits: Tensor, tokens: Tensor) -> Tensor:  # [N, V], [N] int64 -> [N] float32
    """Give the probability of one given token of every row, at temperature 1."""
    asked = send(tokens, logits.device)
    return bring(asked, logits.float().softmax(-1).gather(-1, asked[:, None])[:, 0])[1]


def narrow(logits: Tensor, temperature: float, top_p: float, top_k: int) -> Tensor:  # [N, V] -> [N, V]
    """Give the probabilities of a distribution that was sharpened by `temperature`, then cut.

    Of every row the likeliest ids are left that together reach `top_p` (1 leaves all), and of those at most `top_k` and its
    equals (0 leaves all). Temperature 0 sharpens nothing: who takes the likeliest id cuts for the sake of its confidence.
    """
    logits = logits.float() - logits.float().amax(-1, keepdim=True)  # [N, V], so that no division overflows
    if temperature > 0:
        logits = logits / temperature
    if top_p < 1:
        ranked, ids = logits.sort(dim=-1, descending=True, stable=True)
        reached = ranked.softmax(-1).cumsum(-1) > top_p  # [N, V]
        out = reached.roll(1, -1)  # the id that reaches it stays
        out[:, 0] = False
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, ids, out), -torch.inf)
    if top_k > 0:
        lowest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]  # [N, 1]
        logits = logits.masked_fill(logits < lowest, -torch.inf)
    return logits.softmax(-1)


def pick(probabilities: Tensor, temperature: float, rng: torch.Generator) -> Tensor:  # [N, V] -> [N] int64
    """Take the likeliest id of every row at temperature 0, the lowest among equals; draw it otherwise."""
    return likeliest(probabilities) if temperature == 0 else draw(probabilities, rng)


def precise(numbers: Tensor) -> Tensor:
    """Give the same in float64, on the CPU where the device has none (Metal)."""
    return (numbers.cpu() if numbers.device.type == "mps" else numbers).double()


def draw(probabilities: Tensor, rng: torch.Generator) -> Tensor:  # [N, V] -> [N] int64
    """Draw one id per row by inverting the cumulative distribution: the same on every device, for `rng` lives on the CPU."""
    return invert(probabilities, torch.rand(len(probabilities), generator=rng))


def invert(probabilities: Tensor, drawn: Tensor) -> Tensor:  # [N, V], [N] in [0, 1) -> [N] int64
    """Give the id of every row at which the cumulative distribution passes a number."""
    cumulative = precise(probabilities).cumsum(-1)  # [N, V], float32 loses the rare half of a large vocabulary
    # A float32 draw is at most 1 - 2^-24, so the product stays below the total and an id of probability 0 is never met.
    reached = send(drawn, cumulative.device).double() * cumulative[:, -1]
    found = torch.searchsorted(cumulative, reached[:, None], right=True)[:, 0].to(probabilities.device)
    return found.clamp_max(
        probabilities.shape[1] - 1
    )  # what is no number lies behind all, and is found out by its confidence
