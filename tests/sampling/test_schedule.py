"""Plans in holes that grow, and which rows are the surest."""

from dataclasses import replace

import torch

from dlm_lsp.sampling.canvas import Canvas, Memory, join
from dlm_lsp.sampling.samplers.dream import Dream
from dlm_lsp.sampling.schedule import moment, remember, surest
from tests.sampling.walks import MASK, VOCAB

EVERY = torch.ones(5, dtype=torch.bool)


def test_steps_are_counted_but_for_those_of_growth():
    """Fails if a plan goes on while the hole grows or shrinks, or stands still while it does neither."""
    memory = Memory(EVERY[:3])
    assert 0 == moment(memory)
    memory = remember(memory, 0, {"block": 7})
    assert 1 == moment(memory)
    assert 7 == memory.numbers["block"]
    memory = remember(memory, 4)
    assert 4 == moment(memory.follow(torch.tensor([0, 1, 1, 2])))
    assert 4 == moment(memory.follow(torch.tensor([1, 2])))
    assert 5 == moment(memory.follow(torch.tensor([0, 1, 2])))
    assert 7 == memory.numbers["block"], "what a rule remembers beside it is lost"


def test_surest():
    """Fails if equals do not go to the leftmost, others than those asked about are chosen, or too few raise."""
    score = torch.tensor([0.5, 0.9, 0.5, -torch.inf, 0.9])
    assert [False, True, False, False, True] == surest(score, EVERY, 2).tolist()
    assert [True, True, False, False, True] == surest(score, EVERY, 3).tolist()
    among = torch.tensor([True, False, True, True, False])
    assert [True, False, False, False, False] == surest(score, among, 1).tolist()
    assert among.tolist() == surest(score, among, 9).tolist()
    assert not bool(surest(score, among, 0).any())


def grown(canvas: Canvas) -> Canvas:
    """The canvas after a step of a rule whose pick made the first mask two."""
    move = Dream()(canvas, torch.zeros(len(canvas.rows), VOCAB), torch.Generator())
    grow = torch.zeros_like(canvas.holes)
    grow[canvas.masked.nonzero()[0]] = True
    return canvas.apply(replace(move, commit=torch.zeros_like(grow), grow=grow))


def test_what_grew_is_not_written_in_one_step():
    """Fails if a hole that grew for as many steps as it had rows is at the end of its plan: all would be written at once, unseen."""
    canvas = join([[1], []], [3], [20], MASK)
    for _ in range(20):
        canvas = grown(canvas)
    counts = []
    while not canvas.done:
        move = Dream()(canvas, torch.zeros(len(canvas.rows), VOCAB), torch.Generator())
        counts.append(int(move.commit.sum()))
        canvas = canvas.apply(move)
    assert [*[1] * 21, 2] == counts
