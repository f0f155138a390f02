"""Pace: growth in vain ends, rows that go one by one go together, and nothing else changes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dlm_lsp.sampling.canvas import Canvas, Move, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.pace import MAX_UNWRITTEN, Pace
from dlm_lsp.sampling.samplers.threshold import Threshold
from tests.sampling.test_length import TRAINED, UNTRAINED, D, E, M

RNG = torch.Generator()


def logits_of(picks: Sequence[int], second: int = 3, how_sure: Sequence[float] = ()) -> Tensor:  # [H, 24]
    """Say a token per row, how sure it is, and what comes next if that is forbidden."""
    logits = torch.zeros(len(picks), 24)
    logits[torch.arange(len(picks)), torch.tensor(picks)] = torch.tensor(
        how_sure or [9.0] * len(picks), dtype=torch.float32
    )
    logits[:, second] += 4.0
    return logits


def decide(
    canvas: Canvas,
    picks: Sequence[int],
    start: Canvas | None = None,
    vocabulary=TRAINED,
    how_sure: Sequence[float] = (),
) -> Move:
    """Ask a pace around a rule that commits one row at a time."""
    return Pace(Threshold(1.1), start or canvas, vocabulary)(later(canvas), logits_of(picks, how_sure=how_sure), RNG)


def later(canvas: Canvas) -> Canvas:
    """Give the canvas as if it was not looked at for the first time."""
    return replace(canvas, step=canvas.step + 1)


def said(move: Move) -> list[int | None]:
    """List what is committed, row by row."""
    return [int(token) if commit else None for token, commit in zip(move.tokens, move.commit, strict=True)]


@pytest.mark.parametrize(
    ("picks", "how_sure", "expected"),
    [
        ([D, D, D], [7, 8, 9], [D, D, D]),
        ([1, D, D, D], [7, 6, 8, 9], [None, None, D, D]),
        ([1, D, D, D], [7, 8, 9, 6], [None, None, D, D]),
        ([D, 1, D], [9, 7, 8], [D, D, None]),
        ([1, D, D], [9, 9, 9], [1, None, None]),
        ([D, D, 1], [9, 9, 9], [D, None, None]),
        ([D], [9], [D]),
    ],
)
def test_rows_that_would_go_one_by_one_go_together(picks, how_sure, expected):
    """Fails if a hole that starts too long costs a call a row, or a row goes before a token that the model is surer of."""
    move = decide(join([[7], [8]], [len(picks)], [0], M), picks, how_sure=how_sure)
    assert [None, *expected, None] == said(move)


@pytest.mark.parametrize(
    ("picks", "how_sure", "expected"),
    [
        ([D, D, 1], [9, 10, 8], [D, D, 1]),
        ([D, 1, D], [8, 8, 9], [D, 1, D]),
        ([D, D, D, 1, 1], [9, 10, 9, 2, 2], [D, D, D, None, None]),
        ([1, D, 1, D, D], [2, 10, 2, 9, 2], [None, D, D, None, None]),
    ],
)
def test_what_a_rule_writes_in_the_same_step_stays(picks, how_sure, expected):
    """Fails if a row goes into which a token is being written, or more rows go than the model is sure of."""
    canvas = join([[7], [8]], [len(picks)], [0], M)
    move = Pace(Threshold(0.9), canvas, TRAINED)(later(canvas), logits_of(picks, how_sure=how_sure), RNG)
    assert [None, *expected, None] == said(move)


def test_the_first_row_stays_where_it_may_not_go():
    """Fails if the row that repeats what the user typed is taken for one of those that go."""
    canvas = join([[7], [8]], [3], [0], M)
    logits = logits_of([3, D, D], how_sure=[1, 8, 9])
    logits[0, D] = -torch.inf
    assert [None, None, D, D, None] == said(Pace(Threshold(1.1), canvas, TRAINED)(later(canvas), logits, RNG))


def test_a_row_that_is_decided_does_not_go_with_its_neighbour():
    """Committed text would vanish."""
    canvas = join([[], []], [3], [0], M)
    canvas = Canvas(torch.tensor([M, 5, M]), canvas.hole_of, canvas.budget, M)
    assert [D, None, None] == said(decide(canvas, [D, D, D]))


def test_each_hole_shrinks_by_itself():
    """Rows of one hole would go because another one's first row goes."""
    canvas = join([[], [], []], [2, 3], [0, 0], M)
    move = Pace(Threshold(0.5), canvas, TRAINED)(later(canvas), logits_of([1, D, D, D, 2]), RNG)
    assert [1, D, D, D, 2] == said(move)
    assert [1, None, None, None, None] == said(decide(canvas, [1, D, D, D, 2]))


