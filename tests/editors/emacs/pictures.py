"""Draws the pictures of docs/editors/emacs.md: Emacs 30 in a terminal, with a scripted model."""

from pathlib import Path

from tests.editors.emacs.emacs import page, unpacked
from tests.editors.pictures import CART, CART_RULES, DOCS, LRU, LRU_RULES, environment
from tests.editors.tasks import write_program
from tests.editors.terminal import Terminal

PLAIN = """
(setq inhibit-startup-screen t make-backup-files nil create-lockfiles nil auto-save-default nil
      eldoc-echo-area-use-multiline-p nil jsonrpc-default-request-timeout 60 lsp-response-timeout 60)
(menu-bar-mode -1)
"""
EGLOT = "(require 'eglot)\n(add-hook 'python-mode-hook #'eglot-ensure)\n"
LSP_MODE = """
(load "lsp-mode-autoloads")
(require 'lsp-mode)
(setq lsp-auto-guess-root t lsp-enable-suggest-server-download nil lsp-headerline-breadcrumb-enable nil
      lsp-session-file (expand-file-name "lsp-session" (getenv "HOME")))
(add-hook 'python-mode-hook #'lsp)
"""


def draw(folder: Path) -> None:
    """Draw what the page shows."""
    _eglot(_folder(folder, "eglot"))
    _lsp_mode(_folder(folder, "lsp-mode"))
    _ghost_text(_folder(folder, "ghost"))


def _folder(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    (folder / name / ".git").mkdir()
    return folder / name


def _emacs(folder: Path, file: Path, lines: str, programs: Path, rows: int) -> Terminal:
    emacs = unpacked()
    init = folder / "init.el"
    init.write_text(PLAIN + lines, encoding="utf-8")
    command = [*emacs.command, "-nw", "-l", str(init), str(file)]
    return Terminal(folder / "tmux", command, emacs.environment | environment(folder, programs), rows)


def _cart(folder: Path) -> tuple[Path, Path]:
    file = folder / "cart.py"
    file.write_text(CART, encoding="utf-8")
    return file, write_program(folder, CART_RULES)


def _eglot(folder: Path) -> None:
    file, programs = _cart(folder)
    with _emacs(folder, file, EGLOT + page("eglot"), programs, 24) as terminal:
        terminal.wait_for("eglot:")
        terminal.keys("M-g", "g", "6", "Enter", "M-x", "eglot-code-actions", "Enter")
        terminal.wait_for("action")
        terminal.keys("Tab", "Tab")  # what they have in common, then the list
        terminal.wait_for("possible completions")
        menu = terminal.screen(colours=True)
        terminal.keys("t", "Tab", "Enter")
        terminal.wait_for("item.price for")
        terminal.picture(DOCS / "emacs-eglot.svg", "Emacs 30: M-x eglot-code-actions", after=menu)


def _lsp_mode(folder: Path) -> None:
    file, programs = _cart(folder)
    with _emacs(folder, file, LSP_MODE + page("lsp-mode"), programs, 24) as terminal:
        terminal.wait_for("initialized successfully")
        terminal.keys("M-g", "g", "6", "Enter", "M-x", "lsp-execute-code-action", "Enter")
        terminal.wait_for("action")
        terminal.keys("Tab", "Tab")  # what they have in common, then the list
        terminal.wait_for("possible completions")
        menu = terminal.screen(colours=True)
        terminal.keys("e", "Tab", "Enter")
        terminal.wait_for("item.name for")
        terminal.picture(DOCS / "emacs-lsp-mode.svg", "Emacs 30: M-x lsp-execute-code-action", after=menu)


def _ghost_text(folder: Path) -> None:
    file = folder / "lru_cache.py"
    file.write_text(LRU, encoding="utf-8")
    lines = LSP_MODE + page("lsp-mode", "lsp-mode ghost")
    with _emacs(folder, file, lines, write_program(folder, LRU_RULES), 24) as terminal:
        terminal.wait_for("initialized successfully")
        terminal.keys("M-g", "g", "1", "0", "Enter", "C-e")
        terminal.keys_until("return default", "x", "BSpace")
        terminal.picture(DOCS / "emacs-ghost.svg", "Emacs 30, lsp-mode 10: ghost text")
