"""What reaches the model beside the window, read off `dlm-lsp/lastAnswer`, and where it is not asked at all.

The scripted model says that it reads everything.
"""

import time
from pathlib import Path
from typing import Any

from tests.e2e.conftest import StartServer, write_rules
from tests.e2e.raw_client import RawClient

LEDGER = "def record(order, customer):\n    return ledger.write(order, customer)\n"
BILL = (
    "import ledger\n\nRATE = 3\n"
    + "# filler\n" * 300
    + "def bill(order, customer):\n    \n"
    + "# more\n" * 300
    + "def late(): pass\n"
)
PLACE = (304, 4)


def told(client: RawClient, uri: str) -> dict[str, Any]:
    client.inline(uri, *PLACE)
    answer = client.ask("dlm-lsp/lastAnswer", {"textDocument": {"uri": uri}})["result"]
    return answer["request"]


def test_the_model_is_told_of_the_document_and_of_its_neighbours(start: StartServer, fast_model: str) -> None:
    """Fails if what is read while nobody waits never reaches a request, or a file of passwords does."""
    client = start(fast_model)
    client.initialize()
    for name, text in (("ledger.py", LEDGER), ("passwords.py", LEDGER.replace("ledger", "vault")), ("bill.py", BILL)):
        client.open(f"file:///shop/{name}", text)
    request = told(client, "file:///shop/bill.py")
    assert "import ledger\n" == request["context"]["imports"]
    assert ["RATE", "late"] == request["context"]["names"]
    assert ["ledger", "RATE", "late"] == request["knownNames"]
    deadline = time.monotonic() + 20
    while not request["context"]["snippets"] and time.monotonic() < deadline:
        time.sleep(1)
        request = told(client, "file:///shop/bill.py")
    assert [{"path": "shop/ledger.py", "text": LEDGER.rstrip()}] == request["context"]["snippets"]


def test_prose_is_left_alone_unless_somebody_asks(start: StartServer, tmp_path: Path) -> None:
    """Fails if ghost text comes up in every string that is typed, or cannot be had there at all."""
    model = write_rules(tmp_path / "script.json", [{"after": 'path = "', "before": '"\n', "answer": "data"}])
    for options, typing in (({}, []), ({"inStrings": True}, ["data"])):
        client = start(model)
        client.initialize(options)
        client.open("file:///a.py", 'path = ""\n')
        unasked = client.inline("file:///a.py", 0, 8, trigger=2)["items"]
        asked = client.inline("file:///a.py", 0, 8)["items"]
        assert (typing, ["data"]) == ([item["insertText"] for item in unasked], [item["insertText"] for item in asked])
