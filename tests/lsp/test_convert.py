"""What was typed while the model worked, and what that makes of its answers."""

from lsprotocol import types

from dlm_lsp.lsp.convert import completions, question, typed_since
from dlm_lsp.lsp.documents import OpenDocument
from dlm_lsp.values import Snapshot

URI = "file:///a.py"


def document(source: str) -> OpenDocument:
    """Open a document."""
    return OpenDocument(URI, source, 1, "python", "utf-16")


def params(
    line: int, character: int, selected: types.SelectedCompletionInfo | None = None
) -> types.InlineCompletionParams:
    """Ask at a place."""
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked, selected),
        text_document=types.TextDocumentIdentifier(URI),
        position=types.Position(line, character),
    )


def selected(start: int, end: int, text: str) -> types.SelectedCompletionInfo:
    """Select an entry of the editor's list that replaces columns of the first line."""
    return types.SelectedCompletionInfo(types.Range(types.Position(0, start), types.Position(0, end)), text)


def test_what_was_typed_at_the_cursor() -> None:
    """Fails if typing along is taken for a change elsewhere, or the other way round."""
    snapshot = Snapshot(URI, "python", 1, "abcd", 2)
    assert "" == typed_since(snapshot, "abcd")
    assert "XY" == typed_since(snapshot, "abXYcd")
    assert typed_since(snapshot, "Xabcd") is None
    assert typed_since(snapshot, "abc") is None
    assert typed_since(snapshot, "abce") is None
    assert typed_since(snapshot, "abcdX") is None


def test_typed_along_the_rest_is_offered() -> None:
    """Fails if characters that are in the document already are offered a second time, or an item does not say which it is."""
    asked = document("x = ")
    found = question(asked, params(0, 4))
    assert found is not None
    moved = document("x = so")
    items = completions(moved, found, ["some", "sort", "other", "so"], 7).items
    assert ["me", "rt"] == [item.insert_text for item in items]
    assert [[7, 0], [7, 1]] == [item.command.arguments for item in items]
    assert {"0:6-0:6"} == {str(item.range) for item in items}


def test_lines_of_an_item_end_with_a_line_feed() -> None:
    r"""Fails if Neovim, which splits items at \n alone, gets a \r and writes it into the user's file as ^M."""
    found = question(document("if x:\r\n"), params(0, 5))
    assert found is not None
    moved = document("if x:\r\n    \r\n")
    items = completions(moved, found, ["\r\n    a\r\n    b"], 7).items
    assert ["a\n    b"] == [item.insert_text for item in items]


def test_changed_elsewhere_nothing_is_offered() -> None:
    """Fails if an answer for an old text is shown in a new one."""
    found = question(document("x = \n"), params(0, 4))
    assert found is not None
    assert [] == completions(document("xy = \n"), found, ["1"], 7).items


def test_equal_answers_are_offered_once() -> None:
    """Fails if two candidates with the same text become two items."""
    found = question(document("x = "), params(0, 4))
    assert found is not None
    assert 1 == len(completions(document("x = "), found, ["1", "1", ""], 7).items)


def test_selected_entry_is_asked_about_as_if_it_were_there() -> None:
    """Fails if the answer need not begin with the entry that is selected in the editor's list."""
    found = question(document("os.pa)"), params(0, 5, selected(3, 5, "path")))
    assert found is not None
    assert ("th", "os.path)", 7) == (found.selected, found.asked.text, found.asked.cursor)
    assert ("os.pa)", 5) == (found.snapshot.text, found.snapshot.cursor)


def test_selected_entry_that_no_insertion_extends() -> None:
    """Fails if an entry that replaces other characters gets an answer VS Code cannot show."""
    assert question(document("os.pa)"), params(0, 5, selected(3, 5, "listdir"))) is None
    assert question(document("os.pa)"), params(0, 5, selected(3, 6, "path)"))) is None
