"""Draws the pictures of docs/editors/neovim.md: Neovim 0.12 in a terminal; an example and its scripted model.

python -m tests.editors.nvim.pictures
"""

import json
import os
import tempfile
from pathlib import Path

from tests.editors.nvim.conftest import PLUGIN, PROGRAMS, ROOT, SERVER
from tests.editors.nvim.terminal import Terminal

DOCS = ROOT / "docs/editors"
EXAMPLES = ROOT / "examples"
INIT = """
vim.opt.runtimepath:prepend({plugin})
vim.opt.shortmess:append('I')
vim.o.termguicolors, vim.o.laststatus, vim.o.showmode, vim.o.ruler = true, 2, false, false
vim.o.statusline = " %t %= %{{v:lua.require'dlm'.statusline()}} "
vim.opt.fillchars = {{ eob = ' ' }}
vim.api.nvim_set_hl(0, 'Normal', {{ fg = '#e0e2ea' }})
require('dlm').setup({{ cmd = {{ {cmd} }}, settings = {{ model = {model}, deadlineMs = 60000, threshold = 0.999 }} }})
vim.keymap.set('i', '<Tab>', function() require('dlm').accept_or('<Tab>') end)
"""


def main() -> None:
    """Draw both."""
    with tempfile.TemporaryDirectory() as folder:
        file, init, script = (Path(folder, name) for name in ("lru_cache.py", "init.lua", "script.json"))
        code = (EXAMPLES / "unfinished/lru_cache.py").read_text(encoding="utf-8")
        file.write_text(code[code.index("class") :], encoding="utf-8")
        rules = json.loads((EXAMPLES / "scripted.json").read_text(encoding="utf-8"))["rules"]
        script.write_text(json.dumps({"rules": rules, "step_ms": 150}), encoding="utf-8")
        words = {"plugin": str(PLUGIN), "model": f"scripted:{script}"}
        cmd = ", ".join(map(json.dumps, SERVER))
        init.write_text(
            INIT.format(cmd=cmd, **{name: json.dumps(word) for name, word in words.items()}), encoding="utf-8"
        )
        homes = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), folder)
        environment = {**homes, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
        command = [PROGRAMS["0.12"], "-u", str(init), "-i", "NONE", "-n", str(file)]
        with Terminal(Path(folder, "tmux"), command, environment) as terminal:
            terminal.wait_for("dlm script")
            terminal.keys(":10", "Enter", "A")
            terminal.wait_for("return default")
            terminal.picture(DOCS / "neovim-ghost.svg", "Neovim 0.12: ghost text")
            terminal.keys("x", "Escape", "x", ":Dlm watch", "Enter")
            terminal.wait_for("step 20,")
            terminal.picture(DOCS / "neovim-watch.svg", "Neovim 0.12: :Dlm watch")


if __name__ == "__main__":
    main()
