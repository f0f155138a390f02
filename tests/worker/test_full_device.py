"""A device whose memory is full in the middle of a request: there is an answer, or a sentence, and the next request has an answer."""

import io
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dlm_lsp.models.cached import keep_contexts
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.loading import load
from dlm_lsp.models.onnx_rows import Graph
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.values import InfillResult, Outcome
from dlm_lsp.worker.__main__ import _answer, _is_full
from dlm_lsp.worker.inbox import Inbox, Job
from tests.worker.conftest import request_at

TEXT = "def add(a, b):\n    return @@\n"


class Small:
    """A network on a device whose memory is too small for some calls, by number and canvases, until it moves to the CPU."""

    def __init__(self, network: Any, fails: Callable[[int, int], bool]) -> None:
        self._network = network
        self._fails = fails
        self.calls = 0
        self.failed = 0
        self.moved = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def eval(self) -> "Small":
        return self

    def requires_grad_(self, **_: bool) -> "Small":
        return self

    def to(self, device: str) -> "Small":
        assert "cpu" == device
        self.moved = True
        return self

    def hidden(self, tokens: Tensor, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        beside = args[3] if len(args) > 3 else ()
        canvases = len(beside[0]) if beside else len(tokens)
        if self._fails(self.calls, canvases) and not self.moved:
            self.failed += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self._network.hidden(tokens, *args, **kwargs)


class There(NetworkDenoiser):
    """A denoiser that says that it runs on a GPU until it has moved."""

    @property
    def device(self) -> str:
        return "cpu" if self._network.moved else "cuda:0"


@pytest.fixture(scope="module")
def nano() -> NetworkDenoiser:
    """The bundled model."""
    model = load("nano", device="cpu", threads=1, dtype="float32")
    assert isinstance(model, NetworkDenoiser)
    return model


@pytest.fixture
def on_device(nano: NetworkDenoiser) -> Callable[[Callable[[int, int], bool]], There]:
    """Put it on a device that is too small at the calls given."""
    return lambda fails: There(Small(nano._network, fails), nano.vocabulary, nano.tokenizer)


def answer(denoiser: Denoiser, *, contexts: Any = None, draws: int = 0, **settings: Any) -> InfillResult:
    """Ask the worker."""
    pieces = sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden)
    return _answer(
        Job(replace(request_at(TEXT, **settings), draws=draws), time.monotonic()),
        denoiser,
        pieces,
        Inbox(io.BytesIO()),
        lambda _: None,
        copy_shares=None,
        curve=None,
        find_drafter=lambda _: denoiser,
        contexts=contexts,
    )


def texts(result: InfillResult) -> list[tuple[str, ...]]:
    """What is offered."""
    return [candidate.texts for candidate in result.candidates]


@pytest.mark.parametrize("cache", ["none", "hole"])
def test_what_failed_once_is_tried_again_on_the_device(on_device, nano: NetworkDenoiser, cache: str) -> None:
    """Fails if the model is slow for ever because its memory was full once, or the answer is another one then."""
    expected = answer(nano, cache=cache)
    small = on_device(lambda call, _: call == 3)
    contexts = keep_contexts(small)
    actual = answer(small, cache=cache, contexts=contexts)
    assert (expected.outcome, texts(expected)) == (actual.outcome, texts(actual))
    assert "cuda:0" == small.device
    assert small._network.calls > 3


def test_a_device_that_stays_full_is_left_for_the_cpu(on_device, nano: NetworkDenoiser, caplog) -> None:
    """Fails if the worker ends, the request has no answer that says what happened, or the next one fails too."""
    small = on_device(lambda *_: True)
    contexts = keep_contexts(small)
    failed = answer(small, contexts=contexts)
    assert Outcome.FAILED == failed.outcome
    assert (
        "the memory of cuda:0 is too small: the model runs on the CPU from here on, slower; restart it to go back"
        == failed.message
    )
    assert failed.message in caplog.messages
    assert "cpu" == small.device
    assert texts(answer(nano)) == texts(answer(small, contexts=contexts))


@pytest.mark.parametrize("cache", ["none", "hole"])
def test_candidates_for_which_memory_is_too_small_go_one_by_one(on_device, nano: NetworkDenoiser, cache: str) -> None:
    """Fails if a request of several candidates fails, or leaves the device, where each alone has room."""
    small = on_device(lambda _, canvases: canvases > 1)
    expected, actual = (answer(each, draws=2, cache=cache) for each in (nano, small))
    assert (expected.outcome, texts(expected)) == (actual.outcome, texts(actual))
    assert "cuda:0" == small.device
    assert small._network.failed > 0, "no call was about several"


def test_a_cpu_without_memory_is_not_left(on_device) -> None:
    """Fails if a model that is on the CPU already is moved there, or the sentence names nothing that can be done."""
    small = on_device(lambda *_: True)
    small._network.to("cpu")
    small._network.moved = False
    small.__class__ = NetworkDenoiser
    failed = answer(small)
    assert Outcome.FAILED == failed.outcome
    assert "lower maxWindowTokens or maxHoleTokens" in failed.message
    assert not small._network.moved


@pytest.mark.parametrize("by", ["python", "torch", "onnx"])
def test_what_a_lack_of_memory_looks_like(by: str) -> None:
    """Fails if one of those that compute says it in other words, and the user is told that the model failed."""

    def take_all() -> None:
        """Ask for 64 TiB."""
        if by == "python":
            bytearray(2**46)
        if by == "torch":
            torch.zeros(2**44)
        if by == "onnx":
            pytest.importorskip("onnx")
            pytest.importorskip("onnxruntime")
            graph = Graph()
            rows = graph.one("Expand", "x", graph.weight(torch.tensor([2**44])))
            graph.run({"x": (torch.float32, (1,))}, [rows])({"x": torch.ones(1)})

    with pytest.raises((MemoryError, RuntimeError)) as raised:
        take_all()
    assert _is_full(raised.value)
    assert not _is_full(RuntimeError("index out of range"))
