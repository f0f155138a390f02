"""A step on a device: the host sends what it asks and waits once, for two numbers a row."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dlm_lsp.models.cached import Cached, Dual
from dlm_lsp.models.denoiser import Vocabulary
from dlm_lsp.models.graphs import CudaCapture, Graphs
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.healing import Healed, sort_pieces
from dlm_lsp.sampling.length import forbid_resizing
from dlm_lsp.sampling.pace import Pace
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategy import Sampler
from tests.models.far import Far, move
from tests.models.test_graphs import (
    DELETE,
    EXPAND,
    FORBIDDEN,
    MASK,
    PLENTY_BYTES,
    VOCAB,
    Repeated,
    make_network,
)

HOLE_TOKENS = 8
FIXED = Vocabulary(VOCAB, MASK, FORBIDDEN)
GROWS = Vocabulary(VOCAB, MASK, FORBIDDEN, EXPAND, DELETE)


def paced(canvas: Canvas) -> Sampler:
    """What a request decodes with, where its length is known."""
    return Pace(Threshold(2.0), canvas, GROWS, cuts=False)


@pytest.mark.parametrize(
    ("vocabulary", "rule"),
    [
        (FIXED, lambda _: Threshold(2.0)),
        (FIXED, lambda _: Threshold(2.0, temperature=0.7)),
        (GROWS, paced),
    ],
)
@pytest.mark.parametrize("family", ["dream", "llada"])
@pytest.mark.parametrize("graphed", [True, False])
def test_a_step_is_waited_for_once(
    family: str, vocabulary: Vocabulary, rule: Callable[[Canvas], Sampler], *, graphed: bool
) -> None:
    """Fails if the host waits for what it sends, for a look whether the numbers are any, or twice for a belief; or if tokens differ."""
    network = make_network(family, dtype=torch.float32)
    canvas = join([[3] * 30, [4] * 20], [HOLE_TOKENS], [0], MASK)
    pieces = sort_pieces(["ab"[:size] for size in (1, 2)] * (VOCAB // 2), FORBIDDEN)
    typed = Healed((), (2,), pieces).hold(0, vocabulary)
    options: dict[str, Any] = {"adjust": [forbid_resizing(vocabulary), typed]}

    def decode(inner: NetworkDenoiser) -> Any:
        rngs = [torch.Generator().manual_seed(0)]
        return denoise([canvas], Cached(inner, Dual()), [rule(canvas)], rngs, **options)

    expected = [now.tokens.tolist() for (now,) in decode(NetworkDenoiser(network, vocabulary, None))]
    move(network)
    with torch.inference_mode(), Far() as device:
        graphs = {"compute_rows": Graphs(Repeated(), PLENTY_BYTES, "meta")} if graphed else {}
        steps = decode(NetworkDenoiser(network, vocabulary, None, **graphs))
        for tokens in expected:
            device.waits, device.sent = [], 0
            assert tokens == next(steps)[0].tokens.tolist()
            assert 1 == len(device.waits), device.waits
            assert device.sent >= 4, "nothing was seen"
    assert HOLE_TOKENS == len(expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("family", ["dream", "llada"])
def test_cuda_waits_once(family: str) -> None:
    """Fails if CUDA waits where the device of the test above does not; a first call and a capture may."""
    network = make_network(family, dtype=torch.float32).to("cuda")
    inner = NetworkDenoiser(network, FIXED, None, compute_rows=Graphs(CudaCapture(), PLENTY_BYTES))
    canvas = join([[3] * 30, [4] * 20], [HOLE_TOKENS], [0], MASK)
    steps = denoise([canvas], Cached(inner, Dual()), [Threshold(2.0)], [torch.Generator()])
    for _ in range(3):
        next(steps)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        for _ in range(3, HOLE_TOKENS):
            with warnings.catch_warnings(record=True, action="always") as heard:
                next(steps)
            assert 1 == len(heard), [str(each.message) for each in heard]
    finally:
        torch.cuda.set_sync_debug_mode("default")