def test_a_hole_that_gained_and_lost_grows_no_more():
    """A model that is unsure of the length would add and drop rows until all of the budget is spent."""
    start = join([[], []], [4], [8], M)
    for gained, lost, grows in ((1, 1, True), (2, 1, True), (2, 2, False), (3, 2, False), (0, 3, True)):
        now = join([[], []], [4 + gained - lost], [8 - gained], M)
        move = decide(now, [E] * (4 + gained - lost), start)
        assert grows == (E in said(move)), (gained, lost)


def test_a_hole_grows_only_so_far_before_anything_is_written():
    """Growing to the end of the budget and shrinking again costs two calls a row."""
    start = join([[], []], [1], [64], M)
    now = join([[], []], [1 + MAX_UNWRITTEN], [64 - MAX_UNWRITTEN], M)
    assert E not in said(decide(now, [E] * (1 + MAX_UNWRITTEN), start))
    tokens = now.tokens.clone()
    tokens[0] = 5
    written = Canvas(tokens, now.hole_of, now.budget, M)
    assert E in said(decide(written, [E] * (1 + MAX_UNWRITTEN), start))


def test_a_checkpoint_without_such_tokens_is_left_alone():
    """Ids of None would select columns."""
    canvas = join([[], []], [3], [0], M)
    assert [D, None, None] == said(decide(canvas, [D, D, D], vocabulary=UNTRAINED))


@pytest.mark.parametrize(
    ("picks", "how_sure", "expected"),
    [
        ([1, 2, D, D], [9, 9, 9, 9], [1, 2, D, D]),
        ([1, 2, D, D], [9, 3, 9, 9], [1, None, D, D]),
        ([1, 2, 5, D], [9, 9, 9, 1], [1, 2, 5, None]),
        ([D, D, D], [9, 9, 9], [3, D, D]),
        ([1, E, D, D], [9, 9, 9, 9], [1, None, D, D]),
    ],
)
def test_the_first_look_takes_all_rows_away_that_are_too_many(picks, how_sure, expected):
    """Fails if a hole comes to its length a call a row, or loses rows in which the model writes or wants to grow."""
    canvas = join([[7], [8]], [len(picks)], [8], M)
    move = Pace(Threshold(0.9), canvas, TRAINED)(canvas, logits_of(picks, how_sure=how_sure), RNG)
    assert [None, *expected, None] == said(move)


def test_a_hole_that_is_there_for_its_length_keeps_it_at_the_first_look():
    """Fails if lanes that differ only in length come to the same one."""
    canvas = join([[7], [8]], [4], [8], M)
    move = Pace(Threshold(0.9), canvas, TRAINED, cuts=False)(
        canvas, logits_of([1, 2, D, D], how_sure=[9, 9, 5, 3]), RNG
    )
    assert [None, 1, 2, None, None, None] == said(move)


@pytest.mark.parametrize(("chance", "gone"), [(0.05, 0), (0.1, 3)])
def test_a_delete_is_likelier_than_the_model_says(chance, gone):
    """Fails if the odds of a delete are taken as they are, though all deletes of a hole weighed as one token in training."""
    canvas = join([[7], [8]], [4], [0], M)
    chances = torch.full((4, 24), 1e-6)
    chances[:, 1], chances[1:, D] = 0.8, chance
    move = Pace(Threshold(1.1), canvas, TRAINED)(canvas, chances.log(), RNG)
    assert [None, 1, *[None] * (3 - gone), *[D] * gone, None] == said(move)


def test_a_hole_with_something_in_it_is_not_cut_at_first_look():
    """A repair would take away rows beside the text that it has kept."""
    canvas = join([[], []], [4], [0], M)
    canvas = Canvas(torch.tensor([M, 5, M, M]), canvas.hole_of, canvas.budget, M)
    assert [1, None, None, None] == said(
        Pace(Threshold(1.1), canvas, TRAINED)(canvas, logits_of([1, 5, D, D], how_sure=[9, 9, 5, 5]), RNG)
    )


class Undecided:
    """Wants to grow while the hole is short, and to shrink while it is long."""

    vocabulary = TRAINED

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, views):
        self.calls += 1
        return [logits_of([E if len(view.rows) < 6 else D] * len(view.rows)) for view in views]


def test_a_model_that_cannot_decide_on_a_length_comes_to_an_end_soon():
    """The budget of 58 rows would be spent first: 120 calls for six tokens."""
    canvas = join([[7], [8]], [5], [58], M)
    model = Undecided()
    pace = Pace(Threshold(0.9), canvas, TRAINED)
    last = list(denoise([canvas], model, [pace], [RNG]))[-1][0]
    assert last.done
    assert model.calls < 20
