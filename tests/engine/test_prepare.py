"""Where the user will be when they have accepted, and what they type there first."""

import pytest

from dlm_lsp.engine.prepare import accept, next_line
from dlm_lsp.syntax.hole import find_hole
from dlm_lsp.values import Snapshot


def after(marked: str, text: str) -> tuple[str, str]:
    """Accept a text at `|`; give the document with the cursor in it, and what is typed there."""
    plain, cursor = marked.replace("|", ""), marked.index("|")
    accepted = accept(Snapshot("file:///a.py", "python", 1, plain, cursor), text)
    hole = find_hole(accepted.text, accepted.cursor, "python")
    return accepted.text[: accepted.cursor] + "|" + accepted.text[accepted.cursor :], next_line(accepted, hole)


@pytest.mark.parametrize(
    ("marked", "text", "expected", "lead"),
    [
        ("def f():\n    |\n", "x = 1", "def f():\n    x = 1|\n", "\n    "),
        ("def f():\n    |\n", "x = 1\n    y = 2", "def f():\n    x = 1\n    y = 2|\n", "\n    "),
        ("def f():\r\n\t|\r\n", "x = 1", "def f():\r\n\tx = 1|\r\n", "\r\n\t"),
        ("x = |", "1", "x = 1|", "\n"),
        ("def f():\n    |\n", "if x:", "def f():\n    if x:|\n", ""),
        ("x = f(|)\n", "1", "x = f(1|)\n", ""),
        ("x = f(\n    |\n)\n", "1,", "x = f(\n    1,|\n)\n", ""),
        ("# a |\n", "remark", "# a remark|\n", ""),
    ],
)
def test_after_accepting(marked: str, text: str, expected: str, lead: str) -> None:
    """Fails if what is prepared is for a place where nobody will be: a finished line is followed by another, nothing else is."""
    assert (expected, lead) == after(marked, text)
