"""From steps to a trace: which token is which, what happened to it and why, and the order that is left in the end."""

from dlm_lsp.analysis.arness import local_arness
from dlm_lsp.analysis.trace import Cell, Event, Trace, trace
from dlm_lsp.values import Slot, Step


def step(number: int, *slots: Slot, ms: float = 0.0) -> Step:
    """Make a step of one hole."""
    revoked = sum(bool(slot.taken_back) for slot in slots)
    return Step(1, number, (tuple(slot.text for slot in slots),), revoked, "denoise", ms=ms, slots=(slots,))


def drawn(traced: Trace, number: int) -> str:
    """Write a frame down: texts, _ for masks, with signs for what happened."""
    signs = {"": "", "committed": "+", "rewritten": "~", "taken back": "-", "grown": "*", "dropped": "x"}
    cells = traced.frames[number].cells.values()
    return " ".join(f"{signs[cell.event]}{cell.text or '_'}" for cell in cells)


def test_a_plain_decode() -> None:
    """Fails if commits are noticed in another step than theirs, or the order within a step is not by confidence."""
    traced = trace(
        [
            step(0, Slot(5, None), Slot(6, None), Slot(7, None)),
            step(1, Slot(5, None), Slot(6, "b", 0.9), Slot(7, None)),
            step(2, Slot(5, "a", 0.6), Slot(6, "b", 0.9), Slot(7, "c", 0.8)),
        ]
    )
    assert ["_ _ _", "_ +b _", "+a b +c"] == [drawn(traced, number) for number in range(3)]
    assert ("abc", (1, 2, 0)) == (traced.answer.text, traced.order)
    assert [1, 2, 2] == [commit.frame for commit in traced.commits]
    assert 0.5 == local_arness(traced.order, 1).value
    assert {"syntax": 0, "sampler": 0, "length": 0} == traced.lost()


def test_the_first_look_is_the_models() -> None:
    """Fails if a draft that was copied before the model was asked is shown as what the model thought at first."""
    before = step(0, Slot(5, None), Slot(6, None))
    draft = step(0, Slot(5, "a", 0.9), Slot(6, None))
    asked = step(1, Slot(5, "a", 0.9), Slot(6, None, guess="b", guess_share=0.3))
    later = step(2, Slot(5, "a", 0.9), Slot(6, "b", 0.7, guess="b", guess_share=0.7))
    assert ((2, 0.3),) == trace([before, draft, asked, later]).first_look
    assert () == trace([before, draft]).first_look


def test_a_token_is_followed_while_the_hole_grows_and_shrinks() -> None:
    """Fails if a token that moved is taken for another one, or a row that vanished still counts in the order."""
    traced = trace(
        [
            step(1, Slot(5, None), Slot(6, "b", 0.9), Slot(7, None)),
            step(2, Slot(5, None), Slot(-4, None), Slot(6, "b", 0.9), Slot(7, "c", 0.5)),
            step(3, Slot(5, "a", 0.8), Slot(-4, "z", 0.7), Slot(6, "b", 0.9)),
            step(4, Slot(5, "a", 0.8), Slot(-4, "z", 0.7), Slot(6, "b", 0.9), Slot(-5, None)),
            step(5, Slot(5, "a", 0.8), Slot(-4, "z", 0.7), Slot(6, "b", 0.9), Slot(-5, "d", 0.7)),
        ]
    )
    assert ["_ +b _", "_ *_ b +c", "+a +z b x_", "a z b *_", "a z b +d"] == [drawn(traced, n) for n in range(5)]
    assert ("azbd", (2, 0, 1, 3)) == (traced.answer.text, traced.order)
    assert 5 == len(traced.columns)
    assert Cell(None, event=Event.DROPPED, was="c", why="length") in traced.frames[2].cells.values()
    assert {"syntax": 0, "sampler": 0, "length": 1} == traced.lost()


def test_what_is_taken_back_has_its_reason_and_counts_when_it_came_for_good() -> None:
    """Fails if the sampler is blamed for what the parser did, or the order holds a commit that did not last."""
    traced = trace(
        [
            step(1, Slot(5, "a", 0.9), Slot(6, "(", 0.8), Slot(7, "c", 0.7)),
            step(2, Slot(5, "a", 0.9), Slot(6, None, taken_back="never closed"), Slot(7, None)),
            step(3, Slot(5, "x", 0.6), Slot(6, "b", 0.8), Slot(7, None)),
            step(4, Slot(5, "x", 0.6), Slot(6, "b", 0.8), Slot(7, "d", 0.7)),
        ]
    )
    assert ["+a +( +c", "a -_ -_", "~x +b _", "x b +d"] == [drawn(traced, number) for number in range(4)]
    assert ["syntax: never closed", "sampler"] == [
        cell.why for cell in traced.frames[1].having(Event.TAKEN_BACK).values()
    ]
    assert "a" == next(iter(traced.frames[2].having(Event.REWRITTEN).values())).was
    assert {"syntax": 1, "sampler": 2, "length": 0} == traced.lost()
    assert (1, 0, 2) == traced.order


def test_a_round_that_made_it_worse_is_given_up() -> None:
    """Fails if the repair of an earlier text is drawn as if the later one had been repaired, or its commits counted."""
    traced = trace(
        [
            step(1, Slot(5, None), Slot(6, "b", 0.9)),
            step(2, Slot(5, "(", 0.9), Slot(6, "b", 0.9)),
            step(2, Slot(5, None, taken_back="never closed"), Slot(6, "b", 0.9)),
            step(3, Slot(5, None), Slot(-3, "q", 0.5), Slot(6, "b", 0.9)),
            step(4, Slot(5, "]", 0.9), Slot(-3, "q", 0.5), Slot(6, "b", 0.9)),
            step(4, Slot(5, None, taken_back="never closed"), Slot(6, None, taken_back="unsure")),
            step(5, Slot(5, None), Slot(-3, None), Slot(6, None)),
            step(6, Slot(5, "a", 0.9), Slot(-3, "r", 0.4), Slot(6, "c", 0.3)),
        ]
    )
    assert [-1, 0, 1, 2, 3, 1, 5, 6] == [frame.parent for frame in traced.frames]
    assert "-_ -_" == drawn(traced, 5)
    assert "_ *_ _" == drawn(traced, 6), "a name of the text that was given up is a new place"
    assert 4 == len(traced.columns)
    assert (0, 1, 2) == traced.order


def test_the_answer_may_be_an_earlier_text() -> None:
    """Fails if the order is that of a repair whose result was thrown away."""
    steps = [
        step(1, Slot(5, "a", 0.5), Slot(6, "b", 0.9)),
        step(1, Slot(5, "a", 0.5), Slot(6, None, taken_back="unsure")),
        step(2, Slot(5, "a", 0.5), Slot(6, "c", 0.1)),
    ]
    assert (0, (1, 0)) == ((kept := trace(steps, "ab")).last, kept.order)
    assert (2, (0, 1)) == ((kept := trace(steps, "ac")).last, kept.order)
    assert 2 == trace(steps, "nothing of the kind").last


def test_masks_that_are_left_are_no_commits() -> None:
    """Fails if a decode that was cut short counts what it never wrote, or what it had taken back."""
    traced = trace(
        [
            step(1, Slot(5, "a", 0.5), Slot(6, "b", 0.9), Slot(7, None)),
            step(2, Slot(5, None), Slot(6, "b", 0.9), Slot(7, None)),
        ]
    )
    assert ((1,), 2) == (traced.order, traced.answer.masked)
