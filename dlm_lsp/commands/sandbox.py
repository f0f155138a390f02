"""Run a program nobody vouches for, such as a completion with its test, and say whether it came to its end.

In: the program's text and the files beside it. Out: `Trial`. The program runs in a process of its own (`jail`), and only a
random token that the jail hands over after the last line counts as success: an exit code or printed text proves nothing.
Stops what a model writes by mistake and plain tricks; it is no border against an attacker who studies this file.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlm_lsp.errors import DlmError

CPU_S = 4
WALL_S = 12.0
MEMORY_BYTES = 1024**3
_ANSWER_BYTES = 4096

_JAIL = Path(__file__).with_name("jail.py")


@dataclass(frozen=True, slots=True)
class Trial:
    """How a program ended."""

    passed: bool
    reason: str
    """'passed', the exception that ended it, 'time', or 'ended early'."""


def run_untrusted(program: str, files: Mapping[str, str] | None = None, wall_s: float = WALL_S) -> Trial:
    """Run `program` to its end, with `files` (name → text) importable beside it and nothing else at hand."""
    if os.name != "posix":
        raise DlmError("Tests of generated code run on Linux and macOS only.")
    token = secrets.token_hex(16)
    order = {"program": program, "token": token, "cpu_s": CPU_S, "memory_bytes": MEMORY_BYTES}
    with tempfile.TemporaryDirectory(prefix="dlm-lsp-jail-") as folder:
        for name, text in (files or {}).items():
            Path(folder, name).write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(_JAIL)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.defpath, "HOME": folder, "PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        try:
            return _watch(process, json.dumps(order).encode("ascii"), token, wall_s)
        finally:
            _kill_group(process)


def _watch(process: subprocess.Popen[bytes], order: bytes, token: str, wall_s: float) -> Trial:
    """Hand over the order, wait, and read no more of the answer than an honest one is long."""
    assert process.stdin is not None, "the jail's stdin is a pipe"
    assert process.stdout is not None, "the jail's stdout is a pipe"
    try:
        process.stdin.write(order)
        process.stdin.close()
        code = process.wait(wall_s)
    except BrokenPipeError:
        return Trial(passed=False, reason="ended early")
    except subprocess.TimeoutExpired:
        return Trial(passed=False, reason="time")
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return Trial(passed=False, reason="time")
    os.set_blocking(process.stdout.fileno(), False)
    answer = (process.stdout.read(_ANSWER_BYTES) or b"").decode("utf-8", "replace")
    if answer == token:
        return Trial(passed=True, reason="passed")
    return Trial(passed=False, reason=answer.removeprefix("!") if answer.startswith("!") else "ended early")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all of the group has ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
