"""Whatever an editor does to its documents: the server's copy stays the same text, each request gets one response, all live.

What the server holds is read off `dlm-lsp/lastAnswer`: the text that the model saw before and behind the cursor.
"""

import re
import time
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.conftest import StartServer
from tests.e2e.raw_client import RawClient, empty_range, replace

ADD = "def add(a, b):\n    \n"
SUPERSEDED = -32800
ROOMY = {"maxWindowTokens": 8192, "deadlineMs": 60_000, "prepare": False}


@pytest.fixture(scope="module")
def server(fast_model: str) -> Iterator[RawClient]:
    """Give a server whose window holds the whole of a test's document, and check at the end that it still answers."""
    with RawClient("--model", fast_model, "--device", "cpu", "--threads", "1") as client:
        client.initialize(ROOMY)
        yield client
        client.open("file:///lives.py", ADD)
        assert "return a + b" == client.inline("file:///lives.py", 1, 4)["items"][0]["insertText"]
        assert [] == [message for message in client.notifications if message["method"] == "workspace/applyEdit"]


def seen(client: RawClient, uri: str) -> tuple[str, str]:
    """Give what the model saw before and behind the cursor when this document was asked about last."""
    window = client.ask("dlm-lsp/lastAnswer", {"textDocument": {"uri": uri}})["result"]["request"]["window"]
    return window["prefix"], window["suffix"]


