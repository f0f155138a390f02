"""Recordings of typing: what they type is what really was written, and they are the same every time."""

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sessions import (
    EDIT_PAUSE_MS,
    LINE_PAUSE_MS,
    Session,
    as_keys,
    changes,
    first_keys,
    from_file,
    from_history,
    read,
    rhythm,
    session_between,
    shorten,
    write,
)

OLD = "import os\n\n\ndef f(a):\n    b = a\n    return b\n"
NEW = "import os\nimport re\n\n\ndef f(a):\n    b = a + 1\n    if b:\n        b = 2\n    return b\n"
RECORDING = Path(__file__).parents[2] / "benchmarks" / "typing.json"


def typed(session: Session) -> str:
    """Give the document after a session."""
    text = session.text
    for edit in session.edits:
        text = edit.apply(text)
    return text


def test_the_edits_make_the_new_text() -> None:
    """Fails if an edit is made where it stood before the edits above it, or a changed line is written anew as a whole."""
    session = session_between("f", OLD, NEW, random.Random(0))
    assert typed(session) == NEW
    assert ["\nimport re", " + 1\n    if b:\n        b = 2"] == [edit.text for edit in session.edits]


lines = st.lists(st.sampled_from(["a\n", "b\n", "    a\n", "ab\n", "\n", "    abc\n"]), max_size=12).map("".join)


@given(lines, lines, st.booleans())
def test_any_edits_make_the_new_text(old: str, new: str, last: bool) -> None:
    """Fails if equal ends of what is deleted and typed overlap, or a file's last line has no end."""
    new = new.removesuffix("\n") if last else new
    text = old
    for at, delete, put in changes(old, new):
        text = text[:at] + put + text[at + delete :]
    assert text == new


def test_enter_brings_the_indentation() -> None:
    """Fails if a person has to type what every editor inserts, or a key gets lost."""
    assert ["\n    ", "a", "\n", "\n\t", "b", " ", "\n"] == as_keys("\n    a\n\n\tb \n")


def test_people_think_before_lines() -> None:
    """Fails if lines come as fast as letters, if times depend on anything but the seed, or if keys come faster than hands move."""
    keys = as_keys("value = other\nreturn value")
    timed = rhythm(keys, random.Random(1))
    assert timed == rhythm(keys, random.Random(1))
    assert timed != rhythm(keys, random.Random(2))
    low, high = LINE_PAUSE_MS
    first = keys.index("\n") + 1
    assert low <= timed[first].after_ms <= high
    within = [key.after_ms for key in timed if key is not timed[first]]
    assert 150 < sum(within) / len(within) < 350


def test_a_session_is_cut_at_a_key() -> None:
    """Fails if a shortened session takes longer than it may, or types something else."""
    session = session_between("f", OLD, NEW, random.Random(0))
    short = first_keys(session, 12)
    assert 12 == short.keys
    assert ["\nimport re", " +"] == [edit.text for edit in short.edits]
    limit_ms = 0.7 * session.ms
    assert 0.4 * session.ms < shorten(session, limit_ms).ms <= limit_ms
    assert session == shorten(session, session.ms)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Fails if a recording is another one after it was kept."""
    sessions = [session_between("f", OLD, NEW, random.Random(0)), session_between("g", NEW, OLD, random.Random(0))]
    write(sessions, tmp_path / "typing.json")
    assert sessions == read(tmp_path / "typing.json")


def test_a_function_is_written_again(tmp_path: Path) -> None:
    """Fails if the docstring is taken for the body, or something else than one body is missing from the file."""
    body = "\n    total = 0\n    for value in values:\n        total += value * weight\n    return total / len(values)"
    text = f'def mean(values, weight):\n    """Give the mean."""{body}\n\n\nLAST = mean([1], 2)\n'
    (tmp_path / "mean.py").write_text(text)
    (session,) = from_file(tmp_path / "mean.py", random.Random(0))
    assert [body] == [edit.text for edit in session.edits]
    assert typed(session) == text
    assert session.text == text.replace(body, "")


def test_commits_are_recorded(tmp_path: Path) -> None:
    """Fails if a commit's edits are made to another version of the file, or what is no Python is typed."""

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    git("init", "-q")
    more = (
        "\n\ndef second(values):\n    for value in values:\n        print(value, end=' ')\n    return len(values)\n" * 2
    )
    for name in ("a.py", "b.txt"):
        (tmp_path / name).write_text(OLD)
    git("add", ".")
    git("commit", "-qm", "one")
    for name in ("a.py", "b.txt"):
        (tmp_path / name).write_text(OLD + more)
    git("commit", "-qam", "two")
    (session,) = from_history(tmp_path, "*.py", random.Random(0))
    assert session.name.startswith("a.py at ")
    assert OLD == session.text
    assert (OLD + more).startswith(typed(session).rstrip())


@pytest.fixture(scope="module")
def recording() -> list[Session]:
    """Give the recording that comes with the benchmark."""
    return read(RECORDING)


def test_the_recording_is_of_a_fitting_size(recording: list[Session]) -> None:
    """Fails if the recording takes more than five minutes, is no typing, or makes the repository large."""
    assert RECORDING.stat().st_size < 100_000
    assert 120_000 < sum(session.ms for session in recording) < 300_000
    assert len(recording) >= 5
    assert all(edit.pause_ms >= EDIT_PAUSE_MS[0] for session in recording for edit in session.edits)
    for session in recording:
        compile(session.text, session.name, "exec")
        assert session.keys >= 60
