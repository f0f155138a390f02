"""The loop, on a real network of random weights: what must hold whatever the model answers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dlm_lsp.errors import ModelError
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise, edit_logits, max_steps
from dlm_lsp.sampling.samplers.threshold import Threshold
from tests.sampling.tiny import DELETE, EXPAND, MASK, ORDINARY, rng, tiny_denoiser

DENOISER = tiny_denoiser()


@st.composite
def canvases(draw: st.DrawFn) -> Canvas:
    """One or two holes, also at the ends and also empty."""
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=2))
    context = st.lists(st.integers(0, MASK), max_size=4)
    parts = [draw(context) for _ in range(len(lengths) + 1)]
    return join(parts, lengths, [draw(st.integers(0, 4)) for _ in lengths], MASK)


def decode(
    canvas: Canvas, *, threshold: float = 0.5, temperature: float = 0.0, seed: int = 0, **options
) -> list[Canvas]:
    """All states of one canvas."""
    samplers = [Threshold(threshold, temperature)]
    return [now for (now,) in denoise([canvas], DENOISER, samplers, [rng(seed)], **options)]


def hole_texts(canvas: Canvas) -> list[list[int]]:
    """The tokens of every hole."""
    return [canvas.hole_tokens(hole) for hole in range(len(canvas.budget))]


@settings(deadline=None)
@given(canvases(), st.sampled_from([0.0, 0.3, 0.9, 2.0]), st.sampled_from([0.0, 1.5]), st.integers(0, 1))
def test_properties(canvas, threshold, temperature, min_rows):
    """Fails if a decode overruns its bound, changes its context, overdraws its budget or commits a forbidden id."""
    states = decode(canvas, threshold=threshold, temperature=temperature, min_rows=min_rows)
    assert len(states) <= max_steps(canvas)
    assert (len(states) == 0) == canvas.done
    for step, now in enumerate(states, start=1):
        assert canvas.tokens[~canvas.holes].tolist() == now.tokens[~now.holes].tolist()
        assert step == now.step
        assert all(0 <= left <= had for left, had in zip(now.budget, canvas.budget, strict=True))
        decided = now.tokens[now.holes & ~now.masked]
        assert set(decided.tolist()) <= set(ORDINARY)
        assert bool((now.confidence[now.holes & ~now.masked] > 0).all())
    for hole, had in enumerate(canvas.budget):
        before, after = len(canvas.hole_tokens(hole)), len((states or [canvas])[-1].hole_tokens(hole))
        assert min(before, min_rows) <= after <= before + had
    assert (states or [canvas])[-1].done


@settings(deadline=None, max_examples=30)
@given(st.lists(canvases(), min_size=1, max_size=4), st.sampled_from([0.0, 1.0]))
def test_a_batch_equals_its_parts(batch, temperature):
    """Fails if canvases of one call see each other, share a generator, or a finished one changes."""
    samplers = [Threshold(0.5, temperature)] * len(batch)
    together = list(denoise(batch, DENOISER, samplers, [rng(k) for k in range(len(batch))]))
    for k, canvas in enumerate(batch):
        alone = decode(canvas, temperature=temperature, seed=k)
        states = [now[k].tokens.tolist() for now in together]
        expected = [now.tokens.tolist() for now in alone]
        rest = [(alone or [canvas])[-1].tokens.tolist()] * (len(states) - len(expected))
        assert expected + rest == states


def test_seeds():
    """Fails if the same seed gives another text, or all seeds the same."""
    canvas = join([[1, 2], [3]], [12], [4], MASK)
    texts = {seed: hole_texts(decode(canvas, temperature=1.5, seed=seed)[-1]) for seed in range(4)}
    assert texts[3] == hole_texts(decode(canvas, temperature=1.5, seed=3)[-1])
    assert len({str(text) for text in texts.values()}) > 1


def test_one_call_a_step_for_the_unfinished():
    """Fails if a finished canvas is asked about again, or the canvases are asked one by one."""
    denoiser = tiny_denoiser(structural=False)
    batch = [join([[k], [2]], [length], [0], MASK) for k, length in enumerate([0, 1, 4])]
    steps = list(denoise(batch, denoiser, [Threshold(2.0)] * 3, [rng()] * 3))
    assert [2, 1, 1, 1] == [len(call) for call in denoiser.asked]
    assert [[1, MASK, 2], [2, MASK, MASK, MASK, MASK, 2]] == denoiser.asked[0]
    assert 4 == len(steps)
    assert all(len(now) == 3 for now in steps)


@pytest.mark.parametrize("batch", [[], [join([[1, MASK], []], [0], [3], MASK)]])
def test_nothing_to_do(batch):
    """Fails if the model is called where no hole row is masked; a mask in the user's text is no hole."""
    denoiser = tiny_denoiser()
    assert [] == list(denoise(batch, denoiser, [Threshold()] * len(batch), [rng()] * len(batch)))
    assert [] == denoiser.asked


