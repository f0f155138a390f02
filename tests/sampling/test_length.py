"""Expand and delete tokens: what they do to a canvas, one decision at a time."""

import pytest
import torch

from dlm_lsp.models.denoiser import Vocabulary
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.length import bound_length, resize
from tests.sampling.tiny import DELETE, EXPAND, MASK

E, D, M = EXPAND, DELETE, MASK
FORBIDDEN = torch.zeros(24, dtype=torch.bool)
TRAINED = Vocabulary(24, MASK, FORBIDDEN, EXPAND, DELETE)
UNTRAINED = Vocabulary(24, MASK, FORBIDDEN)


def decide(canvas: Canvas, picks: list[int | None], confidence: list[float] | None = None, min_rows: int = 1) -> Canvas:
    """Commit a token per hole row (None: leave it) and let the structural ones act."""
    tokens = torch.tensor([0 if pick is None else pick for pick in picks])
    sure = torch.tensor(confidence or [0.9] * len(picks))
    move = canvas.commit(torch.tensor([pick is not None for pick in picks]), tokens, sure)
    return canvas.apply(resize(canvas, move, TRAINED, min_rows))


@pytest.mark.parametrize(
    ("picks", "expected"),
    [
        ([E, 1, 2], [M, M, 1, 2]),
        ([1, 2, E], [1, 2, M, M]),
        ([E, None, E], [M, M, M, M]),
        ([D, 1, 2], [1, 2]),
        ([1, D, 2], [1, 2]),
        ([1, 2, D], [1, 2]),
        ([1, D, D], [1]),
        ([D, 1, D], [1, M]),
        ([D, E, 1], [M, 1]),
        ([1, None, 2], [1, M, 2]),
    ],
)
def test_one_change_per_hole(picks, expected):
    """Fails if growth or shrinkage hits another row, if a second change happens, or if an ordinary commit is lost."""
    canvas = join([[7], [8]], [3], [4], MASK)
    after = decide(canvas, picks)
    assert [7, *expected, 8] == after.tokens.tolist()
    assert 4 - (len(expected) > 3) == after.budget[0]


@pytest.mark.parametrize(
    ("picks", "confidence", "expected"),
    [
        ([E, D, 1], [0.5, 0.6, 0.1], [M, 1]),
        ([E, D, 1], [0.6, 0.5, 0.1], [M, M, M, 1]),
        ([D, 1, D], [0.5, 0.1, 0.6], [M, 1]),
        ([D, D, 1, D], [0.5, 0.9, 0.1, 0.6], [1, M]),
    ],
)
def test_the_most_confident_counts(picks, confidence, expected):
    """Fails if the change is chosen by place although the model is surer of another."""
    assert [7, *expected] == decide(join([[7], []], [len(picks)], [4], MASK), picks, confidence).tokens.tolist()


def test_holes_change_each_for_itself():
    """Fails if only one hole may change, or a run of deletes reaches from one hole into the next."""
    canvas = join([[7], [], [8]], [2, 2], [1, 1], MASK)
    after = decide(canvas, [1, D, D, E], [0.9, 0.9, 0.5, 0.6])
    assert [7, 1, M, M, M, 8] == after.tokens.tolist()
    assert [-1, 0, 1, 1, 1, -1] == after.hole_of.tolist()
    assert (1, 0) == after.budget


@pytest.mark.parametrize(("min_rows", "left"), [(0, []), (1, [M]), (2, [M, M])])
def test_a_run_leaves_the_least_rows(min_rows, left):
    """Fails if a run of deletes takes more rows than the hole may lose, or not all it may."""
    assert [7, *left, 8] == decide(join([[7], [8]], [4], [0], MASK), [D] * 4, min_rows=min_rows).tokens.tolist()


def test_rows_that_stay_are_the_left_ones():
    """Fails if the first row goes first: it may be bound to the typed characters."""
    canvas = join([[7], []], [3], [0], MASK)
    after = canvas.apply(
        resize(canvas, canvas.commit(torch.ones(3, dtype=torch.bool), torch.full((3,), D), torch.ones(3)), TRAINED, 1)
    )
    assert [7, M] == after.tokens.tolist()


def test_nothing_happens_without_training():
    """Fails if ids of a checkpoint that never learned to expand or delete are taken for structural."""
    canvas = join([[7], []], [2], [1], MASK)
    move = canvas.commit(torch.tensor([True, True]), torch.tensor([E, D]), torch.ones(2))
    assert resize(canvas, move, UNTRAINED, 1) is move
    logits = torch.zeros(2, 24)
    bound_length(canvas, logits, UNTRAINED, 4)
    assert torch.equal(torch.zeros(2, 24), logits)


def test_bounds_are_in_the_logits():
    """Fails if expand is offered without budget, delete at the least length, or an ordinary column changes."""
    canvas = join([[7], [8], []], [2, 1], [0, 3], MASK)
    before = torch.arange(72.0).reshape(3, 24)
    for least, forbidden in ((1, [(0, E), (1, E), (2, D)]), (0, [(0, E), (1, E)])):
        bounded = before.clone()
        bound_length(canvas, bounded, TRAINED, least)
        assert forbidden == [(row, column) for row, column in (bounded != before).nonzero().tolist()]
        assert all(bounded[row, column] == -torch.inf for row, column in forbidden)
