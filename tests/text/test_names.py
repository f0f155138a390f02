"""Names that a module binds, and which of them are told."""

from dlm_lsp.text.names import bound_names, known_names, names_outside

TEXT = """\
import os
LIMIT = 3
size: int = 4
if LIMIT == 3: pass
LIMIT == 4
async def fetch(): pass
def load(
    path):
    inner = 1
class Store:
    def get(self): pass
a.b = 3
"""


def test_only_bindings_of_unindented_lines() -> None:
    """Fails if comparisons, attributes or locals are told as names of the module."""
    assert ["LIMIT", "size", "fetch", "load", "Store"] == [name for _, name in bound_names(TEXT)]


def test_offsets_stay_those_of_the_whole_text() -> None:
    """Fails if a part of the text is searched as if it were the whole."""
    start = TEXT.index("async")
    assert [(start, "fetch"), (TEXT.index("def load"), "load")] == list(bound_names(TEXT, start, TEXT.index("class")))


def test_the_nearest_are_chosen_and_keep_their_order() -> None:
    """Fails if names that the window shows take the place of those that it does not."""
    bindings = [(0, "far"), (10, "near"), (20, "seen"), (40, "behind"), (90, "end"), (95, "seen")]
    assert ("near", "behind") == names_outside(bindings, 15, 30, 2)
    assert ("far", "near", "behind", "end") == names_outside(bindings, 15, 30, 9)


MODULE = """\
import os.path, sys as system
from . import (
    first,  # noqa: F401, E501
    second as other,
)
from typing import \\
    Any
try:
    from fast import quick
except ImportError as problem:
    quick = None
a, *b = c = 1, 2
total: int = 0
if total == later:
    def when(): pass
for key, (value, _) in pairs:
    pass
with open(path) as stream:
    print(stream, end="")
class Store(Base):
    limit = 3
    def get(self):
        import local
        found = 1
def load(
    given=1,
):
    inner = 2
from late import *
"""


def test_all_names_of_a_module_are_known() -> None:
    """Fails if a right answer is blamed for a name that the document binds in a way that is not looked for."""
    known = [name for _, name in known_names(MODULE)]
    assert ["os", "system", "first", "other", "Any", "quick", "problem", "quick", "a", "b", "c"] == known[:11]
    assert ["total", "int", "when", "key", "value", "_", "stream", "Store", "load", "*"] == known[11:]


def test_locals_are_not_known() -> None:
    """Fails if a name of some other function resolves."""
    known = {name for _, name in known_names(MODULE)}
    assert not known & {"limit", "get", "local", "found", "given", "inner", "end", "later", "Base"}
    assert MODULE.index("class Store") == next(at for at, name in known_names(MODULE) if name == "Store")


def test_a_line_of_blanks_costs_no_more_than_its_length() -> None:
    """Blanks that two parts of a pattern may share are tried in all ways: a line of a hundred thousand takes minutes."""
    assert ["x"] == [name for _, name in known_names(f"for{' ' * 100_000}\nx = 1\n")]
    assert ["a", "b"] == [name for _, name in known_names(f"for  a,{' ' * 100_000}b  in c: pass\n")]
