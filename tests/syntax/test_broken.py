"""Which lines are at fault where a text does not parse."""

import pytest

from dlm_lsp.syntax.broken import MAX_BLOCK_CHARS, broken_lines, complaint_near

BROKEN = [
    ("def f(a, b):\n    x = foo(a, b\n    return@@ x\n\ndef g():\n    pass\n", "x = foo(a, b"),
    ("def f(a, b):\n    if a\n        return@@ x\n    return b\n", "if a"),
    ("def f(a, b):\n    if a:\n    return@@ x\n    return b\n", "return x"),
    ("def f(a, b):\n    y = 1\n      z = 2@@\n    return b\n", "z = 2"),
    ("def f(a, b):\n    y = 'abc\n    return@@ b\n", "y = 'abc"),
    ("def f(a, b:\n    return@@ b\n", "def f(a, b:"),
    ("def f(a, b):\n    try:\n        x = 1\n    return@@ x\n", "try:\n        x = 1"),
    ("def f(a, b):\n    y = [\n    1,2\n    for@@ x in\n  ]  return b\n", "for x in\n  ]  return b"),
    ("x = 1\ny = ((2\nz@@ = 1\ndef f(): pass\n", "y = ((2"),
    ("def f(a):\r\n\tx = (1\r\n\treturn@@ x\r\n", "x = (1"),
    ("s = '😀'\nx = ]@@\n", "x = ]"),
]


@pytest.mark.parametrize(("marked", "lines"), BROKEN)
def test_the_smallest_run_of_lines(marked: str, lines: str) -> None:
    """Fails if lines that are right would be replaced, or the fault is not among those that are."""
    at, text = marked.index("@@"), marked.replace("@@", "")
    found = broken_lines(text, at, "python")
    assert found is not None
    assert lines == text[found.start : found.end]


def test_what_parses_is_not_broken() -> None:
    """Fails if a repair is offered where nothing is broken, or for a fault in another function."""
    text = "def f():\n    return (1\n\ndef g():\n    return 1\n"
    assert complaint_near(text, text.index("(1"), "python") is not None
    assert complaint_near(text, text.index("1\n", 30), "python") is None
    assert broken_lines(text, len(text), "python") is None
    assert broken_lines("x = ]", 0, "fortran") is None
    template = "x = '''\ndef y\n'''\n"
    assert complaint_near(template, 10, "python") is None


def test_a_long_statement_is_judged_in_slices() -> None:
    """Fails if a class that is cut for being long counts as broken, or a fault in it is not found where it is."""
    methods = "".join(
        f"    def m{n}(self):\n        x = (1)\n        return x\n\n" for n in range(MAX_BLOCK_CHARS // 30)
    )
    text = "class A:\n" + methods
    middle = text.index("x = (1)", len(text) // 2)
    assert complaint_near(text, middle, "python") is None
    text = text[:middle] + "x = (1" + text[middle + len("x = (1)") :]
    found = broken_lines(text, middle, "python")
    assert (middle, "x = (1") == (found.start, text[found.start : found.end])


def test_a_hopeless_case_ends() -> None:
    """Fails if the search grows beyond bounds where no few lines are to blame."""
    text = "def f():\n" + "    x = ) if ] else (\n" * (MAX_BLOCK_CHARS // 40)
    assert broken_lines(text, len(text) // 2, "python") is None
