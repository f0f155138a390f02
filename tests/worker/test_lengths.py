"""Every way to find the length of a hole: the canvas that is decoded, what may come or go, and what is refused."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dlm_lsp.errors import SettingsError
from dlm_lsp.models.denoiser import Denoiser, View, Vocabulary
from dlm_lsp.sampling.cal import Curve
from dlm_lsp.values import Outcome
from dlm_lsp.worker.lengths import DRAWN_TEMPERATURE, plan_kept
from tests.worker.conftest import request_at, run

ADD = "def add(a, b):\n    @@\n\n\nprint(add(1, 2))\n"
ANSWER = "return a + b"
RULE = {"after": "def add(a, b):\n    ", "before": "\n", "answer": ANSWER}
FLAT = Curve(0.0, 0.0, 0.0, 0.0, 1.0)
Make = Callable[..., Denoiser]


class Watched:
    """A denoiser around a denoiser that notes how many masks each view of each call has, and may lose its way to grow."""

    def __init__(self, inner: Denoiser, *, grows: bool = True) -> None:
        self.inner = inner
        whole = inner.vocabulary
        self.vocabulary = whole if grows else Vocabulary(whole.size, whole.mask_id, whole.forbidden)
        self.tokenizer, self.max_tokens, self.device = inner.tokenizer, inner.max_tokens, inner.device
        self.masks: list[list[int]] = []

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.masks.append([int((view.tokens == self.vocabulary.mask_id).sum()) for view in views])
        return self.inner.predict(views)


def fill(model: Watched, length: str, **rest: Any) -> Any:
    """Fill the hole without repairs."""
    given = {key: rest.pop(key) for key in ("truth", "forced") if key in rest}
    curve = rest.pop("curve", None)
    request = replace(request_at(ADD, repair_rounds=0, **rest), length=length, **given)
    model.masks.clear()
    return run(request, model, curve=curve)


def rows(model: Watched, text: str) -> int:
    """Count the tokens of a text."""
    return len(model.tokenizer.encode(text))


def test_auto_grows_where_the_checkpoint_can(scripted: Make) -> None:
    """Fails if a growing checkpoint is held to one length, or a curve beside it switches growth off."""
    model = Watched(scripted({**RULE, "answer": ANSWER + " + 0" * 20}))
    plain = fill(model, "auto")
    assert plain.candidates[0].texts[0].startswith(ANSWER + " + 0" * 10)
    assert plain.candidates == fill(model, "grow").candidates == fill(model, "auto", curve=FLAT).candidates


def test_fixed_keeps_its_length(scripted: Make) -> None:
    """Fails if a hole of a fixed length grows or shrinks, starts elsewhere, or other lengths are tried after all."""
    model = Watched(scripted(RULE))
    for length, tokens in (("fixed:tokens=3", 3), ("fixed:tokens=30", 30), ("fixed:tokens=400", 64)):
        found = fill(model, length)
        assert [tokens] == model.masks[0]
        assert tokens == len(found.candidates[0].token_confidence) == max(map(max, model.masks))
    hint = request_at(ADD).holes[0].hint_tokens
    fill(model, "fixed")
    assert [hint] == model.masks[0]
    fill(model, "fixed:tokens=5", candidates=3)
    assert [5, 5, 5] == model.masks[0], "candidates differ by what is drawn, not by length"


def test_candidates_of_one_length_are_drawn() -> None:
    """Fails if candidates that differ in nothing are decoded, or the first one is drawn though it is to be greedy."""
    for temperature, drawn in ((0.0, DRAWN_TEMPERATURE), (0.3, 0.3)):
        plans = plan_kept(request_at(ADD, candidates=3, temperature=temperature), [5])
        assert [0.0, drawn, drawn] == [plan.temperature for plan in plans]


def test_a_fixed_hole_that_does_not_fit_gets_no_other_length(scripted: Make) -> None:
    """Fails if lanes of other lengths are spared for a hole whose length was said."""
    model = Watched(scripted({**RULE, "answer": ")" * 40}))
    run(replace(request_at(ADD), length="fixed:tokens=6"), model)
    assert {6} == {max(masks) for masks in model.masks if max(masks) > 5}


def test_cal_probes_and_then_keeps(scripted: Make) -> None:
    """Fails if a growing checkpoint grows after all once its length was looked for, or nothing is probed."""
    model = Watched(scripted(RULE))
    found = fill(model, "cal", curve=FLAT)
    probes = [masks for masks in model.masks if len(masks) > 1]
    decoded = [masks[0] for masks in model.masks if len(masks) == 1]
    assert len(probes[0]) > 4
    assert decoded == sorted(decoded, reverse=True), "nothing is added while it is decoded"
    assert decoded[0] == len(found.candidates[0].token_confidence)


@pytest.mark.parametrize("typed", ["", "re", "return a"])
def test_the_oracle_knows_the_length_behind_what_is_typed(scripted: Make, typed: str) -> None:
    """Fails if the canvas has not the rows that the true text takes, tokens that the cursor cuts included."""
    model = Watched(scripted(RULE))
    request = request_at(ADD.replace("@@", typed + "@@"), repair_rounds=0)
    truth = ANSWER.removeprefix(typed)
    found = run(replace(request, length="oracle", truth=(truth,)), model)
    assert (truth,) == found.candidates[0].texts
    assert truth == "".join(found.candidates[0].token_texts[0]), "no row is left over for a blank"
    assert model.masks[0][0] == len(found.candidates[0].token_confidence)


def test_a_long_truth_is_not_cut(scripted: Make) -> None:
    """Fails if the setting for the longest hole shortens what a benchmark wants measured."""
    long = ANSWER + " + a" * 60
    model = Watched(scripted({**RULE, "answer": long}))
    assert long == fill(model, "oracle", truth=(long,), max_hole_tokens=8).candidates[0].texts[0]


def test_the_truth_is_written_whatever_the_model_says(scripted: Make) -> None:
    """Fails if a forced answer is the model's, its likelihood is not that of the truth, or the order is not the sampler's."""
    model = Watched(scripted(RULE))
    other = "return b - 12"
    forced = fill(model, "oracle", truth=(other,), forced=True).candidates[0]
    assert (other,) == forced.texts
    own = fill(model, "oracle", truth=(ANSWER,), forced=True).candidates[0]
    assert (ANSWER,) == own.texts
    assert own.mean_logprob == pytest.approx(torch.tensor(0.99).log().item(), abs=1e-3)
    assert forced.mean_logprob < own.mean_logprob - 1
    assert own.steps < forced.steps or own.steps == 1
    one_by_one = fill(model, "auto", truth=(ANSWER,), forced=True, sampler="threshold:threshold=2").candidates[0]
    assert rows(model, ANSWER) == one_by_one.steps, (
        "the length is the truth's, and the sampler decides how many are written"
    )


@pytest.mark.parametrize(
    ("length", "grows", "sentence"),
    [
        ("grow", False, "needs a checkpoint with expand and delete tokens"),
        ("cal", True, "needs a curve: `dlm-lsp models calibrate` fits one"),
        ("cal", False, "needs a curve"),
        ("oracle", True, "is for benchmarks only"),
        ("grwo", True, "there is no length 'grwo'; the nearest name is 'grow'"),
        ("fixed:tokens=-1", True, "the parameter 'tokens' of 'fixed' is -1; it must be 0 to 512"),
    ],
)
def test_what_cannot_be_is_refused(scripted: Make, length: str, grows: bool, sentence: str) -> None:
    """Fails if a length that this checkpoint cannot have is quietly taken for another one."""
    with pytest.raises(SettingsError) as error:
        fill(Watched(scripted(RULE), grows=grows), length)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_checkpoint_that_keeps_lengths_tries_a_grid_unless_told(scripted: Make) -> None:
    """Fails if `fixed` is not heard where there is a grid, or the grid is gone."""
    model = Watched(scripted(RULE), grows=False)
    assert Outcome.FILLED == fill(model, "auto").outcome
    assert [8, 16, 32, 64] == model.masks[0]
    fill(model, "fixed:tokens=7")
    assert [7] == model.masks[0]
