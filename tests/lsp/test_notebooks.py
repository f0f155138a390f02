"""What of a notebook's cells is made Python, and what is left as it is."""

import ast

import pytest

from dlm_lsp.lsp.notebooks import as_python


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("%matplotlib inline\nx = 1\n", "#matplotlib inline\nx = 1\n"),
        ("%%time\nx = 1\n", "#%time\nx = 1\n"),
        ("if x:\n    !ls\n    y()\n", "if x:\n    #ls\n    y()\n"),
        ("files = !ls -l\n", "files = 0#s -l\n"),
        ("a, b = %sql x\n", "a, b = 0#ql x\n"),
        ("np.array??\n?x\n", "#p.array??\n#x\n"),
    ],
)
def test_magics_become_comments(text: str, python: str) -> None:
    """Fails if a magic breaks the Python around it, or moves it."""
    assert python == as_python(text)
    ast.parse(python)


@pytest.mark.parametrize(
    "text", ["y = (a\n  % b)\n", "y = (a\n  != b)\n", "x = a % b\n", "x = a != b\n", "print('%d?')\n"]
)
def test_python_stays_as_it_is(text: str) -> None:
    """Fails if an operator at the beginning of a line is taken for a magic."""
    assert text == as_python(text)
