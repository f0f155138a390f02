"""How the plugin is set up, and what it says of itself without a model."""

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.editors.nvim.conftest import PLUGIN, PROGRAMS, SERVER, Edit, Start, scripted, setup, wait_for_model

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


def test_one_server_for_all_projects(edit: Edit, tmp_path: Path) -> None:
    """Fails if a file of another project starts another server, with another model in memory, or that project is not told."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        (folder / "pyproject.toml").touch()
    for folder in folders:
        editor = edit("def add(a, b):\n    \n", f"{folder.name}/code.py")
    clients = (
        "return vim.tbl_map(function(c) return vim.tbl_map(function(f) return f.name end, c.workspace_folders) end, "
    )
    [known] = editor.lua(clients + "require('dlm.compat').clients())")
    assert {str(folder) for folder in folders} <= set(known)
    editor.keys("j$:Dlm fill<CR>")
    editor.wait_for_ghost("return a + b")


def test_a_server_that_was_killed(start: Start, tmp_path: Path) -> None:
    """Fails if keys are errors after the server's death, or a new server that is kept in the dark about changes is trusted."""
    editor = start(ADD, setup(scripted(tmp_path / "script.json")))
    wait_for_model(editor)
    psutil.Process(editor.pid).children()[0].kill()
    editor.wait_for(lambda: any("quit with exit code" in line for line in editor.told()), "message of its end")
    editor.keys("ggA<CR>    r<Tab><Esc>")
    assert editor.text() == "def add(a, b):\n    r\t\n\n\nprint(add(1, 2))"
    assert editor.lua("return require('dlm').statusline()") == ""
    editor.keys(":edit!<CR>")
    wait_for_model(editor)
    editor.keys("ggA<CR>    r")
    advice = "return vim.tbl_contains(_G.told, 'dlm: Neovim does not tell the server of changes here any more; "
    advice += ":bwipeout this buffer, and open it again')"
    editor.wait_for(lambda: editor.ghost() == "eturn a + b" or editor.lua(advice), "ghost text or advice")
    if editor.lua(advice):
        assert editor.ghost() is None
        editor.keys("<Esc>:bwipeout!<CR>")
        editor.edit(editor.file)
        wait_for_model(editor)
        editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    assert "Error" not in editor.messages()
