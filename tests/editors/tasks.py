"""What is done in every editor that has code actions and no tests in depth: texts, what is chosen there, what is saved.

Also how such an editor finds a server with a scripted model: as the program that a user would have on the PATH.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RULES: list[dict[str, Any]] = [
    {"after": "def add(a, b):\n    ", "before": "\n", "answer": "return a + b"},
    {"after": "def scale(a, b):\n    ", "before": "\n", "answer": "c = a * b\n    return c"},
    {"after": "total = (", "before": ")", "answer": "price * quantity"},
    {"after": "word = 'été', ", "before": "\n", "answer": "'hiver'"},
    {"after": "smile = '😀', ", "before": "\n", "answer": "'🎉'"},
    {"after": "def broken(a):\n    ", "before": "\n    return", "answer": "value = (a + 1)"},
]


@dataclass(frozen=True)
class Task:
    """One thing to be done in one file."""

    text: str
    at: str
    """Text behind which point is, or at which the region begins."""
    do: str
    saved: str
    to: str | None = None
    """Text behind which the region ends."""


STUBS = "def add(a, b):\n    pass\n\n\ndef scale(a, b):\n    ...\n"
ACTIONS = {
    "function": Task(STUBS, "pass", "Fill this function", STUBS.replace("pass", "return a + b")),
    "stubs": Task(
        STUBS,
        "def",
        "Fill every stub in this file",
        STUBS.replace("pass", "return a + b").replace("...", "c = a * b\n    return c"),
    ),
    "regenerate": Task(
        "# é 😀\ntotal = (a + b) or 0\n",
        "a + ",
        "Regenerate selection",
        "# é 😀\ntotal = (price * quantity) or 0\n",
        to="b",
    ),
    "repair": Task(
        "def broken(a):\n    value = (a + 1\n    return value\n",
        "value",
        "Repair the broken lines",
        "def broken(a):\n    value = (a + 1)\n    return value\n",
    ),
}


def write_program(
    folder: Path, rules: list[dict[str, Any]] = RULES, step_ms: int = 0, model: str | None = None
) -> Path:
    """Write a `dlm-lsp` with a scripted model, or another one, into a folder; give the folder to be put on the PATH."""
    script = folder / "script.json"
    script.write_text(json.dumps({"rules": rules, "step_ms": step_ms}), encoding="utf-8")
    program = folder / "bin/dlm-lsp"
    program.parent.mkdir()
    options = f"--model {model or 'scripted:' + str(script)} --device cpu --threads 1 --deadline-ms 60000"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dlm_lsp serve {options} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program.parent
