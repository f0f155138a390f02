"""`:Dlm` with each of its words, and the code actions, in a real Neovim; texts are checked in the saved file."""

import re
import time
from pathlib import Path

import psutil

from dlm_lsp import __version__
from tests.editors.nvim.conftest import Edit, Start, scripted, setup, wait_for_model
from tests.editors.nvim.neovim import Neovim

ADD = "def add(a, b):\n\n\nprint(add(1, 2))\n"
STUB = "def add(a, b):\n    pass\n\n\ndef scale(a, b):\n    ...\n"
WORDS = [
    "doctor",
    "fill",
    "function",
    "log",
    "model",
    "next",
    "prev",
    "regenerate",
    "repair",
    "stubs",
    "toggle",
    "watch",
]


def wait_for_text(editor: Neovim, text: str) -> None:
    """Wait until the buffer holds a text."""
    editor.wait_for(lambda: editor.text() == text.removesuffix("\n"), f"text {text!r}")


def test_fill_from_normal_mode(edit: Edit) -> None:
    """Fails if nothing is offered on command where one does not type, or at another place than behind the line."""
    editor = edit("def add(a, b):\n    \n\n\nprint(add(1, 2))\n")
    editor.keys("j$:Dlm fill<CR>")
    editor.wait_for_ghost("return a + b")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert editor.saved() == b"def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"


def test_fill_function(edit: Edit) -> None:
    """Fails if the function around the cursor is not written, or anything else is."""
    editor = edit(STUB)
    editor.keys("ggj:Dlm function<CR>")
    wait_for_text(editor, STUB.replace("pass", "return a + b"))
    assert STUB.replace("pass", "return a + b").encode() == editor.saved()


def test_fill_stubs(edit: Edit) -> None:
    """Fails if not every stub of the file is written."""
    editor = edit(STUB)
    editor.keys("gg:Dlm stubs<CR>")
    wait_for_text(editor, STUB.replace("pass", "return a + b").replace("...", "c = a * b\n    return c"))


def test_regenerate_lines_and_their_next_answer(edit: Edit) -> None:
    """Fails if the range's lines are not written anew, or the same again after undo gives no other answer."""
    text = "def add(a, b):\n    return 0\n"
    editor = edit(text)
    editor.keys(":2Dlm regenerate<CR>")
    first = editor.wait_for(lambda: editor.text() if "0" not in editor.text() else None, "other text")
    assert first == "def add(a, b):\n    return a + b"
    editor.keys("u:2Dlm regenerate<CR>")
    editor.wait_for(lambda: editor.text() not in (text.rstrip(), first), "second answer")


def test_regenerate_what_is_selected_by_characters(edit: Edit) -> None:
    """Fails if a selection in a line takes the whole line."""
    editor = edit("# é\ntotal = (a + b) or 0\n")
    editor.keys("jf(lvt)<F8>")
    wait_for_text(editor, "# é\ntotal = (price * quantity) or 0")


def test_repair(edit: Edit) -> None:
    """Fails if what breaks the syntax stays."""
    editor = edit("def broken(a):\n    value = (a + 1\n    return value\n")
    editor.keys("j:Dlm repair<CR>")
    wait_for_text(editor, "def broken(a):\n    value = (a + 1)\n    return value")


def test_an_action_that_makes_no_sense_says_so(edit: Edit) -> None:
    """Fails if a command does nothing without a word."""
    editor = edit("x = 1\n")
    editor.keys(":Dlm function<CR>")
    editor.wait_for(lambda: editor.told() or "function" in editor.messages(), "word of explanation")
    assert editor.text() == "x = 1"


def test_code_actions(edit: Edit) -> None:
    """Fails if the editor's own menu lacks ours, or what is chosen there does not change the text."""
    editor = edit(STUB)
    editor.lua(
        """_G.titles = nil
        vim.ui.select = function(items, options, choose)
          _G.titles = vim.tbl_map(options.format_item, items)
          for i, title in ipairs(_G.titles) do
            if title:find('Fill this function', 1, true) then return choose(items[i], i) end
          end
        end"""
    )
    editor.keys("ggj:lua vim.lsp.buf.code_action()<CR>")
    titles = editor.wait_for(lambda: editor.lua("return _G.titles"), "code actions")
    assert any("Fill every stub in this file" in title for title in titles)
    wait_for_text(editor, STUB.replace("pass", "return a + b"))


