"""Draws the pictures of docs/editors that terminals show: Neovim, Emacs and Helix, each with a scripted model.

python -m tests.editors.pictures [nvim|emacs|helix …]
"""

import importlib
import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs/editors"
FOLDER = Path("/tmp/demo")  # what pictures show of paths is below it
EDITORS = ["nvim", "emacs", "helix"]

OTHERS = ["return self._values.get(key, default)", "value = self._values.get(key, default)\n        return value"]
LRU_RULES = [
    rule | {"alternatives": OTHERS} if "mark it" in rule["after"] else rule
    for rule in json.loads((ROOT / "examples/scripted.json").read_text(encoding="utf-8"))["rules"]
]
LRU = (ROOT / "examples/unfinished/lru_cache.py").read_text(encoding="utf-8")
LRU = LRU[LRU.index("class") :]

CART = """\
class Cart:
    def __init__(self, items):
        self.items = items

    def total(self):
        ...

    def names(self):
        pass

    def count(self):
        return 0
"""
CART_RULES = [
    {"after": "def total(self):\n        ", "before": "\n", "answer": "return sum(item.price for item in self.items)"},
    {"after": "def names(self):\n        ", "before": "\n", "answer": "return [item.name for item in self.items]"},
    {"after": "def count(self):\n        ", "before": "\n", "answer": "return len(self.items)"},
]


def environment(folder: Path, programs: Path) -> dict[str, str]:
    """Give what an editor sees of the machine: a home of its own, and programs before the usual ones."""
    homes = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    return dict.fromkeys(homes, str(folder)) | terminal | {"PATH": f"{programs}:{os.environ['PATH']}"}


def main() -> None:
    """Draw those of the editors that were named, or of all."""
    FOLDER.mkdir()
    try:
        for name in sys.argv[1:] or EDITORS:
            folder = FOLDER / name
            folder.mkdir()
            importlib.import_module(f"tests.editors.{name}.pictures").draw(folder)
    finally:
        shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
