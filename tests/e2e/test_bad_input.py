"""Whatever comes in: one response to each request, the right code, and the server lives."""

import json

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.raw_client import RawClient, frame, inline_params

ADD = "def add(a, b):\n    \n"
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002
GOOD = inline_params("file:///good.py", 1, 4)


@pytest.fixture(autouse=True)
def _lives(fast: RawClient) -> None:
    """Check after each test that the server still answers what is right."""
    fast.open("file:///good.py", ADD)
    yield
    assert "return a + b" == fast.inline("file:///good.py", 1, 4)["items"][0]["insertText"]


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {},
        "text",
        {**GOOD, "textDocument": None},
        {**GOOD, "textDocument": {}},
        {**GOOD, "position": {"line": "one", "character": 0}},
        {**GOOD, "position": {"line": -1, "character": 0}},
        {**GOOD, "position": {"line": 10**30, "character": 0}},
        {**GOOD, "position": {"line": 0}},
        {**GOOD, "context": {"triggerKind": 0}},
        {**GOOD, "context": {}},
    ],
    ids=str,
)
def test_invalid_params(fast: RawClient, params: object) -> None:
    """Fails if a request with wrong params is left without an answer, as pygls leaves it."""
    assert INVALID_PARAMS == fast.ask("textDocument/inlineCompletion", params)["error"]["code"]


def test_params_left_out(fast: RawClient) -> None:
    """Fails if a request without any params is left without an answer."""
    fast.send({"jsonrpc": "2.0", "id": "no params", "method": "textDocument/inlineCompletion"})
    assert INVALID_PARAMS == fast.answer("no params")["error"]["code"]


@pytest.mark.parametrize("method", ["textDocument/hover", "no/such/method", "$/odd", "", "textDocument/didSave"])
def test_unknown_methods(fast: RawClient, method: str) -> None:
    """Fails if an unknown request is left without an answer, or an unknown notification gets one."""
    assert METHOD_NOT_FOUND == fast.ask(method, {})["error"]["code"]
    fast.notify(method, {})


@pytest.mark.parametrize("method", ["exit", "initialized", "textDocument/didOpen", "$/cancelRequest"])
def test_notifications_with_an_id(fast: RawClient, method: str) -> None:
    """Fails if what must be a notification is carried out as one, and whoever sent it as a request waits for ever."""
    document = {"uri": "file:///good.py", "languageId": "python", "version": 1, "text": ""}
    assert METHOD_NOT_FOUND == fast.ask(method, {"textDocument": document, "id": 1})["error"]["code"]


@pytest.mark.parametrize("method", ["shutdown", "textDocument/inlineCompletion", "initialize"])
def test_requests_without_an_id(fast: RawClient, method: str) -> None:
    """Fails if a request that nobody can be answered is carried out, or kills the server."""
    fast.notify(method, GOOD)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{nonsense", PARSE_ERROR),
        (b"\xff\xfe\x00", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b"7", INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "shutdown"}', INVALID_REQUEST),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bodies_that_are_no_messages(fast: RawClient, body: bytes, code: int) -> None:
    """Fails if a body that cannot be answered to anybody is not answered to null."""
    fast.send_bytes(frame(body))
    answer = fast.answer(None)
    assert (None, code) == (answer["id"], answer["error"]["code"])


@pytest.mark.parametrize(
    "message",
    [
        {"id": "no version", "method": "shutdown"},
        {"id": "old version", "jsonrpc": "1.0", "method": "shutdown"},
        {"id": "no method", "jsonrpc": "2.0", "method": 5},
        {"id": "again", "jsonrpc": "2.0", "method": "initialize", "params": {"capabilities": {}}},
    ],
    ids=lambda message: message["id"],
)
def test_invalid_requests(fast: RawClient, message: dict) -> None:
    """Fails if a request that breaks JSON-RPC or the life cycle is carried out or ignored."""
    fast.send(message)
    assert INVALID_REQUEST == fast.answer(message["id"])["error"]["code"]


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 10**6, "result": None},
        {"jsonrpc": "2.0", "id": 10**6, "error": {"code": 1, "message": "?"}},
        {"jsonrpc": "2.0"},
        {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {}},
        {"jsonrpc": "2.0", "method": "textDocument/didOpen"},
        {"jsonrpc": "2.0", "method": 5},
        {
            "jsonrpc": "2.0",
            "method": "textDocument/didChange",
            "params": {"textDocument": {"uri": "file:///never.py", "version": 2}, "contentChanges": [{"text": ""}]},
        },
        {"jsonrpc": "2.0", "method": "textDocument/didClose", "params": {"textDocument": {"uri": "file:///never.py"}}},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": []}},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": None}},
        {"jsonrpc": "2.0", "method": "$/cancelRequest"},
        {"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params": {"settings": None}},
        {"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params": {"settings": {"dlm-lsp": 5}}},
    ],
    ids=str,
)
def test_messages_that_get_no_answer(fast: RawClient, message: dict) -> None:
    """Fails if a wrong notification or response kills the server, or is answered (`close` counts the answers)."""
    fast.send(message)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"garbage\r\n\r\n",
        b"Content-Length: many\r\n\r\n{}",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Content-Length: 9999999999\r\n\r\n",
        b"Content-Length:\r\n\r\n{}",
        bytes(range(256)),
        b"x" * 200_000,
    ],
    ids=lambda value: str(value)[:40],
)
def test_garbage_between_messages(fast: RawClient, data: bytes) -> None:
    """Fails if bytes that are no message kill the server or swallow the next message."""
    fast.send_bytes(data)


def test_headers_as_other_clients_write_them(fast: RawClient) -> None:
    """Fails if lower case, other headers or messages in pieces are not understood."""
    body = json.dumps({"jsonrpc": "2.0", "id": "header", "method": "no/such", "params": {}}).encode()
    fast.send_bytes(b"content-type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:%d\r\n" % len(body))
    fast.send_bytes(b"\r\n" + body[:10])
    fast.send_bytes(body[10:])
    assert METHOD_NOT_FOUND == fast.answer("header")["error"]["code"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nul", "x = '\x00'\n"),
        ("surrogate", "x = '\ud800'\n"),
        ("special", "x = '<|mask|>' + '<|endoftext|>'\n"),
        ("tabs", "if x:\n\ty = 1\n        z = 2\n"),
        ("line", "x = '" + "a" * 2_000_000 + "'\n"),
        ("broken", "def (((\n"),
        ("empty", ""),
    ],
)
def test_odd_documents(fast: RawClient, name: str, text: str) -> None:
    """Fails if a document that is hard to read or to send costs more than its own completions."""
    uri = f"file:///{name}.py"
    fast.open(uri, text)
    assert ["items"] == list(fast.inline(uri, 0, 4))
    fast.open(f"{uri}.md", text, language="markdown")
    assert ["items"] == list(fast.inline(f"{uri}.md", 0, 4))


def test_before_initialize_and_after_shutdown(start: StartServer, fast_model: str) -> None:
    """Fails if requests outside the life cycle are carried out or left without an answer."""
    client = start(fast_model)
    client.open("file:///good.py", ADD)
    assert NOT_INITIALIZED == client.ask("textDocument/inlineCompletion", GOOD)["error"]["code"]
    assert INVALID_PARAMS == client.ask("initialize", {"capabilities": 5})["error"]["code"]
    client.initialize({"enabled": False})
    client.ask("shutdown", None)
    assert INVALID_REQUEST == client.ask("textDocument/inlineCompletion", GOOD)["error"]["code"]
    client.notify("exit", None)
    assert 0 == client.process.wait(20)
