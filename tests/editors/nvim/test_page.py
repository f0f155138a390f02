"""What a newcomer copies from the pages into init.lua, as it stands there."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.editors.nvim.conftest import PROGRAMS, ROOT, scripted, wait_for_model
from tests.editors.nvim.neovim import Neovim

PAGES = ("README.md", "docs/editors/neovim.md", "nvim-plugin/doc/dlm.txt")


def lines_for_init(page: str) -> str:
    """Give the lines of init.lua that a page has."""
    found = re.findall(
        r"^( *)(vim.opt.runtimepath.*?)\n(?:```|<)$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE
    )
    assert len(found) == 1, f"{page} should have them once"
    return found[0][1]


@pytest.mark.parametrize("page", PAGES)
def test_five_lines_are_enough(version: str, page: str, tmp_path: Path) -> None:
    """Fails if the lines of the page are an error, find neither plugin nor server, or their keys do not what the page says."""
    home = tmp_path / "home"
    program = home / "src/dlm-lsp/.venv/bin/dlm-lsp"
    program.parent.mkdir(parents=True)
    model = scripted(tmp_path / "script.json")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dlm_lsp serve --model {model} --deadline-ms 60000 "$@"\n')
    program.chmod(0o755)
    (home / "src/dlm-lsp/nvim-plugin").symlink_to(ROOT / "nvim-plugin")
    file, init = tmp_path / "code.py", tmp_path / "init.lua"
    file.write_text("def scale(a, b):\n\n\ndef add(a, b):\n\n\nprint(add(1, 2))\n")
    init.write_text(f"_G.told = {{}}\nvim.o.autoindent = false\n{lines_for_init(page)}\n")
    path = f"{program.parent}:{os.environ['PATH']}"
    with Neovim(PROGRAMS[version], init, file, tmp_path, HOME=str(home), PATH=path) as editor:
        wait_for_model(editor)
        editor.keys("ggA<CR><C-u>    ")
        editor.wait_for_ghost("c = a * b\n    return c")
        editor.keys("<M-l>")
        editor.wait_for_ghost("\n    return c")
        editor.keys("<Tab>")
        editor.wait_for_ghost(None)
        editor.keys("<Esc>/add<CR>o<C-u>    <M-f>")
        editor.wait_for_ghost("return a + b")
        editor.keys("<Tab>")
        editor.wait_for_ghost(None)
        expected = "def scale(a, b):\n    c = a * b\n    return c\n\n\ndef add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"
        assert expected.encode() == editor.saved()
