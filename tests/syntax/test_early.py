"""A look before a hole is full: sure faults only."""

import ast
import random
import sysconfig
from pathlib import Path

import pytest

from dlm_lsp.syntax.early import find_early_fault

HEAD = "def f(x):\n    "


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("y = = x\n    z = 1\n    return z\n", "="),
        ("y = x)\n    z = 1\n    return z\n", ")"),
        ("for y in x\n        print(y)\n    return 1\n", "\n"),
        ("if x:\n    y = 1\n    return 1\n", None),
        ("y = (x,\n    z\n    return 1\n", None),
        ("try:\n        y = x\n    ", None),
        ('y = """text\n    more text\n    more = = text\n', None),
        ("y = = x\n", None),
        ("", None),
    ],
)
def test_early_faults(lines: str, fault: str | None) -> None:
    """Fails if a sure fault is not seen, or what is only unfinished counts as one."""
    span = find_early_fault(HEAD, lines, "python")
    if fault is None:
        assert span is None
    else:
        assert span is not None
        assert fault in lines[span.start : span.end + 1]


def test_right_lines_have_none() -> None:
    """Fails if the first lines of a right body would be masked again: real functions, cut behind any of their lines."""
    draw = random.Random(0)
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    judged = 0
    for file in draw.sample(files, 25):
        text = file.read_text(encoding="utf-8")
        rows = text.splitlines(keepends=True)
        functions = [
            node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef) and len(node.body) > 2
        ]
        for function in draw.sample(functions, min(3, len(functions))):
            first = function.body[0].lineno - 1
            for end in range(first + 2, min(function.end_lineno or 0, first + 12) + 1):
                assert None is find_early_fault("".join(rows[:first]), "".join(rows[first:end]), "python")
                judged += 1
    assert judged > 200


def test_a_language_without_a_parser_has_none() -> None:
    """Fails if lines of a language that nobody can judge are masked again."""
    assert None is find_early_fault("", "= =\n= =\n", "plaintext")
