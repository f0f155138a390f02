"""Editors without inline completion get the same answers as entries of their list."""

from pathlib import Path

import pytest

from tests.e2e.conftest import LONG, StartServer
from tests.e2e.raw_client import Message, RawClient, empty_range, replace

ADD = "def add(a, b):\n    \n"
MARKDOWN = {"textDocument": {"completion": {"completionItem": {"documentationFormat": ["markdown", "plaintext"]}}}}
EMPTY = {"isIncomplete": True, "items": []}


@pytest.fixture
def client(start: StartServer, fast_model: str) -> RawClient:
    """Start a server for an editor with a list."""
    client = start(fast_model)
    provider = client.initialize(capabilities=MARKDOWN)["capabilities"]["completionProvider"]
    assert {"triggerCharacters": [".", "(", "="]} == provider
    return client


def request(client: RawClient, uri: str, line: int, character: int) -> int:
    """Ask for a list; give the request's id."""
    place = {"line": line, "character": character}
    params = {"textDocument": {"uri": uri}, "position": place, "context": {"triggerKind": 1}}
    return client.request("textDocument/completion", params)


def ask(client: RawClient, uri: str, line: int, character: int) -> Message:
    """Ask for a list; give the result."""
    return client.answer(request(client, uri, line, character))["result"]


def test_an_editor_with_inline_completion_gets_no_list(start: StartServer, fast_model: str) -> None:
    """Fails if an editor shows everything twice, or a list can be asked for that was not announced."""
    client = start(fast_model)
    assert "completionProvider" not in client.initialize()["capabilities"]
    assert -32601 == client.ask("textDocument/completion", {})["error"]["code"]


def test_an_entry_is_an_insertion_that_lists_show(client: RawClient) -> None:
    """Fails if an editor would filter the entry out, replace text by it, or hold the list to be complete."""
    client.open("file:///a.py", ADD)
    result = ask(client, "file:///a.py", 1, 4)
    (entry,) = result["items"]
    command = entry.pop("command")
    assert "dlm-lsp.accepted" == command["command"]
    assert result["isIncomplete"]
    expected = {
        "label": "return a + b",
        "kind": 1,
        "detail": "dlm-lsp",
        "preselect": True,
        "sortText": "!0",
        "filterText": "return a + b",
        "insertTextFormat": 1,
        "insertTextMode": 1,
        "textEdit": {"range": empty_range(1, 4), "newText": "return a + b"},
    }
    assert expected == entry
    counts = client.ask("dlm-lsp/status", None)["result"]["counts"]
    client.ask("workspace/executeCommand", command)
    assert {**counts, "accepted": 1} == client.ask("dlm-lsp/status", None)["result"]["counts"]


def test_the_word_before_the_cursor_is_part_of_what_is_filtered_by(client: RawClient) -> None:
    """Fails if a list that filters by the typed word drops the entry, or the word is inserted a second time."""
    client.open("file:///word.py", "def add(a, b):\n    retu\n")
    (entry,) = ask(client, "file:///word.py", 1, 8)["items"]
    assert ("return a + b", "return a + b") == (entry["label"], entry["filterText"])
    assert {"range": empty_range(1, 8), "newText": "rn a + b"} == entry["textEdit"]


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 16), ("utf-16", 14), ("utf-32", 13)])
def test_columns_in_every_unit(start: StartServer, fast_model: str, encoding: str, column: int) -> None:
    """Fails if a list, or a fill by key, counts columns otherwise than was agreed on."""
    client = start(fast_model)
    client.initialize(capabilities={"general": {"positionEncodings": [encoding]}})
    client.open("file:///units.py", "smile = '😀', \n")
    (entry,) = ask(client, "file:///units.py", 0, column)["items"]
    assert {"range": empty_range(0, column), "newText": "'🎉'"} == entry["textEdit"]
    params = {"textDocument": {"uri": "file:///units.py"}, "position": {"line": 0, "character": column}}
    (item,) = client.ask("dlm-lsp/fill", params)["result"]["items"]
    assert (empty_range(0, column), "'🎉'") == (item["range"], item["insertText"])


def test_several_lines_are_shown_as_code(client: RawClient, start: StartServer, fast_model: str) -> None:
    """Fails if the user cannot see what would be inserted."""
    client.open("file:///lines.py", "def scale(a, b):\n    \n")
    (entry,) = ask(client, "file:///lines.py", 1, 4)["items"]
    whole = "c = a * b\n    return c"
    assert ("c = a * b", "dlm-lsp, 2 lines") == (entry["label"], entry["detail"])
    assert {"kind": "markdown", "value": f"```python\n{whole}\n```"} == entry["documentation"]
    assert whole == entry["textEdit"]["newText"]
    plain = start(fast_model)
    plain.initialize(capabilities={})
    plain.open("file:///lines.py", "def scale(a, b):\n    \n")
    assert {"kind": "plaintext", "value": whole} == ask(plain, "file:///lines.py", 1, 4)["items"][0]["documentation"]


def test_a_newer_request_is_answered_the_older_is_empty(start: StartServer, slow_model: str) -> None:
    """Fails if keystrokes queue up before the model, or an editor shows the user that a request was superseded."""
    client = start(slow_model, "--deadline-ms", "60000")
    client.initialize(capabilities={})
    client.open("file:///typed.py", "def long(a, b):\n    \n")
    older, cancelled, newer = [request(client, "file:///typed.py", 1, 4) for _ in range(3)]
    client.cancel(cancelled)
    assert [EMPTY, EMPTY] == [client.answer(each)["result"] for each in (older, cancelled)]
    client.change("file:///typed.py", 2, replace((1, 4), (1, 4), "re"))
    (entry,) = client.answer(newer)["result"]["items"]
    assert {"range": empty_range(1, 6), "newText": LONG.removeprefix("re")} == entry["textEdit"]
    assert LONG == entry["label"]


def test_nothing_is_an_empty_list(client: RawClient, tmp_path: Path) -> None:
    """Fails if there is an error, or null, where there is nothing to say."""
    client.open("file:///nothing.py", "nobody = knows()\n")
    assert EMPTY == ask(client, "file:///nothing.py", 0, 16)
    assert EMPTY == ask(client, "file:///never-opened.py", 0, 0)
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"enabled": False}}})
    client.open("file:///a.py", ADD)
    assert EMPTY == ask(client, "file:///a.py", 1, 4)
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"model": str(tmp_path)}}})
    assert EMPTY == ask(client, "file:///a.py", 1, 4)
