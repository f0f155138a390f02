"""The model's process crashes, cannot start, or is killed: the editor's server goes on, and nothing asked is lost."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import LONG, StartServer
from tests.e2e.raw_client import RawClient

NOTHING = {"items": []}
BODY = "def long(a, b):\n    \n"


def messages(client: RawClient) -> list[str]:
    """Give what the user was shown."""
    return [note["params"]["message"] for note in client.notifications if note["method"] == "window/showMessage"]


def logged(client: RawClient) -> list[str]:
    """Give what the client's log was told."""
    return [note["params"]["message"] for note in client.notifications if note["method"] == "window/logMessage"]


def kill_worker(client: RawClient, but: int | None = None) -> int:
    """Kill the worker that runs now, if need be the next one after `but`; give its process id."""
    client.wait_until(lambda: [] != [worker for worker in client.worker_ids() if worker != but])
    (worker,) = [worker for worker in client.worker_ids() if worker != but]
    os.kill(worker, signal.SIGKILL)
    return worker


def test_a_killed_worker_is_restarted_and_the_request_answered(start: StartServer, slow_model: str) -> None:
    """Fails if a request is lost with the worker it was sent to, or answered twice."""
    client = start(slow_model, "--deadline-ms", "60000")
    client.initialize()
    client.open("file:///killed.py", BODY)
    client.inline("file:///killed.py", 0, 0)
    request = client.request_inline("file:///killed.py", 1, 4)
    time.sleep(0.3)
    kill_worker(client)
    assert LONG == client.answer(request)["result"]["items"][0]["insertText"]
    assert [] == messages(client)


@pytest.mark.parametrize("method", ["textDocument/completion", "dlm-lsp/fill"])
def test_lists_and_own_requests_outlive_the_worker(start: StartServer, slow_model: str, method: str) -> None:
    """Fails if another way to ask loses its question with the worker, or gets an error for it."""
    client = start(slow_model, "--deadline-ms", "60000")
    client.initialize(capabilities={})
    client.open("file:///killed.py", BODY)
    place = {"line": 1, "character": 4}
    request = client.request(method, {"textDocument": {"uri": "file:///killed.py"}, "position": place})
    client.wait_until(lambda: "busy" == client.ask("dlm-lsp/status", None)["result"]["state"])
    kill_worker(client)
    (item,) = client.answer(request)["result"]["items"]
    assert LONG in {item.get("insertText"), item.get("label")}


def test_killed_while_another_model_loads(start: StartServer, slow_model: str, fast_model: str) -> None:
    """Fails if a switch whose worker dies once is never answered, or answers for the wrong model."""
    client = start(slow_model)
    client.initialize()
    client.wait_until(lambda: [] != client.worker_ids())
    (old,) = client.worker_ids()
    switching = client.request("dlm-lsp/switchModel", {"model": fast_model})
    kill_worker(client, but=old)
    assert client.answer(switching)["result"]["loaded"]
    assert fast_model == client.ask("dlm-lsp/status", None)["result"]["model"]


def test_killed_again_and_again(start: StartServer, slow_model: str) -> None:
    """Fails if the server restarts for ever, waits for ever, or tells the user nothing or too much."""
    client = start(slow_model)
    client.initialize()
    client.open("file:///killed.py", BODY)
    request = client.request_inline("file:///killed.py", 1, 4)
    worker = None
    for _ in range(4):
        worker = kill_worker(client, but=worker)
    assert NOTHING == client.answer(request)["result"]
    client.wait_until(lambda: 1 == len(messages(client)))
    assert "restart the server" in messages(client)[0]
    assert NOTHING == client.inline("file:///killed.py", 1, 4)
    assert 1 == len(messages(client))
    assert any(line.startswith("No completions: ") for line in logged(client))
    assert 0 == client.leave()


def test_a_request_that_ends_two_workers_is_given_up(start: StartServer, slow_model: str) -> None:
    """Fails if a request that kills every worker is sent again and again, or the client's log does not say that it failed."""
    client = start(slow_model, "--deadline-ms", "60000")
    client.initialize()
    client.open("file:///killed.py", BODY)
    request = client.request_inline("file:///killed.py", 1, 4)
    worker = None
    for _ in range(2):
        client.wait_until(lambda: "busy" == client.ask("dlm-lsp/status", None)["result"]["state"])
        worker = kill_worker(client, but=worker)
        client.wait_until(lambda: "busy" != client.ask("dlm-lsp/status", None)["result"]["state"])
    assert NOTHING == client.answer(request)["result"]
    assert "A request failed: the model's process ended twice on this request" == logged(client)[-1]


def test_a_model_that_cannot_be_loaded(start: StartServer, tmp_path: Path) -> None:
    """Fails if a wrong setting breaks the editor, or the user is not told what is wrong."""
    client = start(str(tmp_path / "no-such-folder"))
    client.initialize()
    client.open("file:///model.py", BODY)
    assert NOTHING == client.inline("file:///model.py", 1, 4)
    client.wait_until(lambda: 1 == len(messages(client)))
    assert "no-such-folder" in messages(client)[0]
    assert NOTHING == client.inline("file:///model.py", 1, 4)
    assert 1 == len(messages(client))
    assert 0 == client.leave()


def test_another_model_by_the_settings(start: StartServer, fast_model: str, tmp_path: Path) -> None:
    """Fails if a model that cannot be loaded can only be got rid of by a restart."""
    client = start(str(tmp_path / "no-such-folder"))
    client.initialize()
    client.open("file:///switch.py", "def add(a, b):\n    \n")
    assert NOTHING == client.inline("file:///switch.py", 1, 4)
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"model": fast_model}}})
    assert "return a + b" == client.inline("file:///switch.py", 1, 4)["items"][0]["insertText"]
