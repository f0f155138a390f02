"""Canvas.apply: the only place that inserts and deletes."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.sampling.canvas import CONTEXT, Canvas, Move, join

MASK = 9


@st.composite
def canvases(draw: st.DrawFn) -> Canvas:
    """Up to three holes, some of their rows decided; masks in the context, too."""
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
    parts = draw(
        st.lists(st.lists(st.integers(0, MASK), max_size=3), min_size=len(lengths) + 1, max_size=len(lengths) + 1)
    )
    canvas = join(parts, lengths, draw(st.lists(st.integers(0, 2), min_size=len(lengths), max_size=len(lengths))), MASK)
    decided = draw(st.lists(st.booleans(), min_size=len(canvas.rows), max_size=len(canvas.rows)))
    chosen = torch.tensor(decided, dtype=torch.bool)
    if not decided:
        return canvas
    return canvas.apply(canvas.commit(chosen, torch.full((len(chosen),), 3), torch.full((len(chosen),), 0.5)))


@st.composite
def moves(draw: st.DrawFn) -> tuple[Canvas, Move]:
    """A canvas and any move that is allowed on it."""
    canvas = draw(canvases())
    size = len(canvas.tokens)
    commit, revoke, grow, drop = (torch.zeros(size, dtype=torch.bool) for _ in range(4))
    for hole, left in enumerate(canvas.budget):
        rows = (canvas.hole_of == hole).nonzero().flatten().tolist()
        free = [row for row in rows if canvas.masked[row]]
        kind = draw(st.sampled_from(["none", "grow", "drop"]))
        if kind == "grow" and free and left:
            grow[draw(st.sampled_from(free))] = True
        elif kind == "drop" and rows:
            start = draw(st.integers(0, len(rows) - 1))
            drop[rows[start : start + draw(st.integers(1, 3))]] = True
        for row in rows:
            if grow[row] or drop[row]:
                continue
            if canvas.masked[row]:
                commit[row] = draw(st.booleans())
            else:
                revoke[row] = draw(st.booleans())
                commit[row] = revoke[row] and draw(st.booleans())
    return canvas, Move(
        commit, torch.full((size,), 7), torch.full((size,), 0.25), revoke, grow, drop, memory=canvas.remember().next()
    )


@given(moves())
def test_names_go_along_with_their_rows(case):
    """Fails if a row gets the name of another one where holes grow and shrink, or two rows have the same."""
    canvas, move = case
    after = canvas.apply(move)
    names = after.names.tolist()
    assert len(names) == len(set(names)) == len(after.tokens)
    kept = canvas.names[~move.drop].tolist()
    assert kept == [name for name in names if name in kept], "no name is lost, and their order stays"
    for place, name in enumerate(canvas.names.tolist()):
        if name in kept and not (move.commit | move.revoke)[place]:
            assert canvas.tokens[place] == after.tokens[names.index(name)]


def test_names_are_not_given_twice():
    """Fails if what grows gets the name of a row that has gone, so that a trace would take one for the other."""
    canvas = join([[1], [2]], [2], [3], MASK)
    given = set(canvas.names.tolist())
    for _ in range(3):
        grow = torch.zeros(len(canvas.tokens), dtype=torch.bool)
        grow[2] = True
        nothing = torch.zeros_like(grow)
        grown = canvas.apply(Move(nothing, canvas.tokens, canvas.confidence, grow=grow))
        fresh = set(grown.names.tolist()) - set(canvas.names.tolist())
        assert 1 == len(fresh - given), "one row is new, under a name that none had before"
        given |= fresh
        drop = torch.zeros(len(grown.tokens), dtype=torch.bool)
        drop[3] = True
        nothing = torch.zeros_like(drop)
        canvas = grown.apply(Move(nothing, grown.tokens, grown.confidence, drop=drop))


@given(moves())
def test_apply(case):
    """Fails if a context row changes or moves, a length or a budget is counted wrongly, or a value lands on another row."""
    canvas, move = case
    before = canvas.tokens.clone()
    after = canvas.apply(move)
    assert before.tolist() == canvas.tokens.tolist()
    assert canvas.tokens[~canvas.holes].tolist() == after.tokens[~after.holes].tolist()
    assert len(canvas.tokens) + int(move.grow.sum()) - int(move.drop.sum()) == len(after.tokens)
    assert len(after.tokens) == len(after.hole_of) == len(after.confidence)
    expected = []
    for row, token in enumerate(canvas.tokens.tolist()):
        token = 7 if move.commit[row] else MASK if move.revoke[row] else token  # noqa: PLW2901
        sure = 0.25 if move.commit[row] else 0.0 if move.revoke[row] else float(canvas.confidence[row])
        copies = 2 if move.grow[row] else 0 if move.drop[row] else 1
        expected += [(int(canvas.hole_of[row]), token, sure)] * copies
    assert expected == list(zip(after.hole_of.tolist(), after.tokens.tolist(), after.confidence.tolist(), strict=True))
    for hole, left in enumerate(canvas.budget):
        assert left - int(move.grow[canvas.hole_of == hole].sum()) == after.budget[hole]
    assert canvas.step + 1 == after.step
    assert after.memory is not None
    assert (1, len(after.rows)) == (after.memory.step, len(after.memory.own))


@given(moves())
def test_what_is_read_off_a_canvas_is_true_after_every_move(case):
    """Fails if what was read off holes before they grew or shrank is kept, or numbers say something else than tensors."""
    canvas, move = case
    for now in (canvas, canvas.apply(move)):
        rows = [row for row, hole in enumerate(now.hole_of.tolist()) if hole != CONTEXT]
        masked = [row for row in rows if now.tokens[row] == MASK]
        assert rows == now.rows.tolist() == now.holes.nonzero().flatten().tolist()
        assert masked == now.masked_rows == now.masked.nonzero().flatten().tolist()
        assert [row in masked for row in rows] == now.undecided.tolist()
        assert now.tokens[rows].tolist() == now.ids
        assert (len(masked), not masked) == (now.masks, now.done)
        for hole in range(len(now.budget)):
            mine = (now.hole_of == hole).nonzero().flatten().tolist()
            assert mine == now.places.by_hole[hole] == now.rows[now.places.of_hole[hole]].tolist()
            assert now.tokens[mine].tolist() == now.hole_tokens(hole)


def test_places_are_read_anew_from_other_holes():
    """Fails if a canvas made from another one goes by the holes of that one, or one without growth looks for them again."""
    canvas = join([[1, 2], [5], [6]], [3, 1], [1, 0], MASK)
    fewer = replace(canvas, hole_of=torch.where(canvas.hole_of == 1, CONTEXT, canvas.hole_of))
    assert [2, 3, 4] == fewer.rows.tolist()
    written = canvas.apply(canvas.commit(torch.tensor([True, False, False, False]), torch.full((4,), 3), torch.ones(4)))
    assert canvas.places is written.places


def test_what_a_move_writes():
    """Fails if rows that are left alone count as written, or a token is told of another row."""
    canvas = join([[1, 2], [5], [6]], [3, 1], [1, 0], MASK)
    some = torch.tensor([4, 6])
    move = canvas.commit(torch.tensor([False, True]), torch.tensor([7, 8]), torch.tensor([0.5, 0.25]), some)
    assert {6: 8} == move.written
    assert (0.25, [6]) == (float(move.confidence[6]), move.commit.nonzero().flatten().tolist())


def move_on(canvas: Canvas, **marks: list[int]) -> Move:
    """A move with the given rows marked."""
    empty = torch.zeros(len(canvas.tokens), dtype=torch.bool)
    rows = {
        name: empty.index_fill(0, torch.tensor(places, dtype=torch.int64), value=True) for name, places in marks.items()
    }
    return Move(rows.pop("commit", empty), canvas.tokens, canvas.confidence, **rows)


@pytest.mark.parametrize(
    ("marks", "complaint"),
    [
        ({"commit": [0]}, "around the holes"),
        ({"revoke": [7]}, "around the holes"),
        ({"grow": [3], "commit": [3]}, "committed and grown"),
        ({"grow": [2]}, "only masks grow"),
        ({"commit": [2]}, "was not revoked"),
        ({"grow": [3, 4]}, "more growth"),
        ({"grow": [6]}, "more growth"),
        ({"grow": [3], "drop": [4]}, "grows and shrinks"),
        ({"drop": [2, 4]}, "not one run"),
    ],
)
def test_apply_refuses(marks, complaint):
    """Fails if a sampler's mistake is carried out: rows 2-4 are hole 0 (2 decided, budget 1), row 6 is hole 1 (budget 0)."""
    canvas = join([[1, 2], [5], [6]], [3, 1], [1, 0], MASK)
    canvas = canvas.apply(canvas.commit(torch.tensor([True, False, False, False]), torch.full((4,), 3), torch.ones(4)))
    with pytest.raises(AssertionError, match=complaint):
        canvas.apply(move_on(canvas, **marks))


