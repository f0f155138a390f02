"""Emacs in batch with eglot and with lsp-mode, configured as docs/editors/emacs.md says: what is saved is checked."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs/editors/emacs.md"
LISP = Path("/usr/share/emacs/site-lisp/elpa")
"""Where Debian has elpa-eglot and elpa-lsp-mode."""

RULES = [
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
TASKS = {
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
    "fill": Task("word = 'été', \n", ", ", "fill", "word = 'été', 'hiver'\n"),
    "emoji": Task("smile = '😀', \n", ", ", "fill", "smile = '😀', '🎉'\n"),
}


@pytest.fixture(scope="module", params=["eglot", "lsp-mode"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have one Emacs do all tasks; give the folder with the files and with what was offered."""
    folder = tmp_path_factory.mktemp("emacs")
    (folder / ".git").mkdir()
    script = folder / "script.json"
    script.write_text(json.dumps({"rules": RULES}), encoding="utf-8")
    program = folder / "bin/dlm-lsp"
    program.parent.mkdir()
    options = f"--model scripted:{script} --device cpu --threads 1 --deadline-ms 60000"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dlm_lsp serve {options} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for name, task in TASKS.items():
        (folder / f"{name}.py").write_text(task.text, encoding="utf-8")
    configuration = folder / "page.el"
    configuration.write_text("\n".join(_blocks(request.param)), encoding="utf-8")
    paths = [argument for package in LISP.iterdir() for argument in ("-L", package)]
    tasks = [
        {"file": str(folder / f"{name}.py"), "at": task.at, "to": task.to, "do": task.do}
        for name, task in TASKS.items()
    ]
    client = HERE / f"{request.param.removesuffix('-mode')}.el"
    done = subprocess.run(
        [
            "emacs",
            "-Q",
            "--batch",
            *paths,
            "-l",
            request.param,
            "-l",
            configuration,
            "-l",
            client,
            "-l",
            HERE / "driver.el",
        ],
        env=os.environ
        | {
            "TASKS": json.dumps(tasks),
            "HOME": str(folder),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    offered = [
        json.loads(line.removeprefix("OFFERED ")) for line in done.stdout.splitlines() if line.startswith("OFFERED ")
    ]
    (folder / "offered.json").write_text(json.dumps(dict(zip(TASKS, offered, strict=True))), encoding="utf-8")
    return folder


def _blocks(client: str) -> list[str]:
    """Give what the page says of a client."""
    found = re.findall(
        rf"```elisp {re.escape(client)}(?: fill)?\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(found) == 2, f"{PAGE} should have two blocks of {client}"
    return found


@pytest.mark.parametrize("name", [name for name in TASKS if name != "emoji"])
def test_the_saved_file_is_right(folder: Path, name: str) -> None:
    """Fails if what is chosen or asked for is not what the file holds then, or anything else in it has changed."""
    assert (folder / f"{name}.py").read_text(encoding="utf-8") == TASKS[name].saved


def test_an_emoji_before_point(folder: Path) -> None:
    """Fails if eglot's columns are misread, or text comes to a wrong place with lsp-mode 8.0.0, which counts an emoji as one."""
    is_lsp_mode = "lsp-mode" in (folder / "page.el").read_text(encoding="utf-8")
    expected = TASKS["emoji"].text if is_lsp_mode else TASKS["emoji"].saved
    assert expected == (folder / "emoji.py").read_text(encoding="utf-8")


def test_the_actions_are_offered_where_they_make_sense(folder: Path) -> None:
    """Fails if an action is missing in the menu, or one is there that makes no sense."""
    offered = json.loads((folder / "offered.json").read_text(encoding="utf-8"))
    assert any("Fill this function" in title for title in offered["function"])
    assert any("Fill every stub in this file" in title for title in offered["function"])
    assert any("Regenerate selection" in title for title in offered["regenerate"])
    assert not any("stub" in title for title in offered["regenerate"])
