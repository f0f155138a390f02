"""EB-Sampler: commit as many tokens as their entropies allow to be decided independently of each other.

Accelerated Sampling from Masked Diffusion Models via Entropy Bounded Unmasking (arXiv 2505.24857), section 4. Masked rows are
sorted by an error proxy; the longest prefix U with sum of H over U - max of H over U <= gamma is committed: the left side bounds
what the tokens of U know of each other. gamma 0 commits one uncertain token, infinity all.

Differs from the paper: it gives no one value of gamma (0.001 to 1 are tried); 0.1 is that of diffusers' EntropyBoundScheduler.
Equal errors go to the leftmost. Entropy is in nats, at temperature 1.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move


@dataclass(frozen=True, slots=True)
class Eb:
    """Ends in at most H steps."""

    gamma: float = 0.1
    proxy: str = "entropy"
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("eb", asdict(self))

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit the longest prefix of the masked rows, in order of the proxy, within the bound."""
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        probabilities = logits.float().softmax(-1)  # [H, V]
        entropy = torch.special.entr(probabilities).sum(-1).cpu().double()  # [H]
        if self.proxy == "entropy":
            error = entropy
        elif self.proxy == "confidence":
            error = -probabilities.amax(-1).cpu()
        else:
            error = -probabilities.topk(2).values.diff().neg()[:, 0].cpu()
        open_rows = canvas.undecided.nonzero().flatten()
        order = open_rows[error[open_rows].argsort(stable=True)]
        known = entropy[order].cumsum(0) - entropy[order].cummax(0).values
        chosen = torch.zeros(len(logits), dtype=torch.bool)
        chosen[order[: int((known <= self.gamma).sum())]] = True
        return canvas.commit(chosen, tokens, confidence)