def as_seen(text: str) -> str:
    """Give a text as a model sees it."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def assert_holds(client: RawClient, uri: str, before: str, behind: str, place: tuple[int, int]) -> None:
    """Ask at a place, and compare what the server holds with what it should hold."""
    result = client.inline(uri, *place)
    assert ["items"] == list(result)
    assert (as_seen(before), as_seen(behind)) == seen(client, uri)


@pytest.mark.parametrize(
    ("place", "moved"),
    [
        ((99, 0), (2, 0)),
        ((2, 99), (2, 0)),
        ((1, 99), (1, 4)),
        ((0, 2**31 - 1), (0, 14)),
        ((2**31 - 1, 2**31 - 1), (2, 0)),
    ],
)
def test_a_position_outside_is_the_nearest_place_inside(
    server: RawClient, place: tuple[int, int], moved: tuple[int, int]
) -> None:
    """Fails if a place that the document does not have gets an error, no answer, or an edit where no text is."""
    uri = f"file:///outside{place[0]}-{place[1]}.py"
    server.open(uri, ADD)
    lines = ADD.split("\n")
    offset = sum(len(line) + 1 for line in lines[: moved[0]]) + moved[1]
    assert_holds(server, uri, ADD[:offset], ADD[offset:], place)
    for item in server.inline(uri, *place)["items"]:
        assert empty_range(*moved) == item["range"]


def test_a_document_that_is_not_open(server: RawClient) -> None:
    """Fails if a document that was never opened, or is closed again, gets an error, or stays known after it was closed."""
    assert {"items": []} == server.inline("file:///never.py", 0, 0)
    server.change("file:///never.py", 2, replace((0, 0), (0, 0), "x"))
    assert {"items": []} == server.inline("file:///never.py", 0, 0)
    server.open("file:///closed.py", ADD)
    server.notify("textDocument/didClose", {"textDocument": {"uri": "file:///closed.py"}})
    assert {"items": []} == server.inline("file:///closed.py", 1, 4)
    server.open("file:///closed.py", "\n")
    assert_holds(server, "file:///closed.py", "\n", "", (1, 0))


def test_changes_out_of_order_and_outside(server: RawClient) -> None:
    """Fails if a batch is not applied one after another, if a place outside breaks it, or if an older version is refused."""
    uri = "file:///batch.py"
    server.open(uri, "one\ntwo\n", version=7)
    server.change(
        uri,
        3,
        replace((1, 0), (1, 3), "TWO"),
        replace((0, 0), (0, 0), "zero\n"),
        replace((99, 9), (99, 99), "end"),
        replace((2, 3), (2, 1), "W"),  # backwards
        replace((0, 99), (0, 99), "!"),
    )
    assert_holds(server, uri, "zero!\none\nTW\nend", "", (3, 3))
    server.change(uri, -1, {"text": "all new\n"}, replace((0, 0), (0, 3), ""))
    assert_holds(server, uri, " new", "\n", (0, 4))


ODD_TEXTS = {
    "nul": "x = '\x00'\ny = \n",
    "surrogates": "x = '\ud800\udbff'\ny = '\udc00'\n",
    "astral": "x = '😀😀'\ny = 1\n",
    "crlf": "def f():\r\n    x = 1\r\n    y = 2\r\n",
    "cr": "def f():\r    x = 1\r    y = 2\r",
    "mixed line ends": "a\r\nb\nc\rd\n\re",
    "form feeds": "import os\n\x0c\ndef f():\n    pass\n\x0b\x1c\x85\u2028x\n",
    "tabs": "if x:\n\ty = 1\n        z = 2\n\t  w = 3\n",
    "byte order mark": "\ufeffimport os\nos.\n",
    "special tokens": "x = '<|mask|><|endoftext|><|expand|>'\n",
    "markdown": "# Title\n\n- one\n- two (\n\n```python\ndef f(\n```\n",
    "binary": bytes(range(256)).decode("latin-1") * 3,
}


@pytest.mark.parametrize("language", ["python", "markdown", "", "klingon"])
@pytest.mark.parametrize("name", ODD_TEXTS)
def test_odd_texts_are_kept_as_they_are(server: RawClient, name: str, language: str) -> None:
    """Fails if any character of an odd document is lost, moved or replaced, before an edit or after it."""
    uri, text = f"file:///{name.replace(' ', '-')}.{language}", ODD_TEXTS[name]
    server.open(uri, text, language=language)
    assert_holds(server, uri, "", text, (0, 0))
    server.change(uri, 2, replace((0, 1), (0, 1), "Ü"))
    server.change(uri, 3, replace((99, 0), (99, 0), "# end"))
    text = text[:1] + "Ü" + text[1:] + "# end"
    assert_holds(server, uri, text[0], text[1:], (0, 1))
    assert_holds(server, uri, text, "", (99, 0))


@pytest.mark.parametrize("options", [{"maxHoleTokens": 512, "maxWindowTokens": 64}])
def test_a_hole_larger_than_the_window(start: StartServer, fast_model: str, options: dict) -> None:
    """Fails if a hole that leaves no room for the text around it gets no answer."""
    client = start(fast_model)
    client.initialize(options)
    client.open("file:///a.py", "x = 1\n" * 300 + ADD + "y = 1\n" * 300)
    assert ["items"] == list(client.inline("file:///a.py", 301, 4))
    client.open("file:///b.py", ADD)
    assert ["items"] == list(client.inline("file:///b.py", 1, 4))


@pytest.mark.parametrize(
    "options",
    [
        {"maxHoleTokens": 512, "maxWindowTokens": 64},
        {"maxHoleTokens": 512, "maxWindowTokens": 32768, "length": "fixed:tokens=512"},
        {"maxHoleTokens": 512, "maxWindowTokens": 32768, "cache": "hole"},
    ],
    ids=["a hole larger than the window", "a hole longer than the model", "a window larger than the model"],
)
def test_more_than_the_bundled_model_has_room_for(start: StartServer, options: dict) -> None:
    """Fails if a model whose canvas is smaller than what the settings allow fails instead of seeing less."""
    client = start("nano")
    client.initialize({"deadlineMs": 1000, **options})
    client.open("file:///a.py", "def f(a):\n" + "    value = compute(a)\n" * 3000 + "    \n" + "x = 1\n" * 3000)
    client.open("file:///b.py", "x = [" + "1, " * 20_000 + "]\n")
    for uri, line, column in (("file:///a.py", 3001, 4), ("file:///a.py", 3001, 0), ("file:///b.py", 0, 30_000)):
        assert ["items"] == list(client.inline(uri, line, column))
        told = client.ask("dlm-lsp/lastAnswer", {"textDocument": {"uri": uri}})["result"]
        assert told["outcome"] in {"filled", "empty", "late"}
    assert "ready" == client.ask("dlm-lsp/status", {})["result"]["state"]
    assert 0 == client.leave()


@pytest.mark.parametrize("line", ["x = " + "[" * 50_000_000, "é" * 25_000_000], ids=["brackets", "not ASCII"])
def test_a_line_of_fifty_megabytes(start: StartServer, fast_model: str, line: str) -> None:
    """Fails if a line without end makes the server hang, or the memory of it and of the worker grow with every request."""
    client = start(fast_model)
    client.initialize({"deadlineMs": 60_000})
    client.open("file:///good.py", ADD)
    client.inline("file:///good.py", 1, 4)
    sent = time.monotonic()
    client.open("file:///big.py", line + "\n")
    for version, column in enumerate((5, 10_000_000, 24_999_999), start=2):
        assert ["items"] == list(client.inline("file:///big.py", 0, column))
        client.change("file:///big.py", version, replace((0, column), (0, column), "y"))
    assert ["items"] == list(client.inline("file:///big.py", 1, 0))
    assert time.monotonic() - sent < 40, "the machine may be slow, but this is a hang"
    assert "return a + b" == client.inline("file:///good.py", 1, 4)["items"][0]["insertText"]
    processes = [client.process.pid, *client.worker_ids()]
    assert all(psutil.Process(pid).memory_info().rss < 1_200 << 20 for pid in processes)


# The same with random edits, requests and cancels.

PARTS = st.sampled_from(
    [ADD, "x", " ", "\n", "\r\n", "\r", "\x0c", "é", "😀", "\ud800", "(", '"""', "    ", "\t", "def f():\n"]
)
TEXT = st.lists(PARTS, max_size=6).map("".join)
PLACE = st.tuples(st.integers(0, 9), st.integers(0, 20))
CHANGE = st.tuples(st.just("change"), st.lists(st.tuples(PLACE, PLACE, TEXT), min_size=1, max_size=3))
ASK = st.tuples(st.just("ask"), PLACE, st.sampled_from([1, 2]))
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 5))
CHECK = st.tuples(st.just("check"), PLACE)


