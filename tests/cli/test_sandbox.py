"""The runner for code that nobody vouches for, against code that tries to look as if it had passed."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dlm_lsp.commands import sandbox
from dlm_lsp.commands.sandbox import Trial, run_untrusted

CHECK = "\ndef check(candidate):\n    assert candidate(2) == 4\ncheck(double)\n"
RIGHT = "def double(x):\n    return x + x\n"


def try_body(body, **limits):
    """Run a `double` with this body against its check."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return run_untrusted(f"def double(x):\n{lines}{CHECK}", **limits)


def test_a_right_answer_passes():
    """Fails if nothing ever passes."""
    assert Trial(passed=True, reason="passed") == run_untrusted(RIGHT + CHECK)


def test_the_standard_library_and_the_files_handed_over_can_be_imported():
    """Fails if the doors are shut so tightly that honest answers cannot run."""
    modules = "typing, random, string, re, hashlib, math, collections, itertools, functools, heapq, datetime, decimal"
    program = f"import {modules}\nfrom double import double\n" + CHECK
    assert run_untrusted(program, {"double.py": RIGHT}).passed


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return x", "AssertionError"),
        ("exit()", "NameError"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("raise SystemExit", "SystemExit"),
        ("import os; os._exit(0)", "ended early"),
        ("print('passed', flush=True); import os; os._exit(0)", "ended early"),
        (
            "import os\nfor fd in range(32):\n    try: os.write(fd, b'passed')\n    except OSError: pass\nos._exit(0)",
            "ended early",
        ),
        ("import os; os.fork(); return 4", "PermissionError"),
        ("import subprocess; subprocess.run(['true']); return 4", "PermissionError"),
        ("import os; os.system('true'); return 4", "PermissionError"),
        ("import os; os.kill(os.getppid(), 9)", "PermissionError"),
        ("import os; os.remove('double.py')", "PermissionError"),
        ("open('file', 'w'); return 4", "PermissionError"),
        ("import socket; socket.create_connection(('127.0.0.1', 9)); return 4", "PermissionError"),
        ("import ctypes; ctypes.CDLL(None)._exit(0)", "PermissionError"),
        ("return len(bytearray(8 * 1024**3))", "MemoryError"),
        ("return double(x)", "RecursionError"),
        ("import signal; signal.raise_signal(signal.SIGSEGV)", "ended early"),
    ],
)
def test_hostile_answers_do_not_pass(body, reason):
    """Fails if an exit code, printed text, a forked process or a caught limit counts as success."""
    assert Trial(passed=False, reason=reason) == try_body(body)


def test_a_loop_ends_by_the_processor_time(monkeypatch):
    """Fails if an endless loop holds a benchmark up for longer than its limit."""
    monkeypatch.setattr(sandbox, "CPU_S", 1)
    began = time.monotonic()
    assert Trial(passed=False, reason="time") == try_body("while True: pass")
    assert time.monotonic() - began < sandbox.WALL_S


def test_a_sleeper_ends_by_the_clock():
    """Fails if a program that uses no processor time is waited for."""
    assert Trial(passed=False, reason="time") == try_body("import time\nwhile True: time.sleep(9)", wall_s=1)


def test_a_flood_of_output_harms_nobody():
    """Fails if what a program prints is collected."""
    assert try_body("print('x' * 10**8)\nreturn 4").passed


def test_the_environment_is_scrubbed(monkeypatch):
    """Fails if secrets in the environment reach generated code."""
    monkeypatch.setenv("SECRET", "42")
    assert run_untrusted("import os\nassert set(os.environ) <= {'PATH', 'HOME', 'PYTHONHASHSEED', 'LC_CTYPE'}\n").passed


def test_the_folder_is_empty_and_gone_afterwards(monkeypatch, tmp_path):
    """Fails if generated code runs beside somebody's files, or leaves some."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run_untrusted("import os\nassert os.listdir('.') == []\n").passed
    assert Trial(passed=False, reason="AssertionError") == run_untrusted(
        "import os\nassert os.listdir('.') == []\n", {"a.py": ""}
    )
    assert [] == list(tmp_path.iterdir())


def test_the_jail_has_no_network_where_the_system_allows():
    """Fails if code that gets past the audit hook finds a network although the system could have taken it away."""
    allowed = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000))"
    if sys.platform != "linux" or subprocess.run([sys.executable, "-c", allowed], check=False).returncode:
        pytest.skip("this system does not let ordinary processes have a network of their own")
    jail = Path(sandbox.__file__).with_name("jail.py")
    script = (
        f"import runpy, socket; runpy.run_path({str(jail)!r})['_leave_the_network'](); print(socket.if_nameindex())"
    )
    assert (
        "[(1, 'lo')]\n"
        == subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    )
