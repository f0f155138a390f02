"""What is read from a client: exactly what it says, or nothing."""

import pytest
from cattrs.errors import ClassValidationError
from lsprotocol import types

from dlm_lsp.lsp.messages import FillParams, ItemParams, LastAnswerParams, SwitchModelParams, make_converter

DOCUMENT, PLACE = {"uri": "file:///a.py"}, {"line": 1, "character": 2}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"answer": "1"}, ItemParams),
        ({"answer": True}, ItemParams),
        ({"answer": 1.5}, ItemParams),
        ({}, ItemParams),
        ({"model": None}, SwitchModelParams),
        ({"model": 5}, SwitchModelParams),
        ({"textDocument": {"uri": 5}}, LastAnswerParams),
        ({"textDocument": DOCUMENT}, FillParams),
        ({"textDocument": DOCUMENT, "position": PLACE, "watchToken": []}, FillParams),
        ({"line": "1", "character": 0}, types.Position),
        ({"line": False, "character": 0}, types.Position),
        ({"textDocument": DOCUMENT, "position": PLACE, "context": {"triggerKind": "1"}}, types.InlineCompletionParams),
    ],
    ids=str,
)
def test_nothing_is_turned_into_something_else(value: dict, kind: type) -> None:
    """Fails if a number is taken for a text or the other way round, as cattrs does, and a wrong message is carried out."""
    with pytest.raises(ClassValidationError):
        make_converter().structure(value, kind)


def test_our_params_are_read_under_their_names_in_the_protocol() -> None:
    """Fails if a name of ours is looked for as Python writes it, or what may be left out has to be there."""
    converter = make_converter()
    full = {"textDocument": DOCUMENT, "position": PLACE, "watchToken": "w", "settings": {"candidates": 2}}
    expected = FillParams(types.TextDocumentIdentifier("file:///a.py"), types.Position(1, 2), {"candidates": 2}, "w")
    assert expected == converter.structure(full, FillParams)
    assert ItemParams(7, 0) == converter.structure({"answer": 7}, ItemParams)
    assert LastAnswerParams(None) == converter.structure({}, LastAnswerParams)


def test_numbers_that_stand_for_something() -> None:
    """Fails if a choice that the protocol writes as a number is not understood."""
    value = {"textDocument": DOCUMENT, "position": PLACE, "context": {"triggerKind": 2}}
    params = make_converter().structure(value, types.InlineCompletionParams)
    assert types.InlineCompletionTriggerKind.Automatic is params.context.trigger_kind


def test_whole_numbers_may_be_written_as_floats() -> None:
    """Fails if a client whose JSON library has one type for numbers is turned away."""
    assert types.Position(1, 2) == make_converter().structure({"line": 1.0, "character": 2.0}, types.Position)
