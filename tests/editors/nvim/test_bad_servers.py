"""Servers that behave badly: whatever they do, the file holds what was typed and nothing else."""

import sys
import time
from pathlib import Path

import pytest

from tests.editors.nvim.bad_server import FAULTS
from tests.editors.nvim.conftest import ROOT, Start, setup
from tests.editors.nvim.neovim import Neovim

BAD_SERVER = str(ROOT / "tests/editors/nvim/bad_server.py")
TEXT = "x = 1\ny = 2\n"
ASKED = "textDocument/inlineCompletion"


def open_with(start: Start, tmp_path: Path, fault: str) -> tuple[Neovim, Path]:
    """Start an editor with a server of one fault; give also the file with what that was asked."""
    marks = tmp_path / "marks"
    marks.touch()
    return start(TEXT, setup("nano", sys.executable, BAD_SERVER, fault, str(marks))), marks


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "after-change"])
def test_nothing_wrong_reaches_the_text(start: Start, tmp_path: Path, fault: str) -> None:
    """Fails if an answer that is no insertion at the cursor is drawn or accepted, or a broken server blocks the keys."""
    editor, marks = open_with(start, tmp_path, fault)
    serves = fault not in ("dies", "prints")
    if serves:
        editor.wait_for(lambda: "initialized" in marks.read_text(), "started server")
    editor.keys("ggOret")
    if serves:
        editor.wait_for(lambda: ASKED in marks.read_text(), "request")
    time.sleep(0.5)
    assert editor.ghost() is None
    editor.keys("urn<Tab><F2><F3>!")
    assert editor.saved() == b"return\t!\nx = 1\ny = 2\n"


def test_an_answer_after_the_change_is_not_drawn(start: Start, tmp_path: Path) -> None:
    """Fails if an answer to an older text is drawn or accepted in the newer one."""
    editor, marks = open_with(start, tmp_path, "after-change")
    editor.wait_for(lambda: "initialized" in marks.read_text(), "started server")
    editor.keys("ggOret")
    editor.wait_for(lambda: ASKED in marks.read_text(), "request")
    editor.keys("u")  # answered now, for the text without it
    editor.wait_for(lambda: marks.read_text().count(ASKED) > 1, "second request")
    time.sleep(0.5)
    assert editor.ghost() is None
    editor.keys("<Tab>!")
    assert editor.saved() == b"retu\t!\nx = 1\ny = 2\n"


def test_null_takes_the_old_text_off_the_screen(start: Start, tmp_path: Path) -> None:
    """Fails if null leaves on the screen what was offered before; the command says that there is no answer."""
    editor, marks = open_with(start, tmp_path, "null")
    editor.wait_for(lambda: "initialized" in marks.read_text(), "started server")
    editor.keys("gg:Dlm fill<CR>")
    editor.wait_for(lambda: editor.told() == ["dlm: no answer"], "word that there is none")


def test_a_server_that_dies_is_not_started_again_and_again(start: Start, tmp_path: Path) -> None:
    """Fails if a server that cannot start is started in a loop, or commands fail without a word."""
    editor, _ = open_with(start, tmp_path, "dies")
    editor.wait_for(lambda: any("quit with exit code 1" in line for line in editor.told()), "message of its end")
    editor.keys("ggOreturn<Esc>:Dlm fill<CR>")
    editor.wait_for(lambda: any(":checkhealth dlm" in line for line in editor.told()), "advice")
    time.sleep(1)
    assert len(editor.told()) == 2, editor.told()


def test_a_program_that_is_not_there_is_told_once(start: Start) -> None:
    """Fails if a missing server is a stack trace, or a message for each file."""
    editor = start(TEXT, setup("nano", "/no/such/dlm-lsp"))
    editor.keys(":edit other.py<CR>:edit third.py<CR>")
    editor.wait_for(editor.told, "message")
    assert editor.told() == [
        "dlm: there is no /no/such/dlm-lsp: install dlm-lsp as its README says, or give its path as `cmd`"
    ]
    editor.keys(":checkhealth dlm<CR>")
    editor.wait_for(lambda: "there is no /no/such/dlm-lsp" in editor.text(), "finding")


def test_a_python_without_the_server_is_found_out(start: Start, tmp_path: Path) -> None:
    """Fails if the health of a program that cannot be the server is good because the program is there, or the reason is not told."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'No module named dlm_lsp' >&2\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    editor = start(TEXT, setup("nano", str(python), "-m", "dlm_lsp"))
    editor.wait_for(lambda: any("quit with exit code 1" in line for line in editor.told()), "message of its end")
    editor.keys(":checkhealth dlm<CR>")
    said = f"`{python} -m dlm_lsp --version` says: No module named dlm_lsp"
    editor.wait_for(lambda: said in editor.text().replace("\n  ", " "), "finding")
    assert "ERROR" in editor.text()


def test_the_doctor_of_a_program_that_is_not_there_says_so(start: Start) -> None:
    """Fails if the command does nothing without a word."""
    editor = start(TEXT, setup("nano", "/no/such/dlm-lsp"))
    editor.wait_for(editor.told, "message")
    editor.keys(":Dlm doctor<CR>")
    editor.wait_for(lambda: "dlm: there is no program to ask; :checkhealth dlm says why" in editor.told(), "advice")
