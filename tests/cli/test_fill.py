"""`dlm-lsp fill`: places, and `--apply`, which changes what it is told to and nothing else."""

import errno
import io
import json
import stat
from pathlib import Path

import pytest

from dlm_lsp.commands import source as sources
from dlm_lsp.commands.source import read_source, write_source
from dlm_lsp.decoders import DECODERS
from tests.cli.test_command_line import run

BODY = "return a + b"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Name a model that knows one function."""
    rules = [
        {"after": "def add(a, b):\n    ", "before": "\n", "answer": BODY, "alternatives": ["return b + a"]},
        {"after": "def two(a, b):\n    ", "before": "\n", "answer": "c = a\n    return c"},
        {"after": "def euro(a, b):\n    ", "before": "\n", "answer": "return '€'"},
    ]
    (tmp_path / "script.json").write_text(json.dumps({"rules": rules}))
    return f"scripted:{tmp_path / 'script.json'}"


def fill(capsys, model: str, *arguments: str) -> tuple[int, str, str]:
    """Run the command."""
    return run(capsys, "fill", *arguments, "--model", model, "--device", "cpu", "--threads", "1")


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write a file."""
    file = folder / name
    file.write_bytes(content)
    return file


# Decoders


@pytest.mark.parametrize("name", [name for name, decoder in DECODERS.items() if decoder.is_strategy])
def test_every_order_of_calls_fills_a_hole(capsys, tmp_path: Path, model: str, name: str) -> None:
    """Fails if a strategy cannot be named in a setting, or is not told apart from the rules of the ordinary loop."""
    file = write(tmp_path, "a.py", b"def add(a, b):\n    \n")
    assert (0, f"{BODY}\n", "") == fill(capsys, model, f"{file}:2:5", "--sampler", name)


@pytest.mark.parametrize(
    ("drafter", "complaint"),
    [
        ("skip", "drafter=skip needs a model with layers; this one has none, take frozen"),
        ("nanu", "there is no model 'nanu': neither a folder nor a bundled model; did you mean 'nano'?"),
        (
            "nano",
            "the drafter 'nano' has another tokenizer than the model; take frozen, skip or a checkpoint of its family",
        ),
    ],
)
def test_a_drafter_that_cannot_draft_is_one_sentence(
    capsys, tmp_path: Path, model: str, drafter: str, complaint: str
) -> None:
    """Fails if a pair that cannot work together is taken, counts as an empty answer or ends in a traceback."""
    file = write(tmp_path, "a.py", b"def add(a, b):\n    \n")
    assert (2, "", f"dlm-lsp: {complaint}\n") == fill(
        capsys, model, f"{file}:2:5", "--sampler", f"dual:drafter={drafter}"
    )


# Places


