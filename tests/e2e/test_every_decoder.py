"""Every sampler, strategy, cache and length by one setting of a running server: with a script, and with the bundled model."""

from collections.abc import Iterator

import pytest

from dlm_lsp.decoders import CACHES, DECODERS, LENGTHS, ORACLE
from tests.e2e.raw_client import RawClient
from tests.e2e.test_own_requests import fill

ADD = "def add(a, b):\n    \n"
LINE = "def double(value):\n    return \n"
WHAT_A_SERVER_KNOWS = [name for name in LENGTHS if name != ORACLE]


@pytest.fixture(scope="module")
def bundled() -> Iterator[RawClient]:
    """Give a server with the bundled model, one thread and time enough."""
    with RawClient("--model", "nano", "--device", "cpu", "--threads", "1", "--deadline-ms", "60000") as client:
        client.initialize({"dtype": "float32"})
        client.open("file:///double.py", LINE)
        yield client


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_fills_a_hole(fast: RawClient, name: str) -> None:
    """Fails if the server does not know a decoder, or one loses the text of a model that is sure of it."""
    fast.open(f"file:///{name}.py", ADD)
    result = fill(fast, f"file:///{name}.py", 1, 4, settings={"sampler": name})["result"]
    assert ["return a + b"] == [item["insertText"] for item in result["items"]]


@pytest.mark.parametrize(
    "settings",
    [
        *({"sampler": name} for name in DECODERS),
        *({"cache": name} for name in CACHES),
        *({"length": name} for name in WHAT_A_SERVER_KNOWS),
    ],
    ids=lambda settings: "-".join(settings.values()),
)
def test_every_setting_runs_on_the_bundled_model(bundled: RawClient, settings: dict[str, str]) -> None:
    """Fails if a decoder, cache or length that is offered cannot be had with a real network; what it writes is its own affair."""
    result = fill(bundled, "file:///double.py", 1, 11, settings={**settings, "maxHoleTokens": 8})["result"]
    assert result["outcome"] in {"filled", "empty"}, result["message"]


def test_the_true_length_is_no_setting(fast: RawClient) -> None:
    """Fails if an editor may ask for what only a benchmark knows, or is not told what it may ask for."""
    fast.open("file:///oracle.py", ADD)
    error = fill(fast, "file:///oracle.py", 1, 4, settings={"length": ORACLE})["error"]
    assert ORACLE in error["message"]
