"""Draws the pictures of docs/editors/helix.md: Helix in a terminal, with a scripted model."""

from pathlib import Path

from tests.editors.helix.test_helix import choose, open_file, start
from tests.editors.pictures import CART, CART_RULES, DOCS
from tests.editors.tasks import write_program


def draw(folder: Path) -> None:
    """Draw the menu with what it does, and the completion list."""
    look = folder / "config/helix/config.toml"
    look.parent.mkdir(parents=True)
    look.write_text('theme = "base16_terminal"\n', encoding="utf-8")
    with start(folder, write_program(folder, CART_RULES)) as terminal:
        open_file(terminal, folder / "cart.py", CART)
        terminal.keys("/\\.\\.\\.", "Enter")
        terminal.wait_for("6:")
        menu = choose(terminal, "Fill every stub")
        terminal.wait_for("item.name for")
        terminal.picture(DOCS / "helix-actions.svg", "Helix: Space a", after=menu)
        terminal.keys("u", "/0", "Enter", "c", "len")
        terminal.wait_for("len(self.items)")
        terminal.picture(DOCS / "helix-list.svg", "Helix: answers in the completion list")