def test_join():
    """Fails if parts, holes or their numbers are laid in another order, or a mask of the user's text counts as a hole."""
    canvas = join([[1, MASK], [2], []], [1, 2], [0, 3], MASK)
    assert [1, MASK, MASK, 2, MASK, MASK] == canvas.tokens.tolist()
    assert [CONTEXT, CONTEXT, 0, CONTEXT, 1, 1] == canvas.hole_of.tolist()
    assert [False, False, True, False, True, True] == canvas.masked.tolist()
    assert [2, 4, 5] == canvas.rows.tolist()
    assert [MASK, MASK] == canvas.hole_tokens(1)
    assert not canvas.done
    assert join([[MASK], [1]], [0], [0], MASK).done


def test_memory_follows_its_rows():
    """Fails if what is remembered of a row is found at another one after its hole grew or shrank."""
    canvas = join([[1], [2], [3]], [2, 2], [1, 0], MASK)
    memory = canvas.remember().next(rows={"name": torch.tensor([10, 11, 12, 13])}, numbers={"n": 1.0})
    grow, drop = (torch.zeros(7, dtype=torch.bool) for _ in range(2))
    grow[1] = drop[5] = True
    nothing = torch.zeros(7, dtype=torch.bool)
    now = canvas.apply(Move(nothing, canvas.tokens, torch.zeros(7), grow=grow, drop=drop, memory=memory))
    assert [10, 10, 11, 12] == now.remember().rows["name"].tolist()
    assert (4, 1, {"n": 1.0}) == (now.remember().start, now.remember().step, now.remember().numbers)


def test_memory_begins_with_what_is_masked():
    """Fails if a rule could take back rows that were decided before its decode began."""
    canvas = join([[1], [2]], [3], [0], MASK)
    canvas = canvas.apply(canvas.commit(torch.tensor([True, False, False]), torch.full((3,), 5), torch.ones(3)))
    assert [False, True, True] == canvas.remember().own.tolist()
    assert 0 == canvas.remember().step
