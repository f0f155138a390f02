"""What the model believes: logits become one token a row and the confidence in it.

In: logits of any rows. Out: ids and probabilities on the CPU. Does not know which rows are masked or what is done with them.
"""

import torch
from torch import Tensor


def believe(logits: Tensor, temperature: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Give token and confidence of every row, [N, V] -> [N] int64, [N] float32.

    Temperature 0 takes the likeliest token, the lowest id among equals; above 0 it is drawn, one number of `rng` per row.
    The confidence is the token's probability at temperature 1, also where it was drawn at another: the threshold keeps its
    meaning (Fast-dLLM's code does the same).
    """
    raw = logits.float().softmax(-1)  # [N, V]
    if temperature == 0:
        tokens = likeliest(raw)  # [N]
    else:
        below = logits.float() - logits.float().amax(-1, keepdim=True)  # [N, V], so that no division overflows
        tokens = draw((below / temperature).softmax(-1), rng)  # [N]
    return tokens.cpu(), raw.gather(-1, tokens[:, None])[:, 0].cpu()


def likeliest(numbers: Tensor) -> Tensor:  # [N, V] float32 -> [N] int64
    """Give the place of every row's highest number, the first among equals."""
    # On a CPU torch's own takes ten times as long, and longer than the softmax before it.
    return torch.from_numpy(numbers.numpy().argmax(-1)) if numbers.device.type == "cpu" else numbers.argmax(-1)


def chances(logits: Tensor, tokens: Tensor) -> Tensor:  # [N, V], [N] int64 -> [N] float32
    """Give the probability of one given token of every row, at temperature 1."""
    return logits.float().softmax(-1).gather(-1, tokens.to(logits.device)[:, None])[:, 0].cpu()


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
    cumulative = precise(probabilities).cumsum(-1)  # [N, V], float32 loses the rare half of a large vocabulary
    # A float32 draw is at most 1 - 2^-24, so the product stays below the total and an id of probability 0 is never met.
    drawn = torch.rand(len(probabilities), generator=rng).to(cumulative.device).double() * cumulative[:, -1]
    return torch.searchsorted(cumulative, drawn[:, None], right=True)[:, 0].to(probabilities.device)
