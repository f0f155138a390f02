"""`dlm-lsp models`: what is downloaded and what is not, what it says, and what it says when it cannot."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlm_lsp.commands import pull as pulling
from dlm_lsp.models.folders import find
from tests.cli.hub import COMMIT, hub
from tests.cli.test_command_line import run

TINY = Path(__file__).parents[1] / "data" / "reference" / "checkpoints" / "dream-tiny"
CLOSED_PORT = "http://127.0.0.1:9"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a checkpoint as authors publish it, with code and more that nobody here wants."""
    folder = shutil.copytree(TINY, tmp_path / "repository")
    (folder / "modeling_dream.py").write_text("raise SystemExit('their code was run')")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "LICENSE").write_text("yours")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.safetensors").write_bytes(b"another format")
    return folder


def pull(home: Path, endpoint: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run `dlm-lsp models pull` with a cache and a hub of the test's own."""
    return subprocess.run(
        [sys.executable, "-m", "dlm_lsp", "models", "pull", *arguments],
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_TOKEN": "", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_model_is_downloaded_shown_and_found(repository: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Fails if licence or size are not shown, code or other formats are fetched, or the model cannot be named afterwards."""
    with hub(repository, cardData={"license": "apache-2.0", "license_link": "https://example.org/l"}) as server:
        done = pull(tmp_path / "home", server.url, "tiny/dream", "--yes")
    assert ("", 0) == (done.stderr if done.returncode else "", done.returncode)
    assert "licence: apache-2.0 https://example.org/l" in done.stdout
    assert "Use it: dlm-lsp --model tiny/dream\n" in done.stdout
    wanted = {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "LICENSE"}
    assert wanted == server.fetched()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert COMMIT == find("tiny/dream").name
    assert "tiny/dream  Dream" in run(capsys, "models", "list")[1]


def test_nothing_is_downloaded_unless_one_agrees(repository: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Fails if weights are fetched before the licence was agreed to, or a script without --yes waits for ever."""
    with hub(repository) as server:
        done = pull(tmp_path / "home", server.url, "tiny/dream")
    assert (2, {"config.json"}) == (done.returncode, server.fetched())
    assert "licence: none is stated" in done.stdout
    assert "dlm-lsp: nobody is here to agree to that: say --yes.\n" == done.stderr.splitlines(keepends=True)[-1]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for said, agreed in {"y": True, "YES ": True, "": False, "n": False, "sure": False}.items():
        monkeypatch.setattr("builtins.input", lambda _, said=said: said)
        assert agreed == pulling._agrees()
    capsys.readouterr()


def test_a_broken_download_goes_on_where_it_ended(repository: Path, tmp_path: Path) -> None:
    """Fails if what has come of a large file is thrown away when the connection breaks."""
    size_bytes = 25_000_000
    header = json.dumps({"a": {"dtype": "I8", "shape": [size_bytes], "data_offsets": [0, size_bytes]}}).encode()
    content = len(header).to_bytes(8, "little") + header + b"\x07" * size_bytes
    (repository / "model.safetensors").write_bytes(content)
    with hub(repository) as server:
        server.break_off["model.safetensors"] = 22_000_000
        done = pull(tmp_path / "home", server.url, "tiny/dream", "--yes")
    assert 0 == done.returncode, done.stderr
    ranges = [line.split()[-1] for line in server.asked if line.startswith("GET") and "bytes=" in line]
    assert ["bytes=20971520-"] == ranges, "its library reads in pieces of 10 MiB"
    files = (tmp_path / "home").rglob("snapshots/*/model.safetensors")
    assert [content] == [file.read_bytes() for file in files]


@pytest.mark.parametrize(
    ("status", "code", "complaint"),
    [
        (403, "GatedRepo", "tiny/dream is gated: accept its terms on its page on the hub, then log in"),
        (404, "RepoNotFound", "there is no model tiny/dream on the hub, or it is private"),
        (404, "RevisionNotFound", "tiny/dream has no revision 'v9': leave --revision out"),
        (418, "", "the hub cannot be reached or broke off"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(tmp_path: Path, status: int, code: str, complaint: str) -> None:
    """Fails if a refusal ends in a traceback, or in a sentence that sends people the wrong way."""
    with hub(tmp_path) as server:
        server.refusal = (status, code)
        done = pull(tmp_path / "home", server.url, "tiny/dream", "--yes", "--revision", "v9")
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert done.stderr.startswith(f"dlm-lsp: {complaint}")


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    """Fails if nobody listening ends in a traceback or in endless trying."""
    done = pull(tmp_path / "home", CLOSED_PORT, "tiny/dream", "--yes")
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert "the hub cannot be reached" in done.stderr


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights in the safetensors format"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "llama"}'), "its model_type is 'llama'"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
    ],
)
def test_what_could_not_be_run_is_not_downloaded(repository: Path, tmp_path: Path, spoil, complaint: str) -> None:
    """Fails if gigabytes come before somebody looks whether the model can be run."""
    spoil(repository)
    with hub(repository) as server:
        done = pull(tmp_path / "home", server.url, "tiny/dream", "--yes")
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert complaint in done.stderr
    assert "model.safetensors" not in server.fetched()


def test_weights_that_came_damaged_are_said(repository: Path, tmp_path: Path) -> None:
    """Fails if a file that is broken on the hub is called ready for use."""
    (repository / "model.safetensors").write_bytes(b"\x00" * 100)
    with hub(repository) as server:
        done = pull(tmp_path / "home", server.url, "tiny/dream", "--yes")
    assert 2 == done.returncode
    assert "model.safetensors is damaged or cut short" in done.stderr
    assert "Use it" not in done.stdout


def test_a_full_disk_is_said_before_and_during() -> None:
    """Fails if a disk is filled that is known to be too small, or a full one is taken for a broken network."""
    with pytest.raises(pulling.DlmError, match="too little: free some, or set HF_HUB_CACHE"):
        pulling._check_room(10**18)
    wrapped = RuntimeError("the library's own")
    wrapped.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(pulling.DlmError, match="the disk is full"), pulling._in_words("a/b", "main"):
        raise wrapped


@pytest.mark.parametrize("name", ["dream", "a/b/c", "https://example.org/a/b", "../..", "a b/c", ""])
def test_names_that_are_none(capsys, name: str) -> None:
    """Fails if something that is no OWNER/NAME reaches the network."""
    status, out, err = run(capsys, "models", "pull", name, "--yes")
    assert (2, "", 1) == (status, out, err.count("\n"))


def test_actions_on_weights_run_and_hand_their_status_on(tmp_path: Path, capfd) -> None:
    """Fails if output or status of the process that reads weights get lost, or its bad news come as a traceback."""
    arguments = ("--device", "cpu", "--threads", "1")
    assert 0 == run(capfd, "models", "check", "nano", *arguments)[0]
    status, out, _ = run(capfd, "models", "check", str(TINY), "--json", *arguments)
    assert (1, False) == (status, json.loads(out)["works"])
    status, out, err = run(capfd, "models", "check", "nano2")
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert "did you mean 'nano'?" in err
    status, out, _ = run(capfd, "models", "export", "nano", str(tmp_path / "out"))
    assert (0, True) == (status, "13.1 MB of weights in bfloat16" in out)
    status, _, err = run(capfd, "models", "export", "nano", str(tmp_path / "out"))
    assert (2, True) == (status, "is there already; name a folder that is not" in err)


def test_folders_are_listed_too(capsys) -> None:
    """Fails if a checkpoint that stands elsewhere cannot be looked at, an editor cannot read the list, or one that is none raises."""
    status, out, _ = run(capsys, "models", "list", str(TINY))
    assert (0, True) == (status, f"{TINY}  Dream" in out)
    status, out, _ = run(capsys, "models", "list", "--json", str(TINY))
    listed = json.loads(out)[-1]
    assert (0, str(TINY), "Dream", True) == (status, listed["name"], listed["family"], listed["bytes"] > 0)
    status, _, err = run(capsys, "models", "list", "nowhere")
    assert (2, "dlm-lsp: nowhere/config.json is missing", 1) == (status, err.partition(";")[0], err.count("\n"))
