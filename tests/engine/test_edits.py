"""Edits touch what they name and nothing else, also when the document has changed meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.engine.edits import Edit, apply, rebase, split
from dlm_lsp.values import Span

TEXTS = st.text(alphabet="ab\r\n\t😀\x0c", max_size=30)


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    """Draw a text with edits that are in order and apart."""
    text = draw(TEXTS)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = [Span(*places[n : n + 2]) for n in range(0, len(places) - 1, 2)]
    return text, [Edit(span, draw(TEXTS)) for span in spans]


@given(edited())
def test_text_outside_of_edits_stays(case: tuple[str, list[Edit]]) -> None:
    """Fails if an edit changes a character that it does not name."""
    text, changes = case
    after = apply(text, changes)
    pieces = split(text, [each.span for each in changes])
    assert text == apply(after, _back(text, changes))
    assert len(after) == sum(map(len, pieces)) + sum(len(each.text) for each in changes)
    assert after.startswith(pieces[0])
    assert after.endswith(pieces[-1])


def _back(text: str, changes: list[Edit]) -> list[Edit]:
    """Give the edits that undo edits."""
    undo, shift = [], 0
    for each in changes:
        start = each.span.start + shift
        undo.append(Edit(Span(start, start + len(each.text)), text[each.span.start : each.span.end]))
        shift += len(each.text) - (each.span.end - each.span.start)
    return undo


@given(edited(), TEXTS, st.booleans())
def test_edits_move_with_a_change_elsewhere(case: tuple[str, list[Edit]], typed: str, before: bool) -> None:
    """Fails if typing before or behind all edits sends them to wrong places."""
    text, changes = case
    now = typed + text if before else text + typed
    moved = rebase(changes, text, now)
    if moved is not None:
        assert [text[each.span.start : each.span.end] for each in changes] == [
            now[each.span.start : each.span.end] for each in moved
        ]
        assert [each.text for each in changes] == [each.text for each in moved]


@given(TEXTS, TEXTS)
def test_a_change_is_as_small_as_it_can_be(before: str, now: str) -> None:
    """Fails if characters that stayed count as changed: an edit that touches them is given up."""
    first = next((at for at, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
    for at in range(len(before)):
        moved = rebase([Edit(Span(at, at + 1), "")], before, now)
        behind = before[at:] == now[len(now) - len(before) + at :] and len(now) - len(before) + at >= first
        assert (at < first or behind) == (moved is not None)


def test_what_a_change_touches_is_not_moved() -> None:
    """Fails if an edit is made in text that has become another, or one that is far from the change is given up."""
    text = "one two three"
    changes = [Edit(Span(4, 7), "2")]
    assert changes == rebase(changes, text, text)
    assert [Edit(Span(6, 9), "2")] == rebase(changes, text, "> one two three")
    assert changes == rebase(changes, text, "one two three!")
    assert rebase(changes, text, "one to three") is None
    assert rebase(changes, text, "one twoo three") == changes
    assert rebase(changes, text, "") is None
    assert rebase(changes, text, "0ne two thr33") is None
