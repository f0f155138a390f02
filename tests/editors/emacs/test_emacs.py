"""Emacs 28 and 30 in batch with eglot and with lsp-mode, configured as docs/editors/emacs.md says: what is saved is checked."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.editors.emacs.emacs import page, system, unpacked
from tests.editors.tasks import ACTIONS, Task, write_program

HERE = Path(__file__).parent
TASKS = ACTIONS | {
    "fill": Task("word = 'été', \n", ", ", "fill", "word = 'été', 'hiver'\n"),
    "emoji": Task("smile = '😀', \n", ", ", "fill", "smile = '😀', '🎉'\n"),
}


@pytest.fixture(scope="module", params=["28 eglot", "28 lsp-mode", "30 eglot", "30 lsp-mode"])
def client(request: pytest.FixtureRequest) -> str:
    """Name one Emacs and its client."""
    return request.param


@pytest.fixture(scope="module")
def folder(client: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have one Emacs do all tasks; give the folder with the files and with what was offered."""
    folder = tmp_path_factory.mktemp("emacs")
    offered = carry_out(client, folder, TASKS, write_program(folder))
    (folder / "offered.json").write_text(json.dumps(dict(zip(TASKS, offered, strict=True))), encoding="utf-8")
    return folder


def carry_out(client: str, folder: Path, tasks: dict[str, Task], programs: Path) -> list[list[str]]:
    """Have one Emacs do tasks in files of a folder; give the titles that were offered in each."""
    version, package = client.split()
    emacs = system() if version == "28" else unpacked()
    (folder / ".git").mkdir()
    for name, task in tasks.items():
        (folder / f"{name}.py").write_text(task.text, encoding="utf-8")
    configuration = folder / "page.el"
    configuration.write_text(page(package), encoding="utf-8")
    asked = [
        {"file": str(folder / f"{name}.py"), "at": task.at, "to": task.to, "do": task.do}
        for name, task in tasks.items()
    ]
    files = [package, configuration, HERE / f"{package.removesuffix('-mode')}.el", HERE / "driver.el"]
    done = subprocess.run(
        [*emacs.command, "--batch", *(argument for file in files for argument in ("-l", file))],
        env=os.environ
        | emacs.environment
        | {
            "TASKS": json.dumps(asked),
            "HOME": str(folder),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [
        json.loads(line.removeprefix("OFFERED ")) for line in done.stdout.splitlines() if line.startswith("OFFERED ")
    ]


@pytest.mark.parametrize("name", [name for name in TASKS if name != "emoji"])
def test_the_saved_file_is_right(folder: Path, name: str) -> None:
    """Fails if what is chosen or asked for is not what the file holds then, or anything else in it has changed."""
    assert (folder / f"{name}.py").read_text(encoding="utf-8") == TASKS[name].saved


def test_an_emoji_before_point(folder: Path, client: str) -> None:
    """Fails if columns are misread, or text comes to a wrong place with lsp-mode 8.0.0, which counts an emoji as one."""
    expected = TASKS["emoji"].text if client == "28 lsp-mode" else TASKS["emoji"].saved
    assert expected == (folder / "emoji.py").read_text(encoding="utf-8")


def test_the_actions_are_offered_where_they_make_sense(folder: Path) -> None:
    """Fails if an action is missing in the menu, or one is there that makes no sense."""
    offered = json.loads((folder / "offered.json").read_text(encoding="utf-8"))
    assert any("Fill this function" in title for title in offered["function"])
    assert any("Fill every stub in this file" in title for title in offered["function"])
    assert any("Regenerate selection" in title for title in offered["regenerate"])
    assert not any("stub" in title for title in offered["regenerate"])


def test_the_bundled_model(tmp_path: Path) -> None:
    """Fails if what a newcomer sees first, with nothing set, is nothing, or something that does not parse."""
    text = "def area(width, height):\n    return \n\n\nprint(area(2, 3))\n"
    carry_out("30 eglot", tmp_path, {"area": Task(text, "return ", "fill", "")}, write_program(tmp_path, model="nano"))
    saved = (tmp_path / "area.py").read_text(encoding="utf-8")
    assert len(text) < len(saved)
    compile(saved, "area.py", "exec")