@pytest.mark.parametrize("place", [["-:2:5"], [":2:5"], ["2:5"], ["-", "--at", "2:5"]])
def test_stdin_has_several_names(capsys, monkeypatch, model: str, place: list[str]) -> None:
    """Fails if a way to name stdin that people know is taken for a file or an option."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"def add(a, b):\n    \n")))
    assert (0, f"{BODY}\n", "") == fill(capsys, model, *place)


def test_the_place_may_stand_beside_the_file(capsys, tmp_path: Path, model: str) -> None:
    """Fails if a file whose name looks like a place cannot be named."""
    file = write(tmp_path, "odd:2:5", b"def add(a, b):\n    \n")
    assert (0, f"{BODY}\n") == fill(capsys, model, str(file), "--at", "2:5")[:2]


def test_several_candidates_are_printed_best_first(capsys, tmp_path: Path, model: str) -> None:
    """Fails if candidates are lost, or run into each other."""
    file = write(tmp_path, "a.py", b"def add(a, b):\n    \n")
    _, out, _ = fill(capsys, model, f"{file}:2:5", "--candidates", "2", "--seed", "1", "--sampler", "threshold")
    assert f"{BODY}\n---\nreturn b + a\n" == out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["a.py"], "'a.py' is no place: write FILE:LINE:COLUMN"),
        (["a.py", "--at", "2"], "'2' is no place"),
        (["a.py", "--at", "x:y"], "'x:y' is no place"),
        (["-", "--apply", "--at", "1:1"], "--apply needs a file"),
        (["no-such.py:1:1"], "no-such.py cannot be read: No such file or directory."),
        ([".:1:1"], ". is no file."),
        (["/dev/zero:1:1"], "/dev/zero is no file."),
        (["app.env:1:1"], "app.env is private (*.env): no model reads it."),
        (["x.gen.py:1:1", "--exclude", "*.gen.py"], "x.gen.py is private (*.gen.py)"),
        (["a.py:1:1", "--sampler", "treshold"], "the nearest name is 'threshold'"),
        (["a.py:1:1", "--cache", "whole"], "there is no cache 'whole'; the nearest name is 'hole'"),
        (["a.py:1:1", "--cache", "hole:steps=0"], "the parameter 'steps' of 'hole' is 0; it must be 1 to 10000"),
    ],
)
def test_bad_arguments_are_one_sentence(capsys, model: str, arguments: list[str], complaint: str) -> None:
    """Fails if a mistake ends in a traceback or starts the model."""
    status, out, err = fill(capsys, model, *arguments)
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert complaint in err


def test_a_link_to_a_private_file_is_private(capsys, tmp_path: Path, model: str) -> None:
    """Fails if another name is enough to show keys to the model."""
    write(tmp_path, "id_rsa", b"key\n")
    (tmp_path / "innocent.py").symlink_to(tmp_path / "id_rsa")
    status, _, err = fill(capsys, model, f"{tmp_path}/innocent.py:1:1")
    assert (2, True) == (status, "is private (id_rsa*)" in err)


@pytest.mark.parametrize(
    "content", [b"\xff\xfed\x00e\x00f\x00", b"x = '\xe4'\n", b"# coding: klingon\nx = 1\n", b"\x80", b"\x7fELF\0"]
)
def test_what_is_no_text_is_one_sentence(capsys, tmp_path: Path, model: str, content: bytes) -> None:
    """Fails if a file in an unknown encoding is misread or ends in a traceback."""
    file = write(tmp_path, "odd.py", content)
    status, out, err = fill(capsys, model, f"{file}:1:1", "--apply")
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert "text" in err
    assert content == file.read_bytes()


# Writing back


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"def add(a, b):\n    \n", b"def add(a, b):\n    return a + b\n"),
        (b"def add(a, b):\r\n    \r\n", b"def add(a, b):\r\n    return a + b\r\n"),
        (b"def two(a, b):\r\n    \r\n", b"def two(a, b):\r\n    c = a\r\n    return c\r\n"),
        (b"def two(a, b):\r    \rx = 1\r", b"def two(a, b):\r    c = a\r    return c\rx = 1\r"),
        (b"\xef\xbb\xbfdef add(a, b):\n    \n", b"\xef\xbb\xbfdef add(a, b):\n    return a + b\n"),
        (
            b"# coding: latin-1\nname = '\xe4'\ndef add(a, b):\n    \n",
            b"# coding: latin-1\nname = '\xe4'\ndef add(a, b):\n    return a + b\n",
        ),
        (
            b"def add(a, b):\n    \n\x0c# \xe2\x80\xa8\n",
            b"def add(a, b):\n    return a + b\n\x0c# \xe2\x80\xa8\n",
        ),
        (
            b"def add(a, b):\n    \nx = '<|mask|><|endoftext|><|pad|>' '<|expand|><|path|>' '<|sep|>'\n",
            b"def add(a, b):\n    return a + b\nx = '<|mask|><|endoftext|><|pad|>' '<|expand|><|path|>' '<|sep|>'\n",
        ),
    ],
    ids=["lf", "crlf", "crlf several lines", "cr", "byte order mark", "latin-1", "odd separators", "special tokens"],
)
def test_nothing_but_the_filling_changes(capsys, tmp_path: Path, model: str, before: bytes, after: bytes) -> None:
    """Fails if encoding, byte order mark, line ends or any byte elsewhere change."""
    file = write(tmp_path, "a.py", before)
    line = 4 if b"latin" in before else 2
    status, out, _ = fill(capsys, model, f"{file}:{line}:5", "--apply")
    assert 0 == status, out
    assert after == file.read_bytes()
    assert {"a.py", "script.json"} == {path.name for path in tmp_path.iterdir()}, "nothing is left lying about"


def test_mode_and_link_stay(capsys, tmp_path: Path, model: str) -> None:
    """Fails if a script is no longer executable, or a link becomes a file of its own."""
    file = write(tmp_path, "real.py", b"def add(a, b):\n    \n")
    file.chmod(0o751)
    (tmp_path / "link.py").symlink_to("real.py")
    status, out, _ = fill(capsys, model, f"{tmp_path}/link.py:2:5", "--apply", "--json")
    assert (0, str(file)) == (status, json.loads(out)["applied"])
    assert 0o751 == stat.S_IMODE(file.stat().st_mode)
    assert (tmp_path / "link.py").is_symlink()
    assert b"return a + b" in file.read_bytes()


def test_no_answer_changes_nothing(capsys, tmp_path: Path, model: str) -> None:
    """Fails if a hole that stays empty rewrites the file."""
    file = write(tmp_path, "a.py", b"x = (\n")
    before = file.stat()
    assert 1 == fill(capsys, model, f"{file}:1:6", "--apply")[0]
    assert (before.st_ino, before.st_mtime_ns) == (file.stat().st_ino, file.stat().st_mtime_ns)


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """Fails if what the user saved while the model thought is lost."""
    file = write(tmp_path, "a.py", b"x = 1\n")
    source = read_source(str(file))
    file.write_bytes(b"x = 2\n")
    with pytest.raises(sources.DlmError, match="was changed by somebody else meanwhile"):
        write_source(source, "x = 3\n")
    assert b"x = 2\n" == file.read_bytes()
    assert ["a.py"] == [path.name for path in tmp_path.iterdir()]


def test_a_filling_that_the_encoding_lacks_is_refused(capsys, tmp_path: Path, model: str) -> None:
    """Fails if characters are replaced by question marks, or the file is cut at the first of them."""
    content = b"# coding: latin-1\ndef euro(a, b):\n    \n"
    file = write(tmp_path, "a.py", content)
    status, _, err = fill(capsys, model, f"{file}:3:5", "--apply")
    assert (2, True) == (status, "has characters that iso-8859-1 lacks" in err)
    assert content == file.read_bytes()


@pytest.mark.parametrize("failing", ["fsync", "chown"])
def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch, failing: str) -> None:
    """Fails if a disk that fills while writing costs the user's file, or leaves half a one beside it."""
    file = write(tmp_path, "a.py", b"x = 1\n")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"dlm_lsp.commands.source.os.{failing}", fail)
    source = read_source(str(file))
    if failing == "chown":  # the owner is a wish, not a condition
        write_source(source, "x = 2\n")
        assert b"x = 2\n" == file.read_bytes()
    else:
        with pytest.raises(
            sources.DlmError, match=r"cannot be written \(No space left on device\): it was not changed"
        ):
            write_source(source, "x = 2\n")
        assert b"x = 1\n" == file.read_bytes()
    assert ["a.py"] == [path.name for path in tmp_path.iterdir()]


def test_a_read_only_file_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    """Fails if a file is replaced that its owner has protected, because its folder may be written."""
    file = write(tmp_path, "a.py", b"x = 1\n")
    monkeypatch.setattr("dlm_lsp.commands.source.os.access", lambda *_: False)  # root may write everything
    with pytest.raises(sources.DlmError, match="read-only"):
        write_source(read_source(str(file)), "x = 2\n")
    assert b"x = 1\n" == file.read_bytes()
