"""The server's copy of a document stays the editor's, whatever is in it and whatever is done to it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from dlm_lsp.lsp.documents import OpenDocument, OpenDocuments


def partial(start: tuple[int, int], end: tuple[int, int], text: str) -> types.TextDocumentContentChangePartial:
    """Replace a range."""
    return types.TextDocumentContentChangePartial(types.Range(types.Position(*start), types.Position(*end)), text)


def document(source: str, encoding: str = "utf-16") -> OpenDocument:
    """Open a document."""
    return OpenDocument("file:///a.py", source, 1, "python", encoding)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("a\nb\n", partial((1, 0), (1, 1), "c"), "a\nc\n"),
        ("a\r\nb\r\n", partial((1, 0), (1, 1), "c"), "a\r\nc\r\n"),
        ("a\rb\rc", partial((2, 0), (2, 1), "d"), "a\rb\rd"),
        ("a\x0cb\nc\n", partial((1, 0), (1, 1), "d"), "a\x0cb\nd\n"),
        ("a\u2028b\nc\n", partial((1, 0), (1, 1), "d"), "a\u2028b\nd\n"),
        ("😀x\ny", partial((0, 2), (0, 3), "z"), "😀z\ny"),
        ("😀\n", partial((1, 0), (1, 0), "end"), "😀\nend"),
        ("abc", partial((0, 99), (0, 99), "!"), "abc!"),
        ("abc\n", partial((99, 5), (99, 9), "!"), "abc\n!"),
        ("abc", partial((0, 2), (0, 1), "X"), "aXc"),
        ("abc", types.TextDocumentContentChangeWholeDocument("new"), "new"),
        ("", partial((0, 0), (0, 0), "first"), "first"),
    ],
)
def test_changes(before: str, change: types.TextDocumentContentChangeEvent, after: str) -> None:
    """Fails if lines end where LSP does not end them, or a range outside the text corrupts it."""
    subject = document(before)
    subject.apply_change(change)
    assert after == subject.source


def test_several_changes_apply_one_after_another() -> None:
    """Fails if the positions of the second change are read in the text before the first."""
    subject = document("one\n")
    subject.apply_change(partial((0, 0), (0, 0), "zero\n"))
    subject.apply_change(partial((1, 3), (1, 3), "!"))
    assert "zero\none!\n" == subject.source


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 4), ("utf-16", 2), ("utf-32", 1)])
def test_encodings(encoding: str, column: int) -> None:
    """Fails if columns are not counted in the units that were agreed with the client."""
    subject = document("😀x", encoding)
    assert 1 == subject.offset(types.Position(0, column))
    assert types.Position(0, column) == subject.position(1)


@given(
    st.lists(st.sampled_from(["a", "\n", "\r", "\r\n", "\x0c", "é", "😀", " "]), max_size=12).map("".join), st.data()
)
def test_an_offset_survives_the_way_to_the_client_and_back(text: str, data: st.DataObject) -> None:
    """Fails if an answer made for one place is shown at another."""
    subject = document(text)
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] != "\r\n":  # between the two there is no position
        assert offset == subject.offset(subject.position(offset))


def test_workspace_makes_our_documents() -> None:
    """Fails if pygls' own text-document class comes back."""
    workspace = OpenDocuments(None, None, "utf-16")
    workspace.put_text_document(types.TextDocumentItem("file:///a%20b.py", "python", 3, "x\x0cy\nz"))
    found = workspace.find("file:///a b.py")
    assert found is not None
    assert ("x\x0cy\nz", 3, "python") == (found.source, found.version, found.language_id)
    assert workspace.find("file:///never.py") is None


def as_the_editor_would(text: str, start: tuple[int, int], end: tuple[int, int], new: str) -> str:
    """Apply a change to UTF-16 code units, line by line: another way than the one under test."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    places = []
    for line, column in (start, end):
        before = "".join(lines[:line]).encode("utf-16-le")
        inside = lines[line].rstrip("\r\n").encode("utf-16-le") if line < len(lines) else b""
        places.append(len(before) + min(2 * column, len(inside)))
    units = text.encode("utf-16-le")
    return (units[: places[0]] + new.encode("utf-16-le") + units[max(places) :]).decode("utf-16-le")


TEXTS = st.lists(st.sampled_from(["ab", "\n", "\r", "\r\n", "\x0c", "\u2028", "é", "x😀"]), max_size=8).map("".join)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2), TEXTS), max_size=6))
def test_any_edits_leave_the_editors_text(text: str, edits: list[tuple[int, int, int, str]]) -> None:
    """Fails if a sequence of edits, some of them outside the text, makes server and editor disagree."""
    subject = document(text)
    for line, column, lines, new in edits:
        start, end = (line, column), (line + lines, column)
        try:
            text = as_the_editor_would(text, start, end, new)
        except UnicodeDecodeError:
            continue  # no editor puts a range into the middle of a character
        subject.apply_change(partial(start, end, new))
        assert text == subject.source
