"""The truth, written in a sampler's order: which rows, with which probabilities, and never twice."""

import itertools
import math

import torch

from dlm_lsp.models.denoiser import View
from dlm_lsp.sampling.canvas import Canvas, Move, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.forced import Forced
from dlm_lsp.sampling.samplers.threshold import Threshold
from tests.sampling.tiny import MASK, rng, tiny_denoiser

TRUTH = torch.tensor([3, 7, 11, 2])


MODEL = tiny_denoiser(structural=False)


def decode(sampler: object) -> list[Canvas]:
    """Write the truth between two tokens of context."""
    canvas = join(([1], [5]), [4], [0], MASK)
    return [canvas, *(now for (now,) in denoise([canvas], MODEL, [sampler], [rng()]))]


def test_the_truth_is_written_with_its_own_probabilities() -> None:
    """Fails if the model's choice is written, its probability counts as the truth's, or the order is not the sampler's."""
    states = decode(Forced(Threshold(threshold=2.0), TRUTH))
    assert 5 == len(states), "one token a step"
    assert [1, *TRUTH.tolist(), 5] == states[-1].tokens.tolist()
    for before, after in itertools.pairwise(states):
        (logits,) = MODEL.predict([View(before.tokens, before.rows)])
        chances = logits[:, :MASK].float().softmax(-1)  # of what a decode may commit
        best = int(torch.where(before.masked[1:5], chances.amax(-1), -1.0).argmax())
        assert [best + 1] == (before.tokens != after.tokens).nonzero().flatten().tolist()
        assert math.isclose(float(chances[best, TRUTH[best]]), float(after.confidence[best + 1]), rel_tol=1e-5)


def test_all_at_once_is_independent() -> None:
    """Fails if a token of a move is counted as if the others of that move were known."""
    start, end = decode(Forced(Threshold(threshold=0.0), TRUTH))
    (logits,) = MODEL.predict([View(start.tokens, start.rows)])
    chances = logits[:, :MASK].float().softmax(-1)
    expected = [float(chances[row, token]) for row, token in enumerate(TRUTH.tolist())]
    assert torch.allclose(torch.tensor(expected), end.confidence[1:5], rtol=1e-5)


def test_nothing_is_taken_back() -> None:
    """Fails if a rule that changes its mind counts a token twice, or never ends."""

    def restless(canvas: Canvas, _logits: torch.Tensor, _rng: torch.Generator) -> Move:
        memory = canvas.remember().next()
        masked = canvas.masked.nonzero().flatten()
        commit = torch.zeros_like(canvas.holes)
        if memory.step % 2:
            commit[masked[0]] = True  # in the other steps it only takes back
        return Move(
            commit=commit,
            tokens=canvas.tokens,
            confidence=canvas.confidence,
            revoke=canvas.holes & ~canvas.masked,
            memory=memory,
        )

    states = decode(Forced(restless, TRUTH))
    assert [4, 3, 3, 2, 2, 1, 1, 0] == [int(state.masked.sum()) for state in states]
    assert [1, *TRUTH.tolist(), 5] == states[-1].tokens.tolist()
