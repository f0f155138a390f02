"""Replays of what WINO's own decoder did; see tests/data/traces/README.md."""

import pytest

from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.strategies.wino import Wino
from tests.sampling.replay import canvas_of, changes, llada_denoiser, traces


@pytest.fixture(scope="module")
def llada() -> NetworkDenoiser:
    """The tiny LLaDA."""
    return llada_denoiser()


@pytest.mark.parametrize("trace", traces("wino-llada.json"))
def test_trace(trace, llada):
    """Fails if a token is accepted or taken back otherwise than by the authors' code, or another number of calls is needed."""
    options = trace["settings"]
    wino = Wino(options["threshold"], options["threshold_back"], options["block_length"], options["temperature"])
    found, end = changes(canvas_of(trace["canvas"], *trace["region"]), llada, wino.rule(), ban=True, strategy=wino)
    assert trace["changes"] == found
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(found)


def test_much_is_taken_back():
    """Fails if the file was thinned until nothing of interest happens in it."""
    assert 1000 < sum(trace.values[0]["total_remasked"] for trace in traces("wino-llada.json"))
