"""Training canvases: reproducible, of the promised layout, and weighted as the loss assumes."""

import numpy as np
import pytest

from training import stream as streams
from training.bpe import END_OF_TEXT, EXPAND, MASK
from training.corrupt import Sampler, hide_spans, indented_block


@pytest.fixture(scope="module")
def sampler(data, tokenizer):
    """Draws from the small corpus."""
    return Sampler(streams.read(data, "train"), tokenizer, seed=3)


@pytest.mark.parametrize("holes", [False, True])
def test_a_batch_is_a_pure_function_of_seed_and_step(sampler, holes) -> None:
    """Fails if drawing keeps state: a resumed run would then see other data."""
    first = sampler.batch(11, 128, 8, holes=holes)
    sampler.batch(12, 128, 8, holes=holes)
    again = sampler.batch(11, 128, 8, holes=holes)
    assert all(np.array_equal(getattr(first, name), getattr(again, name)) for name in ("inputs", "targets", "weights"))
    assert not np.array_equal(first.inputs, sampler.batch(12, 128, 8, holes=holes).inputs)


@pytest.mark.parametrize("holes", [False, True])
def test_layout(sampler, holes) -> None:
    """Fails if a mask stands at position 0 (nothing predicts it), or a visible place carries weight."""
    for step in range(20):
        batch = sampler.batch(step, 128, 8, holes=holes)
        assert (END_OF_TEXT == batch.inputs[:, 0]).all()
        assert ((batch.inputs == MASK) == (batch.weights > 0)).all()
        assert (batch.inputs == batch.targets)[batch.weights == 0].all()
        assert batch.weights.any(axis=1).all()


def test_from_left_to_right_the_window_is_to_be_predicted_and_nothing_is_hidden(sampler) -> None:
    """Fails if what is told beside the window is to be predicted too, or a token of the window is not."""
    batch = sampler.batch(0, 128, 16, holes=True, causal=True)
    assert np.array_equal(batch.inputs, batch.targets)
    assert not batch.holes.any()
    firsts = (batch.weights > 0).argmax(axis=1)
    assert all((row[first:] == 1).all() for row, first in zip(batch.weights, firsts, strict=True))
    assert (firsts >= 1).all()
    assert len(set(firsts.tolist())) > 1


def test_deletes_of_a_hole_weigh_as_one_token(tokenizer) -> None:
    """Fails if deletes are weighted one by one, which teaches length before code."""
    body = tokenizer.encode("\nx = f(a, b, c)\ny = 1\n")
    seen = 0
    for seed in range(50):
        made = hide_spans(np.random.default_rng(seed), body, [(1, 9)], slack=0)
        deletes = [weight for _, target, weight, _ in made if target == END_OF_TEXT]
        assert not deletes or sum(deletes) == pytest.approx(1)
        assert body == [target for _, target, _, _ in made if target != END_OF_TEXT]
        seen += bool(deletes)
    assert seen > 20


def test_an_expand_stands_for_two_hidden_tokens(tokenizer) -> None:
    """Fails if a merge loses or invents a token."""
    body = tokenizer.encode("\nx = f(a, b, c) + g(d)\ny = 1\n")
    merges = 0
    for seed in range(80):
        made = hide_spans(np.random.default_rng(seed), body, [(1, 12)], slack=3)
        expands = sum(target == EXPAND for _, target, _, _ in made)
        kept = sum(target != END_OF_TEXT for _, target, _, _ in made)
        assert len(body) == kept + expands
        assert expands <= 3, "more merges than there is slack to fill the canvas with"
        merges += expands
    assert merges > 0


def test_a_body_is_what_stands_deeper_than_its_head() -> None:
    """Fails if a body ends at a blank line, or runs on into the next block."""
    #        def f():   (blank)      a          (blank)    b          def g():
    lines = [(1, 5), (6, 8), (9, 9), (10, 12), (13, 15)]
    indents = [0, 4, 0, 4, 0]
    assert (6, 12) == indented_block(np.random.default_rng(0), lines, indents)


def test_holes_show_what_the_server_asks_for(sampler, tokenizer) -> None:
    """Fails if some kind of hole is never drawn: a hidden body of several lines, deletes, expands, a visible beginning."""
    batches = [sampler.batch(step, 256, 8, holes=True) for step in range(6)]
    hidden = [set(batch.targets[batch.weights > 0].tolist()) for batch in batches]
    assert any(EXPAND in tokens for tokens in hidden)
    assert any(END_OF_TEXT in tokens for tokens in hidden)
    line_end = tokenizer.encode("\n    ")[0]
    assert any(line_end in tokens for tokens in hidden)
