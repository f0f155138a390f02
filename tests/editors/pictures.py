"""Draws the pictures of docs/editors: Neovim 0.12 in a terminal, with one of the examples and its scripted model.

python -m tests.editors.pictures
"""

import json
import os
import tempfile
from pathlib import Path

from tests.editors.nvim.conftest import PLUGIN, PROGRAMS, ROOT, SERVER
from tests.editors.terminal import Terminal

DOCS = ROOT / "docs/editors"
EXAMPLES = ROOT / "examples"
OTHERS = ["return self._values.get(key, default)", "value = self._values.get(key, default)\n        return value"]
INIT = """
vim.opt.runtimepath:prepend({plugin})
vim.opt.shortmess:append('I')
vim.o.termguicolors, vim.o.laststatus, vim.o.showmode, vim.o.ruler = true, 2, false, false
vim.o.statusline = " %t %= %{{v:lua.require'dlm'.statusline()}} "
vim.opt.fillchars = {{ eob = ' ' }}
vim.api.nvim_set_hl(0, 'Normal', {{ fg = '#e0e2ea' }})
require('dlm').setup({{ cmd = {{ {cmd} }}, settings = {{ model = {model}, deadlineMs = 60000, threshold = 0.999 }} }})
vim.keymap.set('i', '<F4>', '<Plug>(dlm-next)')
"""


def neovim(folder: Path, file: Path, model: str) -> None:
    """Draw ghost text, another answer, and the steps of one."""
    init = folder / "init.lua"
    cmd = ", ".join(map(json.dumps, SERVER))
    init.write_text(INIT.format(plugin=json.dumps(str(PLUGIN)), cmd=cmd, model=json.dumps(model)), encoding="utf-8")
    command = [PROGRAMS["0.12"], "-u", str(init), "-i", "NONE", "-n", str(file)]
    with Terminal(folder / "tmux", command, _environment(folder)) as terminal:
        terminal.wait_for("dlm script")
        terminal.keys(":10", "Enter", "A")
        terminal.wait_for("return default")
        terminal.picture(DOCS / "neovim-ghost.svg", "Neovim 0.12: ghost text")
        terminal.keys("F4")
        terminal.wait_for("/3)")
        terminal.picture(DOCS / "neovim-next.svg", "Neovim 0.12: another answer")
        terminal.keys("x", "Escape", "x", ":Dlm watch", "Enter")
        terminal.wait_for("step 20,")
        terminal.picture(DOCS / "neovim-watch.svg", "Neovim 0.12: :Dlm watch")


def _environment(folder: Path) -> dict[str, str]:
    homes = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    return dict.fromkeys(homes, str(folder)) | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}


def main() -> None:
    """Draw all."""
    rules = json.loads((EXAMPLES / "scripted.json").read_text(encoding="utf-8"))["rules"]
    rules = [rule | {"alternatives": OTHERS} if "mark it" in rule["after"] else rule for rule in rules]
    code = (EXAMPLES / "unfinished/lru_cache.py").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, script = folder / "lru_cache.py", folder / "script.json"
        file.write_text(code[code.index("class") :], encoding="utf-8")
        script.write_text(json.dumps({"rules": rules, "step_ms": 150}), encoding="utf-8")
        neovim(folder, file, f"scripted:{script}")


if __name__ == "__main__":
    main()
