"""Belief: logits become tokens and confidence."""

import math

import pytest
import torch

from dlm_lsp.sampling.belief import believe, draw, narrow, pick
from tests.sampling.tiny import rng


def test_greedy_takes_the_lowest_of_equals():
    """Fails if ties go to another id than the lowest, or the confidence is not the softmax's."""
    tokens, confidence = believe(torch.tensor([[1.0, 3.0, 3.0], [0.0, -torch.inf, -torch.inf]]), 0.0, rng())
    assert [1, 0] == tokens.tolist()
    assert torch.allclose(torch.tensor([math.exp(3) / (math.e + 2 * math.exp(3)), 1.0]), confidence)
    assert torch.float32 == confidence.dtype


def test_half_precision_is_widened():
    """Fails if the softmax is taken in the logits' own type: bfloat16 has no number between 0.996 and 1."""
    logits = torch.tensor([[7.0, 0.0]], dtype=torch.bfloat16)
    assert abs(1 / (1 + math.exp(-7)) - float(believe(logits, 0.0, rng())[1])) < 1e-6


def test_drawn_tokens_follow_the_distribution():
    """Fails if temperature multiplies instead of divides, or the cumulative distribution is read at the wrong edge."""
    logits = torch.tensor([0.0, 1.0, -torch.inf, 2.0]).expand(20_000, 4)
    tokens, confidence = believe(logits, 2.0, rng(3))
    share = torch.bincount(tokens, minlength=4) / len(tokens)
    assert torch.allclose((logits[0] / 2).softmax(-1), share, atol=0.015)
    assert torch.allclose(logits[0].softmax(-1)[tokens], confidence), "confidence is that of temperature 1"
    assert 0 == int(share[2])


def test_hardly_any_temperature_is_greedy():
    """Fails if a temperature near 0 overflows: then no number is left to draw from."""
    logits = torch.tensor([[1.0, 30.0, -torch.inf], [5.0, -20.0, 4.0]])
    assert [1, 0] == believe(logits, 1e-39, rng())[0].tolist()


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("rows", [[0], [2, 3, 8], list(range(9)), []])
def test_some_rows_are_believed_as_among_all(temperature: float, rows: list[int]):
    """Fails if a row's token, confidence or draw depends on which others are asked for, or the next draw does."""
    logits = torch.randn(9, 50, generator=rng(1)) * 3
    every, some = rng(5), rng(5)
    tokens, confidence = believe(logits, temperature, every)
    asked_tokens, asked = believe(logits, temperature, some, torch.tensor(rows, dtype=torch.int64))
    assert tokens[rows].tolist() == asked_tokens.tolist()
    assert confidence[rows].tolist() == asked.tolist()
    assert torch.equal(every.get_state(), some.get_state())


def test_draw_depends_on_the_seed_alone():
    """Fails if a draw uses the global generator or more than one number per row."""
    probabilities = torch.rand(50, 30, generator=rng(1))
    first = draw(probabilities, rng(7))
    assert first.tolist() == draw(probabilities, rng(7)).tolist()
    assert first.tolist() != draw(probabilities, rng(8)).tolist()
    assert first[:20].tolist() == draw(probabilities[:20], rng(7)).tolist()


def test_narrow_keeps_what_reaches_the_nucleus_and_the_likeliest():
    """Fails if the id that reaches top_p goes too, ids are cut that equal the last of top_k, or the cuts come in the other order."""
    shares = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]])
    logits = shares.log() + 5
    assert torch.allclose(shares, narrow(logits, 0.0, 1.0, 0))
    assert torch.allclose(shares, narrow(logits, 1.0, 1.0, 9))
    cut = narrow(logits, 0.0, 0.6, 0)
    assert torch.allclose(torch.tensor([[0, 4 / 7, 0, 3 / 7], [1 / 3, 1 / 3, 1 / 3, 0]]), cut)
    assert torch.allclose(torch.tensor([[0, 1.0, 0, 0], [0.25, 0.25, 0.25, 0.25]]), narrow(logits, 0.0, 1.0, 1))
    both = narrow(logits, 0.5, 0.99, 3)  # squares: 1, 16, 4, 9 of 30
    assert torch.allclose(torch.tensor([0, 16 / 29, 4 / 29, 9 / 29]), both[0])
    assert [0.0, 1.0, 0.0, 0.0] == narrow(logits, 1e-39, 0.5, 0)[0].tolist(), "a division overflows"


def test_pick_draws_only_where_it_is_warm():
    """Fails if temperature 0 draws, or a positive one takes the likeliest."""
    shares = torch.tensor([[0.4, 0.6]]).expand(100, 2)
    assert [1] * 100 == pick(shares, 0.0, rng()).tolist()
    assert 20 < pick(shares, 0.1, rng()).tolist().count(0) < 60
