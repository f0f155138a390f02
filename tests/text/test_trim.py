"""What is cut off the end of a filling, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.text.trim import trim
from dlm_lsp.values import Hole, HoleKind

BODY = Hole(HoleKind.BODY, "    ", "    ", "    ")
LINE = Hole(HoleKind.LINE, "    ", "    ", "    ", 16)
REST = Hole(HoleKind.REST, max_lines=1)
INLINE = Hole(HoleKind.INLINE, max_lines=1, owes="")

TABLE = [
    ("trailing space", "x = 1  \n\n", "\n", LINE, "x = 1"),
    ("white space only", " \n\t\n", "\n", LINE, ""),
    ("one line only", "1\ny = 2", "\n", REST, "1"),
    ("one line only, and that is empty", "\ny = 2", "\n", REST, ""),
    ("left its block", "return 1\n\ndef g():\n    pass", "\n", BODY, "return 1"),
    ("deeper is inside", "if a:\n        b\n    c", "\n", BODY, "if a:\n        b\n    c"),
    ("closing bracket may stand outside", "x = [\n1,\n]", "\n", Hole(HoleKind.LINE, max_lines=16), "x = [\n1,\n]"),
    ("string lines may stand anywhere", 'x = """\na\n"""\n    y', "\n", BODY, 'x = """\na\n"""\n    y'),
    (
        "body at the end of its header",
        "\n    return 1\ny = 2",
        "\n",
        Hole(HoleKind.BODY, "    ", "", "    "),
        "\n    return 1",
    ),
    ("repeats the next line", "a = 1\n    return a", "\n    return a\n", LINE, "a = 1"),
    ("repeats the next two lines", "a = 1\n    b = 2\n\n    return a", "\n    b = 2\n    return a\n", LINE, "a = 1"),
    ("is the next line", "return a", "\n    return a\n", LINE, ""),
    ("repeats over an empty line", "a = 1\n    return a", "\n\n    return a\n", LINE, "a = 1"),
    ("a bracket alone is no repetition", "x = f(\n    )", "\n    )\n", LINE, "x = f(\n    )"),
    (
        "other indentation is another line",
        "if b:\n        return a",
        "\n    return a\n",
        LINE,
        "if b:\n        return a",
    ),
    ("bracket typed by the editor", "x)", ")\n", INLINE, "x"),
    ("brackets typed by the editor", "x])", "])\n", INLINE, "x"),
    ("bracket of its own", "f(x)", ")\n", INLINE, "f(x)"),
    ("repeats the rest of the line", "xs, key=len)", ", key=len)\n", INLINE, "xs"),
    ("blank before the rest of the line", "not ", "x\n", INLINE, "not "),
    ("carriage returns behind", "a = 1\n    return a", "\r\n    return a\r\n", LINE, "a = 1"),
]


@pytest.mark.parametrize(("name", "text", "suffix", "hole", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_trim(name, text, suffix, hole, expected):
    """Too little cut doubles code, too much loses it."""
    assert expected == trim(text, suffix, hole), name


@given(
    st.text(alphabet='ab() \n"#x:', max_size=40),
    st.text(alphabet="ab() \nx", max_size=30),
    st.sampled_from([BODY, LINE, REST, INLINE]),
)
def test_only_the_end_is_cut_and_nothing_is_left_to_cut(text, suffix, hole):
    """Offsets into the filling must stay valid."""
    kept = trim(text, suffix, hole)
    assert text.startswith(kept)
    assert kept == "" or kept.strip()
