"""A checkpoint cut short, no memory for the model, a full disk under the log: one message at most, empty answers, the server lives."""

import resource
import shutil
from pathlib import Path

import psutil
import pytest

from dlm_lsp.models.folders import BUNDLED
from tests.e2e import raw_client
from tests.e2e.conftest import StartServer
from tests.e2e.test_worker_dies import messages

ADD = "def add(a, b):\n    \n"
NOTHING = {"items": []}


@pytest.mark.parametrize(
    ("file", "keep"), [("model.safetensors", 500_000), ("tokenizer.json", 500), ("config.json", 0)]
)
def test_a_checkpoint_that_is_cut_short(start: StartServer, tmp_path: Path, file: str, keep: int) -> None:
    """Fails if a broken download breaks the editor, is tried again and again, or is told without the file's name."""
    folder = shutil.copytree(BUNDLED / "nano", tmp_path / "nano")
    (folder / file).write_bytes((folder / file).read_bytes()[:keep])
    client = start(str(folder))
    client.initialize()
    client.open("file:///a.py", ADD)
    for _ in range(2):
        assert NOTHING == client.inline("file:///a.py", 1, 4)
    (said,) = messages(client)
    assert file in said
    assert not any("restart" in line for line in client.log)
    assert 0 == client.leave()


def test_no_memory_for_the_model(start: StartServer, fast_model: str) -> None:
    """Fails if a model that finds no memory takes the server with it, or nobody is told."""
    client = start(fast_model)
    client.initialize({"enabled": False})
    client.open("file:///a.py", ADD)
    front = psutil.Process(client.process.pid)
    limit_bytes = front.memory_info().vms + 150 * 10**6  # enough for the front; torch alone maps more
    front.rlimit(resource.RLIMIT_AS, (limit_bytes, -1))
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"enabled": True}}})
    assert NOTHING == client.inline("file:///a.py", 1, 4)
    (said,) = messages(client)
    assert "dlm-lsp gives no completions: the model" in said
    front.rlimit(resource.RLIMIT_AS, (-1, -1))
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"enabled": True, "threads": 2}}})
    assert "return a + b" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
    assert 0 == client.leave()


def test_a_full_disk_under_the_log(start: StartServer, fast_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a log line that cannot be written costs an answer or the server: nothing else is written anywhere."""
    program, command = raw_client.SERVER
    monkeypatch.setattr(raw_client, "SERVER", ("/bin/sh", "-c", f'exec "{program}" "$0" "$@" 2>/dev/full', command))
    client = start(fast_model)
    client.initialize()
    client.open("file:///a.py", ADD)
    for version in range(2, 5):
        assert "return a + b" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
        client.change("file:///a.py", version, {"text": f"{ADD}# {version}\n"})
    (worker,) = client.worker_ids()
    psutil.Process(worker).kill()
    client.wait_until(lambda: client.worker_ids() not in ([], [worker]))
    assert "return a + b" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
    client.send_bytes(b"garbage\r\n\r\n")
    assert "return a + b" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
    assert 0 == client.leave()