def test_toggle_turns_it_really_off(edit: Edit) -> None:
    """Fails if an answer comes while it is off, or none when it is on again."""
    editor = edit(ADD)
    editor.keys(":Dlm toggle<CR>")
    editor.wait_for(lambda: editor.lua("return require('dlm').statusline()") == "dlm off", "state off")
    editor.keys("ggA<CR>    r")
    time.sleep(1)
    assert editor.ghost() is None
    editor.keys("<C-u><Esc>:Dlm toggle<CR>")
    editor.wait_for(lambda: "off" not in editor.lua("return require('dlm').statusline()"), "state on")
    wait_for_model_by_filling(editor)
    assert ["dlm: off", "dlm: on"] == editor.told()


def wait_for_model_by_filling(editor: Neovim) -> None:
    """Ask by key; the model is loaded for it."""
    editor.keys("S    <F7>")
    editor.wait_for_ghost("return a + b")


def test_watch_shows_the_steps(edit: Edit) -> None:
    """Fails if the window shows no step, takes the keys, or stays when it is closed."""
    editor = edit("def slow(a, b):\n    \n\n\nprint(slow(1, 2))\n")
    editor.keys("j$:Dlm watch<CR>")
    editor.wait_for_ghost("return a + b + a + b + a + b + a + b + a + b + a + b + a + b + a + b")
    floats = """local found = {}
        for _, win in ipairs(vim.api.nvim_list_wins()) do
          if vim.api.nvim_win_get_config(win).relative ~= '' then
            vim.list_extend(found, vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, -1, true))
          end
        end
        return found"""
    head, body = editor.lua(floats)
    assert head.startswith("step ")
    assert body.startswith("return a + b")
    editor.keys("<Tab><Esc>:Dlm watch<CR>")
    assert not editor.lua(floats)
    assert b"    return a + b + a" in editor.saved()


def test_model_is_told_and_switched(edit: Edit) -> None:
    """Fails if one cannot ask which model it is, or a model that cannot be loaded is taken for loaded."""
    editor = edit(ADD)
    editor.keys(":Dlm model<CR>")
    editor.wait_for(lambda: any("is loaded on cpu" in line for line in editor.told()), "name of the model")
    editor.keys(":Dlm model /no/such<CR>")
    editor.wait_for(lambda: any("there is no model '/no/such'" in line for line in editor.told()), "complaint")
    name = editor.lua("return vim.lsp.get_log_path and require('dlm.server').any().config.settings['dlm-lsp'].model")
    editor.keys(f":Dlm model {name}<CR>")
    editor.wait_for(lambda: any(line == f"dlm: the model is {name}" for line in editor.told()), "switched model")


def test_doctor_and_log_open_windows(edit: Edit) -> None:
    """Fails if the doctor's findings are not shown or are about another model, or the log is not what the server writes to."""
    editor = edit(ADD)
    editor.keys(":Dlm log<CR>")
    assert editor.lua("return vim.api.nvim_buf_get_name(0)").endswith("lsp.log")
    editor.keys(":close<CR>:Dlm doctor<CR>")
    editor.wait_for(lambda: "ready after" in editor.text() and "Python" in editor.text(), "findings")
    assert re.search(r"model scripted:\S+script\.json", editor.text())


def test_words_are_completed_and_wrong_ones_named(edit: Edit) -> None:
    """Fails if a word of the command is missing in the completion, or a wrong one is an error of Lua."""
    editor = edit(ADD)
    assert WORDS == editor.lua("return vim.fn.getcompletion('Dlm ', 'cmdline')")
    assert ["regenerate", "repair"] == editor.lua("return vim.fn.getcompletion('Dlm re', 'cmdline')")
    assert "nano" in editor.lua("return vim.fn.getcompletion('Dlm model n', 'cmdline')")
    editor.keys(":Dlm fil<CR>")
    editor.wait_for(lambda: any(line.startswith("dlm: there is no :Dlm fil;") for line in editor.told()), "complaint")


