"""Every request and notification that is announced, with every part of its params in turn of the wrong type."""

from collections.abc import Iterator
from typing import Any

import pytest

from dlm_lsp.lsp.server import make_session
from dlm_lsp.settings import Settings
from tests.e2e.raw_client import Message, RawClient, inline_params

URI = "file:///good.py"
ADD = "def add(a, b):\n    \n"
INVALID_PARAMS = -32602
DOCUMENT = {"uri": URI}
PLACE = {"line": 1, "character": 4}
RANGE = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 4}}
AT = {"textDocument": DOCUMENT, "position": PLACE}
VERSIONED = {"uri": URI, "version": 2}
FOLDER = {"uri": "file:///code", "name": "code"}
NOTEBOOK = {"uri": "file:///n.ipynb", "notebookType": "jupyter", "version": 1}
CELL = {"kind": 2, "document": "cell:/n.ipynb#1"}
TEXT = {"languageId": "python", "version": 1, "text": "x = 1\n"}

REQUESTS = {
    "textDocument/inlineCompletion": inline_params(URI, 1, 4, selectedCompletionInfo={"range": RANGE, "text": "x"}),
    "textDocument/completion": {**AT, "context": {"triggerKind": 2, "triggerCharacter": "."}},
    "textDocument/codeAction": {"textDocument": DOCUMENT, "range": RANGE, "context": {"diagnostics": []}},
    "codeAction/resolve": {"title": "Fill", "data": {"action": "fillFunction", "place": {"uri": URI, "range": RANGE}}},
    "workspace/executeCommand": {"command": "dlm-lsp.accepted", "arguments": [1, 0]},
    "dlm-lsp/fill": {**AT, "watchToken": "w", "settings": {"candidates": 2}},
    "dlm-lsp/switchModel": {"model": "nano"},
    "dlm-lsp/lastAnswer": {"textDocument": DOCUMENT},
}
WITHOUT_PARAMS = ("dlm-lsp/status", "dlm-lsp/free")
NOTIFICATIONS = {
    "textDocument/didOpen": {"textDocument": {"uri": "file:///other.py", **TEXT}},
    "textDocument/didChange": {"textDocument": VERSIONED, "contentChanges": [{"range": RANGE, "text": "x"}]},
    "textDocument/didClose": {"textDocument": DOCUMENT},
    "workspace/didChangeConfiguration": {"settings": {"dlm-lsp": {"candidates": 1}}},
    "workspace/didChangeWorkspaceFolders": {"event": {"added": [FOLDER], "removed": [FOLDER]}},
    "notebookDocument/didOpen": {
        "notebookDocument": {**NOTEBOOK, "cells": [CELL]},
        "cellTextDocuments": [{"uri": "cell:/n.ipynb#1", **TEXT}],
    },
    "notebookDocument/didChange": {
        "notebookDocument": {"uri": "file:///n.ipynb", "version": 2},
        "change": {"cells": {"structure": {"array": {"start": 0, "deleteCount": 0}}}},
    },
    "notebookDocument/didClose": {"notebookDocument": {"uri": "file:///n.ipynb"}, "cellTextDocuments": [DOCUMENT]},
    "window/workDoneProgress/cancel": {"token": "t"},
    "$/setTrace": {"value": "verbose"},
    "dlm-lsp/shown": {"answer": 1, "item": 0},
    "dlm-lsp/accepted": {"answer": 1, "item": 0},
    "dlm-lsp/rejected": {"answer": 1, "item": 0},
}


def spoiled(value: Any) -> Iterator[Any]:
    """Yield a value with one of its parts in turn, at last the whole, of another type."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: wrong} for wrong in spoiled(part))
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from ([*value[:place], wrong, *value[place + 1 :]] for wrong in spoiled(part))
    yield from (
        ([5], True) if isinstance(value, str) else ("five", [5]) if isinstance(value, dict) else ("five", {"a": 5})
    )


def lives(client: RawClient) -> None:
    """Check that right requests are still answered."""
    client.open(URI, ADD)
    result = client.ask("textDocument/inlineCompletion", inline_params(URI, 1, 4))["result"]
    assert "return a + b" == result["items"][0]["insertText"]


@pytest.fixture(scope="module")
def popup(fast_model: str) -> RawClient:
    """Start a server for an editor without inline completion; to ask for that is allowed all the same."""
    with RawClient("--model", fast_model, "--device", "cpu", "--threads", "1") as client:
        client.initialize(capabilities={"notebookDocument": {"synchronization": {}}})
        lives(client)
        yield client


async def test_all_that_is_served_is_tested() -> None:
    """Fails if a feature is added that nobody sends nonsense to."""
    manager = make_session(Settings()).protocol.fm
    lifecycle = {"initialize", "initialized", "shutdown", "exit"}  # see test_bad_input
    served = {*manager.features, *manager.builtin_features, "textDocument/completion"} - lifecycle
    assert {*REQUESTS, *NOTIFICATIONS, *WITHOUT_PARAMS} == served


@pytest.mark.parametrize("method", REQUESTS)
def test_requests(popup: RawClient, method: str) -> None:
    """Fails if wrong params are carried out, cost the answer, or the server."""
    asked: list[tuple[int, Any]] = [(popup.request(method, params), params) for params in spoiled(REQUESTS[method])]
    answers = [(popup.answer(request), params) for request, params in asked]
    assert [] == [params for answer, params in answers if code(answer) != INVALID_PARAMS]
    lives(popup)


@pytest.mark.parametrize("method", WITHOUT_PARAMS)
def test_requests_without_params(popup: RawClient, method: str) -> None:
    """Fails if params where none belong are not refused, or none, or an empty object, are."""
    assert [None, None, INVALID_PARAMS, INVALID_PARAMS] == [
        code(popup.ask(method, params)) for params in (None, {}, "five", [5])
    ]
    lives(popup)


@pytest.mark.parametrize("method", NOTIFICATIONS)
def test_notifications(popup: RawClient, method: str) -> None:
    """Fails if a wrong notification is answered (`close` counts), shown to the user, or kills the server."""
    for params in (*spoiled(NOTIFICATIONS[method]), None, NOTIFICATIONS[method]):
        popup.notify(method, params)
    lives(popup)
    assert [] == [note["params"]["message"] for note in popup.notifications if is_about_no_setting(note)]


def code(answer: Message) -> int | None:
    """Give the code of an error, None of a result."""
    return answer["error"]["code"] if "error" in answer else None


def is_about_no_setting(note: Message) -> bool:
    """Whether the user was shown something else than that a setting is wrong."""
    return note["method"] == "window/showMessage" and "without these settings" not in note["params"]["message"]
