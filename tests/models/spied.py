"""A denoiser that remembers which rows its network was asked to compute beside kept ones."""

from collections.abc import Sequence

from dlm_lsp.models.transformer import Again, NetworkDenoiser


class Spied(NetworkDenoiser):
    """`inner`, watched; what it is asked without a cache is not written down."""

    def __init__(self, inner: NetworkDenoiser) -> None:
        super().__init__(inner._network, inner.vocabulary, inner.tokenizer)
        self.computed: list[list[list[int]]] = []
        """Per call and canvas: the rows."""

    def compute_again(self, pieces: Sequence[Again]) -> None:
        self.computed.append([piece.rows.tolist() for piece in pieces])
        super().compute_again(pieces)
