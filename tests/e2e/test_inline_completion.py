"""An editor opens a file, asks at a hole and gets an answer that fits; seen by a client that shares no code with pygls."""

import pytest

from tests.e2e.conftest import LONG, StartServer
from tests.e2e.raw_client import RawClient, empty_range, replace, without_commands

ADD = "def add(a, b):\n    \n"
NOTHING = {"items": []}


def item(text: str, line: int, character: int) -> dict:
    """Give the list that offers one insertion."""
    return {"items": [{"insertText": text, "range": empty_range(line, character)}]}


@pytest.mark.parametrize("trigger", [1, 2])
def test_a_body_is_filled(fast: RawClient, trigger: int) -> None:
    """Fails if the text, its place or the explicit empty range is wrong."""
    uri = f"file:///body{trigger}.py"
    fast.open(uri, ADD)
    assert item("return a + b", 1, 4) == fast.inline(uri, 1, 4, trigger=trigger)


@pytest.mark.parametrize(
    ("name", "text", "place", "answer"),
    [
        ("crlf", "import os\r\ndef scale(a, b):\r\n    \r\nx = 1\r\n", (2, 4), "c = a * b\n    return c"),
        ("cr", "import os\rdef add(a, b):\r    \rx = 1\r", (2, 4), "return a + b"),
        ("formfeed", "import os\n\x0c\ndef add(a, b):\n    \n", (3, 4), "return a + b"),
        ("separator", "x = '\u2028'\ndef add(a, b):\n    \n", (2, 4), "return a + b"),
        ("emoji", "smile = '😀', \n", (0, 14), "'🎉'"),
        ("middle", "value = list.(items)\n", (0, 13), "append"),
    ],
)
def test_lines_and_columns_are_the_editors(
    fast: RawClient, name: str, text: str, place: tuple[int, int], answer: str
) -> None:
    """Fails if lines end where LSP does not end them, or columns are not counted in UTF-16."""
    uri = f"file:///{name}.py"
    fast.open(uri, text)
    assert item(answer, *place) == fast.inline(uri, *place)


def test_columns_in_bytes(start: StartServer, fast_model: str) -> None:
    """Fails if the encoding that was agreed on is not the one that is used."""
    client = start(fast_model)
    capabilities = {"general": {"positionEncodings": ["utf-8", "utf-16"]}}
    assert "utf-8" == client.initialize(capabilities=capabilities)["capabilities"]["positionEncoding"]
    client.open("file:///bytes.py", "smile = '😀', \n")
    assert item("'🎉'", 0, 16) == client.inline("file:///bytes.py", 0, 16)


def test_changes_are_followed(fast: RawClient) -> None:
    """Fails if the server's copy drifts from the editor's: behind a form feed, an astral character, a lone CR."""
    uri = "file:///changed.py"
    fast.open(uri, "a = '😀'\x0c\rx = 1\r\ndef f(a, b):\n    \n")
    fast.change(uri, 2, replace((2, 4), (2, 5), "add"), replace((0, 5), (0, 7), "🎉🎉"))
    fast.change(uri, 3, replace((1, 4), (1, 5), "2"))
    assert item("return a + b", 3, 4) == fast.inline(uri, 3, 4)
    fast.change(uri, 4, {"text": "total = price * \n"})
    assert item("quantity", 0, 16) == fast.inline(uri, 0, 16)


def test_changes_outside_the_document_are_moved_into_it(fast: RawClient) -> None:
    """Fails if a range that lies behind the end corrupts the text or is lost."""
    uri = "file:///outside.py"
    fast.open(uri, "import os\n")
    fast.change(uri, 2, replace((90, 0), (99, 9), "def add(a, b):\n    \n"))
    assert item("return a + b", 2, 4) == fast.inline(uri, 2, 99)


def test_nothing_is_an_empty_list(fast: RawClient) -> None:
    """Fails if null is answered, on which Neovim leaves the old text on the screen."""
    fast.open("file:///nothing.py", "nobody = knows()\n")
    assert NOTHING == fast.inline("file:///nothing.py", 0, 16)
    assert NOTHING == fast.inline("file:///never-opened.py", 0, 0)
    fast.open("file:///closed.py", ADD)
    fast.notify("textDocument/didClose", {"textDocument": {"uri": "file:///closed.py"}})
    assert NOTHING == fast.inline("file:///closed.py", 1, 4)


def test_the_selected_entry_is_extended(fast: RawClient) -> None:
    """Fails if the answer does not begin with what the editor's list has selected."""
    uri = "file:///selected.py"
    fast.open(uri, "def add(a, b):\n    ret\n")
    span = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 7}}
    entry = {"range": span, "text": "return"}
    assert item("urn a + b", 1, 7) == fast.inline(uri, 1, 7, selectedCompletionInfo=entry)
    assert NOTHING == fast.inline(uri, 1, 7, selectedCompletionInfo={**entry, "text": "raise"})


def test_a_document_that_moves_on(slow: RawClient) -> None:
    """Fails if an answer for an old text is shown, or one that the user is typing into is lost."""
    body = "def long(a, b):\n    \n"
    uris = [f"file:///moved{n}.py" for n in range(3)]
    for uri in uris:
        slow.open(uri, body)
    requests = [slow.request_inline(uri, 1, 4) for uri in uris]
    slow.change(uris[0], 2, replace((0, 4), (0, 8), "short"))
    slow.change(uris[1], 2, replace((1, 4), (1, 4), "return"))
    slow.notify("textDocument/didClose", {"textDocument": {"uri": uris[2]}})
    answers = [without_commands(slow.answer(request)["result"]) for request in requests]
    assert [NOTHING, item(LONG.removeprefix("return"), 1, 10), NOTHING] == answers


def test_off_means_no_model(start: StartServer, fast_model: str) -> None:
    """Fails if a worker is started, or asked, while completions are switched off."""
    client = start(fast_model)
    client.initialize({"enabled": False})
    client.open("file:///off.py", ADD)
    assert NOTHING == client.inline("file:///off.py", 1, 4)
    assert [] == client.worker_ids()
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"enabled": True}}})
    assert item("return a + b", 1, 4) == client.inline("file:///off.py", 1, 4)
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"enabled": False}}})
    assert NOTHING == client.inline("file:///off.py", 1, 4)
    client.wait_until(lambda: [] == client.worker_ids())


def test_wrong_settings_are_shown_once(start: StartServer, fast_model: str) -> None:
    """Fails if a typing error in the settings costs the user the completions, or is told in many pop-ups."""
    client = start(fast_model)
    client.initialize({"deadlineMs": "soon", "colour": 1})
    client.open("file:///settings.py", ADD)
    assert item("return a + b", 1, 4) == client.inline("file:///settings.py", 1, 4)
    (message,) = [note["params"] for note in client.notifications if note["method"] == "window/showMessage"]
    assert 2 == message["type"]
    assert "deadlineMs" in message["message"]
    assert "colour" in message["message"]
