"""A real Dream network, too small to know anything: random weights, 24 ids, logits that spread."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.transformer import NetworkDenoiser

MASK, EXPAND, DELETE, SURPLUS = 20, 21, 22, 23
ORDINARY = range(MASK)
CONFIG = DreamConfig.from_json(
    {
        "vocab_size": 24,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 512,
    }
)


class Recorded:
    """A denoiser that remembers what it was asked."""

    def __init__(self, inner: NetworkDenoiser) -> None:
        self.vocabulary = inner.vocabulary
        self.max_tokens = inner.max_tokens
        self.tokenizer = None
        self.asked: list[list[list[int]]] = []
        """Per call and view: the tokens."""
        self._inner = inner

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.asked.append([view.tokens.tolist() for view in views])
        return self._inner.predict(views)


def tiny_denoiser(seed: int = 0, *, structural: bool = True, layers: int = 1) -> Recorded:
    """A denoiser whose answers are far from uniform; `structural` says whether it has expand and delete tokens.

    With one layer keys and values depend on nothing but their own token: a cache needs two to be felt.
    """
    generator = torch.Generator().manual_seed(seed)
    network = DreamModel(replace(CONFIG, num_hidden_layers=layers))
    for name, parameter in network.named_parameters():
        if "norm" not in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.6
    network.double()  # padding must not decide between rows that are equally sure, as all rows of a canvas of masks are
    forbidden = torch.tensor([k in {MASK, EXPAND, DELETE, SURPLUS} for k in range(CONFIG.vocab_size)])
    expand, delete = (EXPAND, DELETE) if structural else (None, None)
    return Recorded(
        NetworkDenoiser(network, Vocabulary(CONFIG.vocab_size, MASK, forbidden, expand, delete), tokenizer=None)
    )


def rng(seed: int = 0) -> torch.Generator:
    """A generator with a seed."""
    return torch.Generator().manual_seed(seed)
