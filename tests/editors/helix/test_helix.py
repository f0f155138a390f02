"""Helix in a terminal, configured as docs/editors/helix.md says: the code actions, and answers in its completion list."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.editors.tasks import ACTIONS, write_program
from tests.editors.terminal import PATIENCE_S, Terminal

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/editors/helix.md"
HELIX = ROOT / "build/editors/helix/usr/lib/hx"
"""What tests/editors/get.sh unpacks."""


def start(folder: Path, bin_folder: Path) -> Terminal:
    """Start Helix as somebody who has pasted the page's lines."""
    [lines] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    configuration = folder / "config/helix/languages.toml"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text(lines, encoding="utf-8")
    environment = {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HELIX_RUNTIME": str(HELIX / "runtime"),
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
    }
    return Terminal(folder / "tmux", [str(HELIX / "hx"), "--working-dir", str(folder)], environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that Helix works in."""
    return tmp_path_factory.mktemp("helix")


@pytest.fixture(scope="module")
def helix(folder: Path) -> Iterator[Terminal]:
    """Give one Helix for all tests."""
    assert (HELIX / "hx").exists(), "tests/editors/get.sh helix"
    with start(folder, write_program(folder)) as terminal:
        yield terminal


def open_file(helix: Terminal, file: Path, text: str) -> None:
    """Open a file, and wait until the server knows it."""
    file.write_text(text, encoding="utf-8")
    helix.keys("Escape")
    helix.wait_for("NOR")
    helix.keys(f":open {file}", "Enter")
    helix.wait_for(f" {file.name} ")


def choose(helix: Terminal, title: str) -> str:
    """Open the menu of code actions, again where the server was not there yet, and take the one with a title; give the menu."""
    until = time.monotonic() + PATIENCE_S
    while not (found := [line for line in helix.screen().splitlines() if title in line]):
        assert time.monotonic() < until, f"no {title!r} on\n{helix.screen()}"
        helix.keys("Escape")
        helix.keys("Space", "a")
        time.sleep(0.5)
    titles = [line for line in helix.screen().splitlines() if re.search(r" (Fill|Regenerate|Repair) ", line)]
    helix.keys(*["Down"] * titles.index(found[0]))
    time.sleep(0.1)
    menu = helix.screen(colours=True)
    helix.keys("Enter")
    return menu


def saved(helix: Terminal, file: Path, is_there: Callable[[str], bool]) -> str:
    """Save until the file holds what is waited for, and give it."""
    until = time.monotonic() + PATIENCE_S
    while not is_there(file.read_text(encoding="utf-8")) and time.monotonic() < until:
        helix.keys(":write", "Enter")
        time.sleep(0.3)
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ACTIONS)
def test_code_actions(helix: Terminal, folder: Path, name: str) -> None:
    """Fails if Helix's menu lacks an action where it makes sense, or what is saved is not exactly its text."""
    task, file = ACTIONS[name], folder / f"{name}.py"
    open_file(helix, file, task.text)
    helix.keys("/" + re.escape(task.at + (task.to or "")), "Enter")
    choose(helix, task.do)
    assert task.saved == saved(helix, file, lambda text: text != task.text)


def test_answers_are_in_the_completion_list(helix: Terminal, folder: Path) -> None:
    """Fails if Helix, which draws no ghost text, gets no answers while somebody types, or takes over another text."""
    file = folder / "typed.py"
    open_file(helix, file, "def add(a, b):\n    \n\n\nprint(add(1, 2))\n")
    helix.keys("/    ", "Enter", "a", "ret")
    helix.wait_for("return a + b")
    helix.keys("Tab", "Enter")
    time.sleep(0.3)
    helix.keys("Escape")
    helix.wait_for("NOR")
    expected = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"
    assert expected == saved(helix, file, lambda text: "return a + b" in text)
