"""Draws the pictures of docs/editors/neovim.md: Neovim 0.12 in a terminal, with a scripted model. Knows the plugin as a user does."""

from pathlib import Path

from tests.editors.nvim.conftest import PLUGIN, PROGRAMS
from tests.editors.pictures import CART, CART_RULES, DOCS, LRU, LRU_RULES, environment
from tests.editors.tasks import write_program
from tests.editors.terminal import Terminal

INIT = f"""
vim.opt.runtimepath:prepend('{PLUGIN}')
vim.opt.shortmess:append('I')
vim.o.hlsearch = false
vim.o.termguicolors, vim.o.laststatus, vim.o.showmode, vim.o.ruler = true, 2, false, false
vim.o.statusline = " %t %= %{{v:lua.require'dlm'.statusline()}} "
vim.opt.fillchars = {{ eob = ' ' }}
vim.api.nvim_set_hl(0, 'Normal', {{ fg = '#e0e2ea' }})
vim.api.nvim_set_hl(0, 'ComplHint', {{ fg = '#9b9ea4', italic = true }})
require('dlm').setup({{ settings = {{ threshold = THRESHOLD }} }})
vim.keymap.set('i', '<Tab>', '<Plug>(dlm-accept)')
vim.keymap.set('i', '<F4>', '<Plug>(dlm-next)')
"""


def draw(folder: Path) -> None:
    """Draw what the page shows; `folder` may be seen in the pictures."""
    _ghost_text(_folder(folder, "lru"))
    _watch(_folder(folder, "watch"))
    _actions(_folder(folder, "cart"))


def _folder(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def _neovim(folder: Path, file: Path, programs: Path, rows: int, *, at_once: bool = True) -> Terminal:
    init = folder / "init.lua"
    init.write_text(INIT.replace("THRESHOLD", "0.9" if at_once else "0.999"), encoding="utf-8")
    command = [PROGRAMS["0.12"], "-u", str(init), "-i", "NONE", "-n", str(file)]
    return Terminal(folder / "tmux", command, environment(folder, programs), rows)


def _ghost_text(folder: Path) -> None:
    file = folder / "lru_cache.py"
    file.write_text(LRU, encoding="utf-8")
    with _neovim(folder, file, write_program(folder, LRU_RULES), 22) as terminal:
        terminal.wait_for("dlm script")
        terminal.keys(":10", "Enter", "A")
        terminal.wait_for("return default")
        terminal.picture(DOCS / "neovim-ghost.svg", "Neovim 0.12: ghost text")
        terminal.keys("F4")
        terminal.wait_for("/3)")
        terminal.picture(DOCS / "neovim-next.svg", "Neovim 0.12: another answer")


def _watch(folder: Path) -> None:
    file = folder / "lru_cache.py"
    file.write_text(LRU, encoding="utf-8")
    with _neovim(folder, file, write_program(folder, LRU_RULES, step_ms=150), 22, at_once=False) as terminal:
        terminal.wait_for("dlm script")
        terminal.keys(":10", "Enter", "A", "Escape", ":Dlm watch", "Enter")
        terminal.wait_for("step 20,")
        terminal.picture(DOCS / "neovim-watch.svg", "Neovim 0.12: :Dlm watch")


def _actions(folder: Path) -> None:
    file = folder / "cart.py"
    file.write_text(CART, encoding="utf-8")
    with _neovim(folder, file, write_program(folder, CART_RULES), 18) as terminal:
        terminal.wait_for("dlm script")
        terminal.keys(":6", "Enter", ":lua vim.lsp.buf.code_action()", "Enter")
        terminal.wait_for("Fill this function")
        menu = terminal.screen(colours=True)
        terminal.keys("1", "Enter")
        terminal.wait_for("sum(")
        terminal.picture(DOCS / "neovim-function.svg", "Neovim 0.12: code actions", after=menu)
        _before_and_after(terminal, ":6", ":Dlm stubs", "item.name for item", "neovim-stubs.svg")
        _before_and_after(terminal, ":12", ":12Dlm regenerate", "return len", "neovim-regenerate.svg")
        _before_and_after(terminal, ":12s/0/len(self/", ":Dlm repair", "len(self.items)", "neovim-repair.svg")
        terminal.keys(":checkhealth dlm", "Enter")
        terminal.wait_for("lsp.log")
        terminal.picture(DOCS / "neovim-health.svg", "Neovim 0.12: :checkhealth dlm")
        terminal.keys(":bwipeout", "Enter", ":Dlm toggle", "Enter")
        terminal.wait_for("dlm: off")
        terminal.picture(DOCS / "neovim-off.svg", "Neovim 0.12: :Dlm toggle")


def _before_and_after(terminal: Terminal, prepare: str, command: str, result: str, name: str) -> None:
    terminal.keys("u", prepare, "Enter", command)
    terminal.wait_for(command)
    before = terminal.screen(colours=True)
    terminal.keys("Enter")
    terminal.wait_for(result)
    terminal.picture(DOCS / name, f"Neovim 0.12: {command}", after=before)
