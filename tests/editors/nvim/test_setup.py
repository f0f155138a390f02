"""How the plugin is set up, and what it says of itself without a model."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.editors.nvim.conftest import PLUGIN, PROGRAMS, SERVER, Start, scripted, wait_for_model

ADD = "def add(a, b):\n\n\nprint(add(1, 2))\n"


@pytest.mark.parametrize("version", ["0.12"], indirect=True)
def test_enabled_without_setup(start: Start, tmp_path: Path) -> None:
    """Fails if lsp/dlm_lsp.lua is not all that Neovim needs, or settings of `vim.lsp.config` do not arrive."""
    model = json.dumps(scripted(tmp_path / "script.json"))
    config = (
        f"{{ cmd = {{ {', '.join(map(json.dumps, SERVER))} }}, settings = {{ ['dlm-lsp'] = {{ model = {model} }} }} }}"
    )
    editor = start(ADD, f"vim.lsp.config('dlm_lsp', {config})\nvim.lsp.enable('dlm_lsp')")
    wait_for_model(editor)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert editor.saved() == b"def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"


def test_nothing_unasked_if_so_wished(start: Start, tmp_path: Path) -> None:
    """Fails if `auto = false` still asks while somebody types, or keeps the key from filling."""
    model = json.dumps(scripted(tmp_path / "script.json"))
    cmd = ", ".join(map(json.dumps, SERVER))
    editor = start(
        ADD, f"require('dlm').setup({{ auto = false, cmd = {{ {cmd} }}, settings = {{ model = {model} }} }})"
    )
    wait_for_model(editor)
    editor.keys("ggA<CR>    ")
    editor.lua("vim.wait(800)")
    assert editor.ghost() is None
    editor.keys("<F7>")
    editor.wait_for_ghost("return a + b")


def test_the_tags_are_those_of_helptags(version: str, tmp_path: Path) -> None:
    """Fails if doc/tags, which is written without an editor, is not what the editor would write."""
    for page in (PLUGIN / "doc").glob("*.txt"):
        (tmp_path / page.name).write_bytes(page.read_bytes())
    subprocess.run(
        [PROGRAMS[version], "--headless", "--clean", f"+helptags {tmp_path}", "+q"],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert (PLUGIN / "doc/tags").read_text() == (tmp_path / "tags").read_text()
