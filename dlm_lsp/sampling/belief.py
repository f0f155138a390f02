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
        tokens = raw.argmax(-1)  # [N]
    else:
        below = logits.float() - logits.float().amax(-1, keepdim=True)  # [N, V], so that no division overflows
        tokens = draw((below / temperature).softmax(-1), rng)  # [N]
    return tokens.cpu(), raw.gather(-1, tokens[:, None])[:, 0].cpu()


def draw(probabilities: Tensor, rng: torch.Generator) -> Tensor:  # [N, V] -> [N] int64
    """Draw one id per row by inverting the cumulative distribution: the same on every device, for `rng` lives on the CPU."""
    wide = probabilities.cpu() if probabilities.device.type == "mps" else probabilities  # Metal has no float64
    cumulative = wide.double().cumsum(-1)  # [N, V], float32 loses the rare half of a large vocabulary
    # A float32 draw is at most 1 - 2^-24, so the product stays below the total and an id of probability 0 is never met.
    drawn = torch.rand(len(probabilities), generator=rng).to(cumulative.device).double() * cumulative[:, -1]
    return torch.searchsorted(cumulative, drawn[:, None], right=True)[:, 0].to(probabilities.device)
