"""A decode that begins with a text instead of masks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.values import InfillRequest, Outcome
from dlm_lsp.worker.warm import VIEWS
from tests.worker.conftest import request_at, run

ADD = "def add(a, b):\n    @@\n\n\nprint(add(1, 2))\n"
ANSWER = "total = a + b\n    return total"
RULE = {"after": "def add(a, b):\n    ", "before": "\n", "answer": ANSWER}
Make = Callable[..., Denoiser]


class Recorded:
    """A denoiser around a denoiser that remembers what it was asked."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.asked = inner, []
        self.vocabulary, self.tokenizer = inner.vocabulary, inner.tokenizer
        self.max_tokens, self.device = inner.max_tokens, inner.device

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.asked.append(list(views))
        return self.inner.predict(views)


def warm(text: str, marked: str = ADD, **settings: Any) -> InfillRequest:
    """Make a request that starts from a text."""
    return replace(request_at(marked, **settings), drafts=(text,))


@pytest.mark.parametrize("typed", ["", "to", "total = a"])
def test_a_text_that_still_fits_costs_one_call(scripted: Make, typed: str) -> None:
    """Fails if tokens that the model expects are masked, lost or written twice where the cursor cuts one."""
    denoiser = Recorded(scripted(RULE))
    result = run(warm(ANSWER.removeprefix(typed), ADD.replace("@@", typed + "@@")), denoiser)
    assert 1 == len(denoiser.asked)
    assert (ANSWER.removeprefix(typed),) == result.candidates[0].texts


@pytest.mark.parametrize(
    "text", ["total = a - b\n    return total", "sum = a + b\n    return sum", "pass", ANSWER + " + 1"]
)
def test_what_does_not_fit_any_more_is_written_anew(scripted: Make, text: str) -> None:
    """Fails if a token stays that the model does not expect, or the hole cannot grow or shrink from the old text's length."""
    result = run(warm(text), scripted(RULE))
    assert Outcome.FILLED == result.outcome
    assert (ANSWER,) == result.candidates[0].texts


def test_no_token_is_judged_in_its_own_sight(scripted: Make) -> None:
    """Fails if the model is asked about a token that it sees: it would agree with anything; or is not asked about one."""
    denoiser = Recorded(scripted(RULE))
    run(warm(ANSWER), denoiser)
    views = denoiser.asked[0]
    assert VIEWS == len(views)
    assert {denoiser.vocabulary.mask_id} == {int(token) for view in views for token in view.tokens[view.rows]}
    rows = sorted(int(row) for view in views for row in view.rows)
    assert list(range(rows[0], rows[0] + len(denoiser.tokenizer.encode(ANSWER)))) == rows


@pytest.mark.parametrize("text", ["", "x = 1\n    " * 20, "nothing like it"])
def test_a_text_that_is_no_start_does_no_harm(scripted: Make, text: str) -> None:
    """Fails if a text that is too long, or does not begin with what was typed, is an error or spoils the answer."""
    marked = ADD.replace("@@", "tot@@")
    assert (
        run(request_at(marked), scripted(RULE)).candidates[0].texts
        == run(warm(text, marked), scripted(RULE)).candidates[0].texts
    )