def favour(*tokens: int):
    """An edit that makes these ids likely, where they are not impossible."""

    def edit(_: Canvas, logits: Tensor) -> Tensor:
        assert 24 == logits.shape[1]
        logits[:, list(tokens)] += 100.0
        return logits

    return edit


def test_forbidden_ids():
    """Fails if an edit can bring a forbidden id back, or `ban=False` still forbids it."""
    canvas = join([[1], [2]], [3], [0], MASK)
    assert set(decode(canvas, adjust=[favour(MASK)])[-1].tokens.tolist()) <= set(ORDINARY)

    first = next(denoise([canvas], DENOISER, [Threshold(0.5)], [rng()], adjust=[favour(MASK)], ban=False))[0]
    assert 1.0 == float(first.confidence[1]), "the mask was committed"
    assert not first.done


def test_edits_run_in_order():
    """Fails if only one edit is used, or the second does not see what the first did."""

    def only_five(_: Canvas, logits: Tensor) -> Tensor:
        assert float(logits[0, 5]) > 50
        return torch.where(torch.arange(24) == 5, logits, -torch.inf)

    states = decode(join([[1], [2]], [3], [0], MASK), adjust=[favour(5), only_five])
    assert [[[5, 5, 5]]] == [hole_texts(now) for now in states]


def test_an_answer_is_not_written_into():
    """Fails if a denoiser that keeps its answers finds them edited."""
    canvas = join([[1], [2]], [3], [0], MASK)
    answer = torch.zeros(3, 24)
    edit_logits(canvas, answer, DENOISER.vocabulary, adjust=[favour(5)], ban=True, min_rows=3)
    assert torch.equal(torch.zeros(3, 24), answer)


def test_growth_ends_with_the_budget():
    """Fails if expand stays possible without budget (then this never ends), or growth costs nothing."""
    canvas = join([[1], [2]], [1], [3], MASK)
    states = decode(canvas, adjust=[favour(EXPAND)])
    assert [2, 3, 4] == [len(now.hole_tokens(0)) for now in states[:3]]
    assert 4 == len(states[-1].hole_tokens(0))
    assert (0,) == states[-1].budget


@pytest.mark.parametrize(("min_rows", "rows"), [(0, 0), (1, 1), (2, 2)])
def test_shrinkage_ends_at_the_least_rows(min_rows, rows):
    """Fails if a hole vanishes that must not, or one that may cannot."""
    states = decode(join([[1], [2]], [6], [0], MASK), adjust=[favour(DELETE)], min_rows=min_rows)
    assert rows == len(states[-1].hole_tokens(0))
    assert states[-1].done


def test_an_answer_that_is_no_number():
    """Fails if NaN is committed as if it were a token, as half precision may give it."""
    with pytest.raises(ModelError, match="not a number"):
        decode(join([[1], [2]], [2], [0], MASK), adjust=[lambda _, logits: logits * torch.nan])


def test_caller_may_stop_anywhere():
    """Fails if the loop runs ahead of its caller: a cancelled request must not cost another model call."""
    denoiser = tiny_denoiser()
    steps = denoise([join([[1], [2]], [5], [0], MASK)], denoiser, [Threshold(2.0)], [rng()])
    assert [] == denoiser.asked
    next(steps)
    assert 1 == len(denoiser.asked)