def test_the_status_line_tells_the_time_and_how_far_loading_is(edit: Edit) -> None:
    """Fails if who waits for a large model sees no percentage, one is left when the model is there, or the last time is not told."""
    editor = edit(ADD)
    change = "return require('dlm.status').changed({{ state = '{}', model = '/models/a', loadedPercent = {}, lastMs = {} }}, "
    change += "require('dlm.server').any().id)"
    said = []
    for state, percent, ms in (
        ("loading", "40", "vim.NIL"),
        ("loading", "0", "vim.NIL"),
        ("loading", "vim.NIL", "vim.NIL"),
        ("ready", "vim.NIL", "vim.NIL"),
        ("ready", "vim.NIL", "80.4"),
    ):
        editor.lua(change.format(state, percent, ms))
        said.append(editor.lua("return require('dlm').statusline()"))
    assert said == ["dlm loading 40 %", "dlm loading", "dlm loading", "dlm a", "dlm a 80 ms"]


def test_help_and_health(edit: Edit) -> None:
    """Fails if `:help dlm` finds nothing, or `:checkhealth dlm` says less than the state of program and model."""
    editor = edit(ADD)
    for tag in ("dlm", ":Dlm-watch", "<Plug>(dlm-accept)", "dlm-maxHoleTokens"):
        editor.keys(f":silent help {tag}<CR>")
        assert "/nvim-plugin/doc/dlm" in editor.wait_for(
            lambda: editor.lua("return vim.bo.filetype == 'help' and vim.api.nvim_buf_get_name(0)"), f"help for {tag}"
        )
        editor.keys(":close<CR>")
    editor.keys(":checkhealth dlm<CR>")
    found = editor.wait_for(lambda: editor.text() if "lsp.log" in editor.text() else None, "report")
    assert "a key accepts what is offered" in found
    assert f"version {__version__}" in found
    assert "script.json is loaded on cpu." in found
    assert "ERROR" not in found


def test_what_became_of_answers_is_counted(edit: Edit) -> None:
    """Fails if the server is not told what was shown, accepted and rejected, or more than once."""
    editor = edit(ADD)

    def counts() -> list[int]:
        editor.lua("require('dlm.status').ask(require('dlm.server').any(), function(s) _G.counts = s.counts end)")
        known = editor.wait_for(lambda: editor.lua("return _G.counts"), "counts")
        return [known.get(name, 0) for name in ("shown", "accepted", "rejected")]

    before = counts()
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("eturn")
    editor.wait_for_ghost(" a + b")
    time.sleep(1)  # asked again, and the same answer
    editor.keys("<F2>")
    editor.wait_for_ghost(" + b")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    editor.keys("<Esc>u")
    editor.keys("S    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("<Esc>")
    editor.wait_for(
        lambda: [new - old for new, old in zip(counts(), before, strict=True)] == [2, 1, 1], "counts 2, 1, 1"
    )


def test_the_worker_dies_and_comes_back(start: Start, tmp_path: Path) -> None:
    """Fails if after the death of the model's process there is no ghost text any more, or the editor is in the way."""
    editor = start(ADD, setup(scripted(tmp_path / "script.json")))
    wait_for_model(editor)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    workers = [
        process
        for process in psutil.Process(editor.pid).children(recursive=True)
        if "dlm_lsp.worker" in " ".join(process.cmdline())
    ]
    assert len(workers) == 1
    workers[0].kill()
    editor.keys("<C-u>    ")
    editor.wait_for_ghost("return a + b")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert editor.saved() == b"def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"


def test_the_bundled_model(start: Start) -> None:
    """Fails if what a newcomer sees first, with nothing set, is nothing, or something that does not parse."""
    editor = start("def area(width, height):\n    \n\n\nprint(area(2, 3))\n", setup("nano"))
    editor.wait_for(lambda: editor.lua("return require('dlm').statusline()").startswith("dlm nano"), "loaded model")
    editor.keys("j$:Dlm fill<CR>")
    drawn = editor.wait_for(editor.ghost, "ghost text")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    saved = editor.saved().decode()
    assert drawn.strip()
    assert drawn in saved
    compile(saved, "area.py", "exec")
