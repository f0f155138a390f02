"""Ghost text of lsp-mode 10 in a terminal, configured as docs/editors/emacs.md says."""

import os
from pathlib import Path

from tests.editors.emacs.emacs import page, unpacked
from tests.editors.tasks import write_program
from tests.editors.terminal import Terminal

START = """
(load "lsp-mode-autoloads")
(require 'lsp-mode)
(setq inhibit-startup-screen t make-backup-files nil lsp-auto-guess-root t lsp-enable-suggest-server-download nil
      lsp-session-file (expand-file-name "lsp-session" (getenv "HOME")))
(add-hook 'python-mode-hook #'lsp)
"""


def start(folder: Path, file: Path, lines: str = START) -> Terminal:
    """Start Emacs in a terminal as somebody who has pasted the page's lines."""
    emacs = unpacked()
    (folder / ".git").mkdir()
    init = folder / "init.el"
    init.write_text(lines + page("lsp-mode", "lsp-mode ghost"), encoding="utf-8")
    environment = emacs.environment | {
        "HOME": str(folder),
        "PATH": f"{write_program(folder)}:{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }
    return Terminal(folder / "tmux", [*emacs.command, "-nw", "-l", str(init), str(file)], environment)


def test_typing_shows_an_answer_and_tab_takes_it(tmp_path: Path) -> None:
    """Fails if lsp-mode draws nothing, another text is saved, or text is saved that was only drawn."""
    file = tmp_path / "code.py"
    file.write_text("smile = '😀'\n\n\ndef add(a, b):\n    \n\n\nprint(add(1, 2))\n", encoding="utf-8")
    with start(tmp_path, file) as terminal:
        terminal.wait_for("initialized successfully")
        terminal.keys("M-g", "g", "5", "Enter", "C-e", "x")
        terminal.keys_until("return a + b", "BSpace", "r")
        terminal.keys("C-x", "C-s")
        terminal.wait_for("Wrote")
        assert "    r\n" in file.read_text(encoding="utf-8")
        terminal.keys("e")
        terminal.wait_for("return a + b")
        terminal.keys("Tab", "C-x", "C-s")
        terminal.wait_for("return a + b")
        terminal.keys("C-x", "C-c")
        terminal.wait_until_over()
    expected = "smile = '😀'\n\n\ndef add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"
    assert expected == file.read_text(encoding="utf-8")