def offset(text: str, place: tuple[int, int]) -> int:
    """Find a place by counting character by character; one outside the text is moved into it."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    line, column = place
    at = len("".join(lines[:line]))
    for char in lines[line].rstrip("\r\n") if line < len(lines) else "":
        column -= 2 if ord(char) > 0xFFFF else 1
        if column < 0:
            break
        at += 1
    return at


class Session:
    """A document as the editor holds it, and the requests for it that are not answered yet."""

    def __init__(self, client: RawClient, uri: str, text: str) -> None:
        self.client = client
        self.uri = uri
        self.text = text
        self.version = 1
        self.waiting: list[int] = []
        client.open(uri, text)

    def change(self, edits: list[tuple[tuple[int, int], tuple[int, int], str]]) -> None:
        """Edit the document, here and there."""
        for start, end, new in edits:
            low, high = sorted((offset(self.text, start), offset(self.text, end)))
            self.text = self.text[:low] + new + self.text[high:]
        self.version += 1
        self.client.change(self.uri, self.version, *(replace(*edit) for edit in edits))

    def ask(self, place: tuple[int, int], trigger: int) -> None:
        """Ask, and do not wait."""
        self.waiting.append(self.client.request_inline(self.uri, *place, trigger=trigger))

    def cancel(self, which: int) -> None:
        """Take a request back, whether it is answered already or not."""
        if self.waiting:
            self.client.cancel(self.waiting[which % len(self.waiting)])

    def check(self, place: tuple[int, int]) -> None:
        """Wait for what was asked, then compare the texts."""
        for request in self.waiting:
            answer = self.client.answer(request)
            assert answer.get("error", {"code": SUPERSEDED})["code"] == SUPERSEDED
            for item in answer.get("result", {"items": []})["items"]:
                assert item["range"]["start"] == item["range"]["end"]
        self.waiting = []
        at = offset(self.text, place)
        assert_holds(self.client, self.uri, self.text[:at], self.text[at:], place)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXT, st.lists(st.one_of(CHANGE, CHANGE, ASK, ASK, CANCEL, CHECK), max_size=12), PLACE)
def test_any_session_leaves_the_editors_text(server: RawClient, text: str, steps: list, place: tuple[int, int]) -> None:
    """Fails if edits, requests and cancels in some order make the texts differ, or leave a request without its one response.

    `RawClient` counts the responses to each id when it is closed.
    """
    server.documents = getattr(server, "documents", 0) + 1
    session = Session(server, f"file:///random/{server.documents}.py", text)
    for step, *arguments in steps:
        getattr(session, step)(*arguments)
    session.check(place)
    server.notify("textDocument/didClose", {"textDocument": {"uri": session.uri}})
