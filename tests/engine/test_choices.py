"""The answers to one action: which one stands, which one comes next."""

import pytest

from dlm_lsp.engine.actions import Action
from dlm_lsp.engine.canvases import Canvas
from dlm_lsp.engine.choices import Choices
from dlm_lsp.engine.edits import apply
from dlm_lsp.engine.gaps import Gap
from dlm_lsp.settings import Settings
from dlm_lsp.values import Snapshot, Span

TEXT = "a = 1\nb = 2\nc = 3\n"
WAYS = [("1", "2"), ("one", "2"), ("1", "two"), ("eins", "zwei")]
DOCUMENTS = [
    "a = 1\nb = 2\nc = 3\n",
    "a = one\nb = 2\nc = 3\n",
    "a = 1\nb = two\nc = 3\n",
    "a = eins\nb = zwei\nc = 3\n",
]


@pytest.fixture
def choices() -> Choices:
    """Give three ways to fill two gaps; the first was given for version 1."""
    canvas = Canvas(Snapshot("file:///a.py", "python", 1, TEXT, 0), (Gap(Span(4, 5)), Gap(Span(10, 11))))
    return Choices(Action.REGENERATE, Settings(), canvas, list(WAYS), seed=0, version=1)


def test_what_stands_there(choices: Choices) -> None:
    """Fails if a document is taken for a way that it does not have."""
    assert DOCUMENTS == choices.documents()
    assert [0, 1, 2, 3] == [choices.standing(text) for text in DOCUMENTS]
    assert choices.standing(TEXT + "d = 4\n") is None
    assert choices.standing("a = x\nb = 2\nc = 3\n") is None


@pytest.mark.parametrize("standing", range(4))
@pytest.mark.parametrize("wanted", range(4))
def test_from_every_way_to_every_other(choices: Choices, standing: int, wanted: int) -> None:
    """Fails if a change is made at places that the document has no more."""
    assert DOCUMENTS[wanted] == apply(DOCUMENTS[standing], choices.change(standing, wanted))


def next_document(choices: Choices, text: str, version: int) -> str | None:
    """Give the document with the next way."""
    standing = choices.standing(text)
    changes = choices.next_way(text, version, choices.spans(standing))
    return None if changes is None else apply(text, changes)


def test_the_next_way(choices: Choices) -> None:
    """Fails if a way comes twice, is left out, or is used up by being shown."""
    assert DOCUMENTS[1] == next_document(choices, TEXT, 1)
    assert DOCUMENTS[1] == next_document(choices, TEXT, 1)
    assert DOCUMENTS[2] == next_document(choices, DOCUMENTS[1], 2)
    assert DOCUMENTS[3] == next_document(choices, TEXT, 4)  # undone
    assert next_document(choices, DOCUMENTS[3], 5) is None


def test_a_way_that_was_chosen_from_the_list(choices: Choices) -> None:
    """Fails if the next way is the one that stands there."""
    assert DOCUMENTS[3] == next_document(choices, DOCUMENTS[2], 2)


def test_another_place(choices: Choices) -> None:
    """Fails if an answer for one place is given at another."""
    assert choices.next_way(TEXT, 2, [Span(4, 5)]) is None
    assert choices.next_way(TEXT, 2, [Span(4, 5), Span(16, 17)]) is None
    assert choices.next_way(TEXT + "\n", 2, [Span(4, 5), Span(10, 11)]) is None
