"""Neovims of two ages with the plugin, each with a scripted model or a server that behaves badly."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.editors.nvim.neovim import Neovim

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "nvim-plugin"
PROGRAMS = {"0.7": "/usr/bin/nvim", "0.12": str(ROOT / "build/editors/nvim/usr/bin/nvim")}
"""Debian's own (apt install neovim), and what get_nvim.sh unpacks. One that is missing is a failure."""
SERVER = [sys.executable, "-m", "dlm_lsp"]

RULES: list[dict[str, Any]] = [
    {
        "after": "def add(a, b):\n    ",
        "before": "\n",
        "answer": "return a + b",
        "alternatives": ["return b + a", "return sum((a, b))"],
    },
    {"after": "def scale(a, b):\n    ", "before": "\n", "answer": "c = a * b\n    return c"},
    {"after": "def slow(a, b):\n    ", "before": "\n", "answer": "return " + " + ".join("ab" * 8), "confidence": 0.5},
    {"after": "def tabs(a):\n\t", "before": "\n", "answer": "for x in a:\n\t\tprint(x)"},
    {"after": "smile = '😀', ", "before": "\n", "answer": "'🎉'"},
    {"after": "value = list.", "before": "(items)\n", "answer": "append"},
]

INIT = """
vim.opt.runtimepath:prepend({plugin})
vim.opt.shortmess:append('I')
vim.o.more, vim.o.autoindent = false, false
vim.cmd('filetype plugin on | filetype indent off')
vim.g.python_recommended_style = 0
_G.told = {{}}
vim.notify = function(message) table.insert(_G.told, message) end
{setup}
vim.keymap.set('i', '<Tab>', function() require('dlm').accept_or('<Tab>') end)
vim.keymap.set('i', '<F2>', '<Plug>(dlm-accept-word)', {{ remap = true }})
vim.keymap.set('i', '<F3>', '<Plug>(dlm-accept-line)', {{ remap = true }})
vim.keymap.set('i', '<F4>', '<Plug>(dlm-next)', {{ remap = true }})
vim.keymap.set('i', '<F5>', '<Plug>(dlm-prev)', {{ remap = true }})
vim.keymap.set('i', '<F6>', '<Plug>(dlm-dismiss)', {{ remap = true }})
vim.keymap.set({{ 'n', 'i' }}, '<F7>', '<Plug>(dlm-fill)', {{ remap = true }})
"""

Open = Callable[..., Neovim]


@pytest.fixture(params=list(PROGRAMS))
def version(request: pytest.FixtureRequest) -> str:
    """Name one of the Neovims."""
    assert Path(PROGRAMS[request.param]).exists(), "apt-get install neovim; tests/editors/nvim/get_nvim.sh"
    return request.param


@pytest.fixture
def open_file(version: str, tmp_path: Path) -> Iterator[Open]:
    """Give a function that opens a file; `server` is a command line, `setup` the lines of init.lua that start it."""
    with ExitStack() as stack:

        def open_file(
            text: str | bytes,
            *,
            name: str = "code.py",
            server: list[str] = SERVER,
            model: str | None = None,
            setup: str | None = None,
            is_ready: bool = True,
        ) -> Neovim:
            file = tmp_path / name
            file.write_bytes(text.encode() if isinstance(text, str) else text)
            model = model or scripted(tmp_path / "script.json")
            settings = f"{{ model = {json.dumps(model)}, device = 'cpu', threads = 1, deadlineMs = 60000 }}"
            command = json.dumps(server)[1:-1]
            setup = setup or f"require('dlm').setup({{ cmd = {{ {command} }}, settings = {settings} }})"
            init = tmp_path / "init.lua"
            init.write_text(INIT.format(plugin=json.dumps(str(PLUGIN)), setup=setup), encoding="utf-8")
            editor = stack.enter_context(Neovim(PROGRAMS[version], init, file, tmp_path))
            if is_ready:
                ready = "local s = require('dlm').statusline() return s ~= '' and s ~= 'dlm …' and s ~= 'dlm loading'"
                editor.wait_for(lambda: editor.lua(ready), "loaded model")
            return editor

        yield open_file


def scripted(path: Path, step_ms: int = 0) -> str:
    """Write the script and give the model's name."""
    path.write_text(json.dumps({"rules": RULES, "step_ms": step_ms}), encoding="utf-8")
    return f"scripted:{path}"
