"""Neovims of two ages with the plugin: one each that most tests share, with a scripted model, and others for a test of its own."""

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
"""Debian's own (apt-get install neovim), and what tests/editors/get.sh unpacks. One that is missing is a failure."""
SERVER = (sys.executable, "-m", "dlm_lsp")
UNSURE = "return " + " + ".join("ab" * 8)
"""Decided one token a step."""

RULES: list[dict[str, Any]] = [
    {
        "after": "def add(a, b):\n    ",
        "before": "\n",
        "answer": "return a + b",
        "alternatives": ["return b + a", "return sum((a, b))"],
    },
    {"after": "def scale(a, b):\n    ", "before": "\n", "answer": "c = a * b\n    return c"},
    {"after": "def slow(a, b):\n    ", "before": "\n", "answer": UNSURE, "confidence": 0.5},
    {"after": "def tabs(a):\n\t", "before": "\n", "answer": "for x in a:\n\t\tprint(x)"},
    {"after": "smile = '😀', ", "before": "\n", "answer": "'🎉'"},
    {"after": "value = list.", "before": "(items)\n", "answer": "append"},
    {"after": "total = (", "before": ")", "answer": "price * quantity"},
    {"after": "def broken(a):\n    ", "before": "\n    return", "answer": "value = (a + 1)"},
]

INIT = """
vim.opt.runtimepath:prepend({plugin})
vim.opt.shortmess:append('I')
vim.o.more, vim.o.autoindent, vim.o.hidden = false, false, true
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
vim.keymap.set('x', '<F8>', '<Plug>(dlm-regenerate)', {{ remap = true }})
"""

Start = Callable[..., Neovim]
Edit = Callable[..., Neovim]


@pytest.fixture(scope="session", params=list(PROGRAMS))
def version(request: pytest.FixtureRequest) -> str:
    """Name one of the Neovims."""
    assert Path(PROGRAMS[request.param]).exists(), "apt-get install neovim; tests/editors/get.sh nvim"
    return request.param


@pytest.fixture(scope="session")
def shared(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    """Give the editor that tests share: one server, one scripted model."""
    home = tmp_path_factory.mktemp("shared")
    with _start(version, home, "pass\n", setup(scripted(home / "script.json"))) as editor:
        wait_for_model(editor)
        yield editor


@pytest.fixture
def edit(shared: Neovim, tmp_path: Path) -> Iterator[Edit]:
    """Give a function that opens a file of the test's own in the shared editor."""

    def edit(text: str | bytes, name: str = "code.py") -> Neovim:
        file = tmp_path / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        shared.edit(file)
        shared.lua("_G.told = {}")
        shared.wait_for(lambda: shared.lua("return require('dlm').statusline()"), "server for the file")
        return shared

    yield edit
    shared.keys("<Esc><Esc>:silent only! | %bwipeout!<CR>")


@pytest.fixture
def start(version: str, tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts an editor for this test alone, with lines of init.lua that start a server."""
    with ExitStack() as stack:
        yield lambda text, lines: stack.enter_context(_start(version, tmp_path, text, lines))


def _start(version: str, home: Path, text: str, lines: str) -> Neovim:
    file, init = home / "code.py", home / "init.lua"
    file.write_text(text, encoding="utf-8")
    init.write_text(INIT.format(plugin=json.dumps(str(PLUGIN)), setup=lines), encoding="utf-8")
    return Neovim(PROGRAMS[version], init, file, home)


def setup(model: str, *server: str) -> str:
    """Give the lines of init.lua that start a server, ours if none is given."""
    settings = f"{{ model = {json.dumps(model)}, device = 'cpu', threads = 1, deadlineMs = 60000 }}"
    command = ", ".join(json.dumps(word) for word in server or SERVER)
    return f"require('dlm').setup({{ cmd = {{ {command} }}, settings = {settings} }})"


def wait_for_model(editor: Neovim) -> None:
    """Wait until the server can answer."""
    editor.wait_for(lambda: editor.lua("return require('dlm').statusline()").startswith("dlm script"), "loaded model")


def scripted(path: Path, step_ms: int = 0) -> str:
    """Write the script and give the model's name."""
    path.write_text(json.dumps({"rules": RULES, "step_ms": step_ms}), encoding="utf-8")
    return f"scripted:{path}"
