"""Names that a module binds, and which of them are told."""

from dlm_lsp.text.names import bound_names, names_outside

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
