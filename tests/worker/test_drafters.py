"""Who drafts for the model: frozen context, fewer layers, another checkpoint; and what each of the two models is asked."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.models.cached import Cached
from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.models.loading import load
from dlm_lsp.values import Outcome
from dlm_lsp.worker.drafters import Drafters
from tests.worker.conftest import request_at, run

CHECKPOINTS = Path(__file__).parents[1] / "data" / "reference" / "checkpoints"
RULE = {"after": "def add(a, b):\n    ", "before": "\n", "answer": "return a + b"}


@pytest.fixture(scope="module")
def model() -> Denoiser:
    """A tiny Dream of two layers."""
    return load(CHECKPOINTS / "dream-tiny", device="cpu")


@pytest.fixture(scope="module")
def drafters(model: Denoiser) -> Drafters:
    """Those of the tiny Dream; a checkpoint is named by its folder."""
    return Drafters(model, lambda name: load(CHECKPOINTS / name, device="cpu"))


def test_frozen_keeps_the_context(model: Denoiser, drafters: Drafters) -> None:
    """Fails if the drafter computes everything in every call, or remembers another request."""
    frozen, rows = drafters("frozen"), torch.arange(20, 28)
    before, after = torch.arange(40), torch.arange(40).index_fill(0, rows[:1], 99)
    frozen.predict([View(before, rows)])
    assert isinstance(frozen, Cached)
    assert not torch.equal(model.predict([View(after, rows)])[0], frozen.predict([View(after, rows)])[0])
    assert torch.allclose(
        model.predict([View(after, rows)])[0], drafters("frozen").predict([View(after, rows)])[0], atol=1e-4
    )


def test_skip_runs_half_of_the_layers(drafters: Drafters) -> None:
    """Fails if nothing is saved, or nothing is left."""
    assert 1 == drafters("skip").layers


@pytest.mark.parametrize("name", ["dream-tiny-tied", "llada-tiny"])
def test_another_checkpoint_is_loaded_once(drafters: Drafters, name: str) -> None:
    """Fails if a checkpoint is read for every request, or one of another family is refused although its ids mean the same."""
    assert drafters(name) is drafters(name)


def test_another_tokenizer_is_refused(model: Denoiser, scripted: Callable[..., Denoiser]) -> None:
    """Fails if ids of one model are given to another to which they mean something else."""
    with pytest.raises(SettingsError, match="'other' has another tokenizer"):
        Drafters(model, lambda _: scripted(RULE))("other")
    growing = scripted(RULE)
    keeping = scripted(RULE)
    keeping.vocabulary = replace(growing.vocabulary, expand_id=None, delete_id=None)
    with pytest.raises(SettingsError, match="'growing' has another tokenizer"):
        Drafters(keeping, lambda _: growing)("growing")
    assert keeping is Drafters(growing, lambda _: keeping)("keeping")
    larger = load(CHECKPOINTS / "dream-tiny-sharded", device="cpu")
    assert larger is Drafters(model, lambda _: larger)("sharded"), "more rows in the head do no harm"


@pytest.mark.parametrize("drafter", ["frozen", "skip", "dream-tiny-tied", "dream-tiny-sharded", "llada-tiny"])
@pytest.mark.parametrize("criterion", ["trust", "hybrid"])
def test_every_drafter_works_with_every_criterion(
    model: Denoiser, drafters: Drafters, drafter: str, criterion: str
) -> None:
    """Fails if a drafter's rows, ids or lengths do not fit the model's."""
    written = f"dual:drafter={drafter},criterion={criterion},draft_steps=4"
    request = request_at("x = @@\n", sampler=written, repair_rounds=0, show_broken=True)
    result = run(request, model, find_drafter=drafters)
    assert result.outcome in {Outcome.FILLED, Outcome.EMPTY}
    assert 0 < result.spent_ms["draft"]


def test_the_calls_of_both_are_counted_apart(scripted: Callable[..., Denoiser]) -> None:
    """Fails if the drafter's calls count as the model's, or one of the two is never asked."""
    wrong = scripted({**RULE, "answer": "return a - b", "confidence": 0.95})
    right = scripted(RULE)
    text = "def add(a, b):\n    @@\n"
    dual = partial(run, denoiser=right, find_drafter=lambda _: wrong)
    trusted = dual(request_at(text, sampler="dual")).candidates[0]
    assert (("return a - b",), 0) == (trusted.texts, trusted.steps)
    assert 0 < trusted.draft_steps
    checked = dual(request_at(text, sampler="dual:criterion=exact,rounds=2")).candidates[0]
    assert (trusted.draft_steps, 1) == (checked.draft_steps, checked.steps), "a script stands by what it sees"
    alone = run(request_at(text), right).candidates[0]
    assert 0 == alone.draft_steps


def test_nobody_waits_for_a_drafter(scripted: Callable[..., Denoiser]) -> None:
    """Fails if a cancelled request is drafted on."""
    asked = []
    drafter = scripted(RULE)
    inner = drafter.predict
    drafter.predict = lambda views: asked.append(len(views)) or inner(views)
    result = run(
        request_at("def add(a, b):\n    @@\n", sampler="dual"),
        scripted(RULE),
        find_drafter=lambda _: drafter,
        cancelled=lambda: bool(asked),
    )
    assert (Outcome.CANCELLED, 1) == (result.outcome, len(asked))
