"""What stands before a window: the grammar with markers, and the same facts as comments without them."""

from dlm_lsp.text.layout import PATH, SEP, lay_out
from dlm_lsp.values import Context, Snippet

FULL = Context("pkg/mod.py", "import os\n", ("Name", "other"), (Snippet("pkg/a.py", "A = 1"), Snippet("b.py", "B = 2")))


def test_with_markers() -> None:
    """Fails if the order changes: a model that was trained on this one would read imports as names."""
    head = (PATH, "pkg/a.py", SEP, "A = 1", SEP, PATH, "b.py", SEP, "B = 2", SEP)
    head += (PATH, "pkg/mod.py", SEP, "import os\n", SEP, "Name other", SEP)
    assert (*head, "x = ") == lay_out(FULL, "x = ", markers=True)


def test_the_empty_parts_keep_their_separators() -> None:
    """Fails if the model cannot tell imports from names by counting, or nothing to tell costs tokens."""
    assert (PATH, "m.py", SEP, SEP, SEP, "x") == lay_out(Context("m.py"), "x", markers=True)
    assert (PATH, SEP, SEP, "N", SEP) == lay_out(Context(names=("N",)), "", markers=True)
    assert ("x",) == lay_out(Context(), "x", markers=True)
    assert () == lay_out(Context(), "", markers=True) == lay_out(Context(), "", markers=False)


def test_without_markers() -> None:
    """Fails if a foreign checkpoint gets marker names as text, or code that does not parse before the window."""
    text = "# pkg/a.py\nA = 1\n# b.py\nB = 2\n# pkg/mod.py\nimport os\n\n# names: Name other\nx = "
    assert (text,) == lay_out(FULL, "x = ", markers=False)
    compile(text + "1", "", "exec")
