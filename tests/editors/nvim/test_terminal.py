"""Neovim in a terminal, as a person sees it; the screens are kept as pictures in build/editors/pictures."""

import json
import os
from pathlib import Path

from tests.editors.nvim.conftest import INIT, PLUGIN, PROGRAMS, ROOT, scripted, setup
from tests.editors.terminal import Terminal

PICTURES = ROOT / "build/editors/pictures"
CODE = """\
def scale(a, b):


print(scale(2, 3))
"""


def test_what_a_person_sees(version: str, tmp_path: Path) -> None:
    """Fails if ghost text, the steps of the model or the accepted text are not on a real terminal's screen, or not in the file."""
    file, init = tmp_path / "code.py", tmp_path / "init.lua"
    file.write_text(CODE, encoding="utf-8")
    lines = setup(scripted(tmp_path / "script.json", step_ms=30))
    status = "vim.o.statusline = \"%f %= %{v:lua.require'dlm'.statusline()} \"\nvim.o.laststatus = 2"
    init.write_text(INIT.format(plugin=json.dumps(str(PLUGIN)), setup=f"{lines}\n{status}"), encoding="utf-8")
    homes = {
        name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    }
    environment = {**homes, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
    command = [PROGRAMS[version], "-u", str(init), "-i", "NONE", "-n", str(file)]
    PICTURES.mkdir(parents=True, exist_ok=True)
    with Terminal(tmp_path / "tmux", command, environment) as terminal:
        terminal.wait_for("dlm script.json")
        terminal.keys("A", "Enter", "    ")
        terminal.wait_for("return c")
        assert "return c" not in file.read_text(encoding="utf-8")
        terminal.picture(PICTURES / f"ghost-{version}.svg", f"Neovim {version}: ghost text")
        terminal.keys("Tab", "Escape", ":w", "Enter")
        terminal.wait_for("written")
        assert file.read_text(encoding="utf-8").startswith("def scale(a, b):\n    c = a * b\n    return c\n")
        terminal.keys("ggcG", "def slow(a, b):", "Enter", "    ", "Escape", "o", "Escape", "k$", ":Dlm watch", "Enter")
        terminal.wait_for("step 3")
        terminal.picture(PICTURES / f"watch-{version}.svg", f"Neovim {version}: :Dlm watch")
