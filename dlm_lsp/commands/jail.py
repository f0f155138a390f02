"""The process in which `sandbox` runs a program: a script of its own, started as `python -I jail.py`, never imported.

In: one JSON order on stdin. Out, on the pipe that was stdout: the order's token once the program ran to its end, else '!' and
the name of what stopped it. Standard library only. What the system refuses to limit here stays unlimited; the audit hook
(no files written, no processes, no sockets, no foreign functions) works everywhere.
"""

import ctypes
import json
import os
import resource
import sys
from typing import Any

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CLOSED = {"ctypes", "fcntl", "gc", "mmap", "os", "pty", "resource", "shutil", "socket", "subprocess", "tempfile"}
_OPEN = {"os.listdir", "os.scandir"}  # the import system looks into folders


def main() -> None:
    """Read the order, shut the doors, run the program."""
    order = json.load(sys.stdin)
    answer_fd = os.dup(1)
    null_fd = os.open(os.devnull, os.O_RDWR)
    for standard_fd in range(3):
        os.dup2(null_fd, standard_fd)
    _leave_the_network()
    _limit(order["cpu_s"], order["memory_bytes"])
    sys.path.insert(0, "")  # the folder with the files handed over
    sys.addaudithook(_refuse)
    try:
        exec(compile(order["program"], "program", "exec"), {"__name__": "__main__"})  # noqa: S102  the purpose of this file
        answer = order["token"]
    except BaseException as error:  # noqa: BLE001  SystemExit and KeyboardInterrupt are no success either
        answer = f"!{type(error).__name__}"
    os.write(answer_fd, answer.encode("ascii", "replace"))
    os._exit(0)  # threads and exit functions of the program have no further say


def _leave_the_network() -> None:
    """Move into a network of our own, which has no way out, where the system lets ordinary users do so."""
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is not None:
        unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _limit(cpu_s: int, memory_bytes: int) -> None:
    """Set the limits of this process; a system that does not know one of them goes without it."""
    limits = {
        "RLIMIT_CPU": (cpu_s, cpu_s + 1),
        "RLIMIT_AS": (memory_bytes, memory_bytes),
        "RLIMIT_FSIZE": (0, 0),
        "RLIMIT_NOFILE": (32, 32),
        "RLIMIT_NPROC": (1, 1),
        "RLIMIT_CORE": (0, 0),
    }
    for name, values in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), values)
        except (AttributeError, ValueError, OSError):
            continue


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: refuse what reaches outside this process."""
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    if writes or (event.partition(".")[0] in _CLOSED and event not in _OPEN):
        raise PermissionError(event)


if __name__ == "__main__":
    main()
