"""The examples of docs/protocol.md, sent and compared: an answer may differ in its values, not in its shape."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dlm_lsp.lsp import messages
from tests.e2e.conftest import StartServer
from tests.e2e.raw_client import Message, RawClient

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
EXAMPLE = re.compile(r"^```json (client|server)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[Message, list[Message]]]:
    """Give each message of the client with what the page says that the server says to it."""
    found: list[tuple[Message, list[Message]]] = []
    for who, text in EXAMPLE.findall(PAGE.read_text(encoding="utf-8")):
        if who == "client":
            found.append((json.loads(text), []))
        else:
            found[-1][1].append(json.loads(text))
    return found


def fits(shown: Any, got: Any) -> bool:
    """Whether a value has what is shown: the same keys, where any are shown, and the same types."""
    if isinstance(shown, dict):
        is_open = shown == {} or "asked" in shown  # counts of what never happened are missing
        same_keys = is_open or shown.keys() == got.keys()
        return isinstance(got, dict) and same_keys and all(fits(shown[key], got[key]) for key in shown.keys() & got)
    if isinstance(shown, list):
        return isinstance(got, list) and all(fits(shown[0], part) for part in got)
    number = isinstance(shown, int | float) and not isinstance(shown, bool)
    return isinstance(got, int | float) if number else type(shown) is type(got)


@pytest.fixture
def client(start: StartServer, fast_model: str) -> RawClient:
    """Start a server that has the page's document open."""
    client = start(fast_model)
    experimental = {"dlmLsp": {"didChangeStatus": True}}
    client.initialize(capabilities={"textDocument": {"inlineCompletion": {}}, "experimental": experimental})
    client.open("file:///code/a.py", "def add(a, b):\n    \n")
    return client


def test_the_examples_are_what_is_said(client: RawClient) -> None:
    """Fails if an example on the page is no longer understood, or answered otherwise than the page shows."""
    sent = examples()
    assert 8 <= len(sent)
    for message, said in sent:
        results = [each for each in said if "result" in each]
        if not results:
            client.notify(message["method"], message["params"])
        for shown in results:
            answer = client.ask(message["method"], message.get("params"))
            assert fits(shown["result"], answer["result"]), (message, answer)
        for shown in said:
            if "method" in shown:
                heard = [note for note in client.notifications if note["method"] == shown["method"]]
                assert any(fits(shown["params"], note["params"]) for note in heard), (shown, heard)


def test_every_request_of_ours_has_an_example() -> None:
    """Fails if a message of ours is not on the page."""
    text = PAGE.read_text(encoding="utf-8")
    for method in (*messages.REQUESTS, *messages.NOTIFICATIONS, messages.DID_CHANGE_STATUS):
        assert method in text
    assert set(messages.REQUESTS) <= {message["method"] for message, _ in examples()}
