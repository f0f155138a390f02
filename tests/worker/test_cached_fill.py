"""The setting `cache`, from a request to what the network computes, on the bundled model."""

import io
from collections.abc import Sequence

import pytest
import torch

from dlm_lsp import wire
from dlm_lsp.models.cached import RULES, keep_contexts
from dlm_lsp.models.kept_context import Contexts
from dlm_lsp.models.loading import load
from dlm_lsp.models.transformer import Again
from dlm_lsp.values import Outcome
from dlm_lsp.worker.__main__ import _next, _refresh
from dlm_lsp.worker.inbox import Inbox
from tests.models.spied import Spied
from tests.worker.conftest import request_at, run

CODE = """\
import os


def read_lines(path: str) -> list[str]:
    with open(path) as file:
        @@


def count(path: str) -> int:
    return len(read_lines(path))
"""


@pytest.fixture
def nano() -> Spied:
    """The bundled model, watched; in float32, for answers are compared: what is fastest here may round otherwise beside other rows."""
    return Spied(load("nano", device="cpu", threads=1, dtype="float32"))


@pytest.mark.parametrize("name", RULES)
def test_rows_are_saved(name: str, nano: Spied) -> None:
    """Fails if the setting does not reach the network, or a cache breaks what the pipeline does with lanes, repairs and growth."""
    answer = run(request_at(CODE, cache=name, max_hole_tokens=24), nano)
    assert answer.outcome in {Outcome.FILLED, Outcome.EMPTY}
    rows = [len(canvas) for call in nano.computed for canvas in call]
    assert min(rows) < max(rows) / 2, "nothing was saved"


@pytest.mark.parametrize("name", ["hole:steps=1", "dkv-decode:steps=1", "dkv-greedy:steps=1"])
def test_a_cache_that_keeps_nothing_changes_nothing(name: str, nano: Spied) -> None:
    """Fails if a cached lane is answered with another lane's canvas, or with that of a round before."""
    expected = run(request_at(CODE, max_hole_tokens=24, cache="none"), nano)
    assert [] == nano.computed
    actual = run(request_at(CODE, max_hole_tokens=24, cache=name), nano)
    assert [each.texts for each in expected.candidates] == [each.texts for each in actual.candidates]


def test_a_request_begins_with_what_the_last_one_left(nano: Spied) -> None:
    """Fails if the store does not reach the network, the same request is answered otherwise, or typing makes everything anew."""
    contexts = keep_contexts(nano)
    code = CODE.replace("@@", "return @@")
    first, again = (run(request_at(code, max_hole_tokens=24), nano, contexts=contexts) for _ in range(2))
    assert [each.texts for each in first.candidates] == [each.texts for each in again.candidates]
    whole = len(nano.computed[0][0])
    nano.computed.clear()
    run(
        request_at(code.replace("return @@", "return [each for @@"), max_hole_tokens=24),
        nano,
        contexts=contexts,
    )
    assert len(nano.computed[0][0]) < whole * 2 / 3


def typed_in(model: Spied) -> Contexts:
    """What a request leaves whose text differs in one token from what is kept."""
    contexts, everything = Contexts(model), torch.arange(200)
    tokens, holes = everything + 300, (everything > 99) & (everything < 110)
    contexts.encode(Again(tokens, everything, everything, model.keep(200)), holes)
    assert contexts.begin(tokens.index_fill(0, torch.tensor([99]), 7), holes) is not None
    contexts._whole_ms = 1  # however busy the machine is
    assert contexts.is_stale
    return contexts


def test_a_pause_is_used_once(nano: Spied, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a worker computes ahead while a request waits, not at all in a pause, or again although nothing has changed."""
    contexts = typed_in(nano)
    nano.computed.clear()
    inbox, line = Inbox(io.BytesIO()), wire.encode(wire.Fill(request_at(CODE)))
    inbox._take(line)
    assert _next(inbox, contexts) is not None
    assert [] == nano.computed
    refresh = contexts.refresh
    monkeypatch.setattr("dlm_lsp.worker.__main__.IDLE_S", 0.01)
    monkeypatch.setattr(contexts, "refresh", lambda: (refresh(), inbox._take(line)))  # asked right after the pause
    assert _next(inbox, contexts) is not None
    assert 1 == len(nano.computed)
    inbox._take(line)
    assert _next(inbox, contexts) is not None
    assert 1 == len(nano.computed)


def test_what_fails_in_a_pause_harms_nobody(nano: Spied, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if memory that runs out while nobody waits ends the worker, or what was kept stays in the way."""
    contexts = typed_in(nano)

    def fail(_: Sequence[Again]) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(nano, "compute_again", fail)
    _refresh(contexts)
    assert (0, False) == (contexts.bytes, contexts.is_stale)


def test_without_a_store_requests_share_nothing(nano: Spied) -> None:
    """Fails if what was kept for one request is used for the next although it was not handed on."""
    first, second = (run(request_at(CODE, max_hole_tokens=24, cache="hole"), nano) for _ in range(2))
    assert [each.texts for each in first.candidates] == [each.texts for each in second.candidates]
    half = len(nano.computed) // 2
    assert nano.computed[:half] == nano.computed[half:]
