"""The setting `cache`, from a request to what the network computes, on the bundled model."""

import pytest

from dlm_lsp.models.cached import RULES
from dlm_lsp.models.loading import load
from dlm_lsp.values import Outcome
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
    """The bundled model, watched."""
    return Spied(load("nano", device="cpu", threads=1))


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
    expected = run(request_at(CODE, max_hole_tokens=24), nano)
    assert [] == nano.computed
    actual = run(request_at(CODE, max_hole_tokens=24, cache=name), nano)
    assert [each.texts for each in expected.candidates] == [each.texts for each in actual.candidates]


def test_requests_do_not_share_a_cache(nano: Spied) -> None:
    """Fails if what was kept for one request is used for the next: then an answer would depend on the one before."""
    first, second = (run(request_at(CODE, max_hole_tokens=24, cache="hole"), nano) for _ in range(2))
    assert [each.texts for each in first.candidates] == [each.texts for each in second.candidates]
    half = len(nano.computed) // 2
    assert nano.computed[:half] == nano.computed[half:]
