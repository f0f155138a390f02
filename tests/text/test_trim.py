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
OPEN = Hole(HoleKind.INLINE, max_lines=16, owes=")")
ITEM = Hole(HoleKind.ITEM, "    ", "    ", "", 16, owes="")
OPEN_ITEM = Hole(HoleKind.ITEM, "    ", "    ", "", 16, owes=")")
FIELD = Hole(HoleKind.INLINE, max_lines=1, owes="", quote='"')
STRING = Hole(HoleKind.STRING, max_lines=1, owes="", quote='"')
OPEN_STRING = Hole(HoleKind.STRING, max_lines=1, owes='")', quote='"')
PROSE = Hole(HoleKind.DOCSTRING, "    ", "", "    ", 16, owes="", quote='"""')
OPEN_PROSE = Hole(HoleKind.DOCSTRING, "    ", "", "    ", 16, owes='"""', quote='"""')
COMMENT = Hole(HoleKind.COMMENT, "    ", floor="    ", max_lines=4)
HEAD = Hole(HoleKind.REST, "    ", "", "    ")

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
    ("comment that leaves its block", "return 1\n# next\n", "\n", BODY, "return 1"),
    ("header and body", " x):\n    return x\nf()", "\n", HEAD, " x):\n    return x"),
    # brackets
    ("what is behind the bracket is lost with it", "a, b) + c", ")\n", INLINE, "a, b"),
    ("leaves the brackets and comes back", "b), g(", "c)\n", INLINE, "b), g("),
    ("comes back once too seldom", "b)), g(", "c)\n", INLINE, "b"),
    ("closes the bracket that it owes", "x) + 1", "\n", OPEN, "x) + 1"),
    ("closes more than it owes", "x))", "\n", OPEN, "x)"),
    ("bracket in a string", '")"', ")\n", INLINE, '")"'),
    ("bracket in a comment", "a,  # :)\n    b", "\n)\n", ITEM, "a,  # :)\n    b"),
    ("bracket of another kind", "a]", ")\n", INLINE, "a"),
    ("surplus bracket where none is open is a fault and no repetition", "x)", "\n", REST, "x)"),
    ("items end before the bracket", "a,\n    b,\n)\nx = 1", "\n)\n", ITEM, "a,\n    b,"),
    ("items that close their bracket end with its line", "a,\n) + 1\nx = 1", "\n", OPEN_ITEM, "a,\n) + 1"),
    ("items of an unclosed bracket", "a,\n    b", "\n", OPEN_ITEM, "a,\n    b"),
    ("items repeat the next", "a,\n    b,", "\n    b,\n)\n", ITEM, "a,"),
    # strings
    ("leaves its string", 'abc" + "', ")\n", STRING, 'abc" + "'),
    ("closes its string", 'abc")', '")\n', STRING, "abc"),
    ("closes and opens its string, and closes it", 'a", "b")', '")\n', STRING, "a"),
    ("escaped quote stays", 'a \\" b', '"\n', STRING, 'a \\" b'),
    ("string that has to be closed", 'abc")', "\n", OPEN_STRING, 'abc")'),
    ("brackets in a string are text", "a) :-)", '"\n', STRING, "a) :-)"),
    ("field ends before its brace", "name}", '}"\n', FIELD, "name"),
    ("field ends before the quote", 'name" + x', '}"\n', FIELD, "name"),
    ("docstring ends before its quotes", 'Do.\n\n    More.\n    """\n    x', '"""\n', PROSE, "Do.\n\n    More.\n    "),
    ("docstring that has to be closed", 'Do."""\n    return 1', "\n", OPEN_PROSE, 'Do."""'),
    ("docstring that leaves its block", "Do.\n\nMore.", '"""\n', PROSE, "Do.\n"),
    ("quotes in a docstring", 'Say "x".', '"""\n', PROSE, 'Say "x".'),
    # comments
    ("comment goes on", "one\n    # two\n    x = 1", "\n", COMMENT, "one\n    # two"),
    ("comment has code behind it", "one\n    x = 1", "\n", COMMENT, "one"),
    # repetitions of the rest of the line
    ("rest begins in the text", "xs, key=", ", key=len)\n", INLINE, "xs"),
    ("rest begins in the middle of a word", "price", "ice + tax\n", INLINE, "price"),
    ("rest ends in the middle of a word", "a + value", "value_of(b)\n", INLINE, "a + value"),
    ("rest is short", "a.b", ".b\n", INLINE, "a.b"),
    ("comma that is there already", "a, ", ", b)\n", INLINE, "a"),
    ("colon that is there already", "x > 1:", ":\n", INLINE, "x > 1"),
    ("behind a backslash", "\n    2\ny = 1", "\n", Hole(HoleKind.REST, max_lines=2), "\n    2"),
    ("rest says nothing", "a) == (", ") == (c)\n", INLINE, "a) == ("),
]


@pytest.mark.parametrize(("name", "text", "suffix", "hole", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_trim(name: str, text: str, suffix: str, hole: Hole, expected: str) -> None:
    """Too little cut doubles code, too much loses it."""
    assert expected == trim(text, suffix, hole), name


HOLES = [BODY, LINE, REST, INLINE, OPEN, ITEM, OPEN_ITEM, FIELD, STRING, OPEN_STRING, PROSE, OPEN_PROSE, COMMENT, HEAD]
PIECES = [
    "a",
    "value",
    "b = 1",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    '"',
    '"""',
    "'",
    "\\",
    "#",
    ":",
    ",",
    " ",
    "    ",
    "\n",
    "\n    ",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(TEXTS, TEXTS, st.sampled_from(HOLES))
def test_only_the_end_is_cut_and_nothing_is_left_to_cut(text: str, suffix: str, hole: Hole) -> None:
    """Fails if offsets into the filling become invalid, or trimming again, as the gate does, takes more."""
    kept = trim(text, suffix, hole)
    assert text.startswith(kept)
    assert kept == "" or kept.strip()
    assert kept == trim(kept, suffix, hole)


@given(TEXTS, TEXTS, st.sampled_from(HOLES))
def test_a_hole_keeps_its_lines(text: str, suffix: str, hole: Hole) -> None:
    """Fails if a text is taller than its hole, or ends in white space where nothing follows on its line."""
    kept = trim(text, suffix, hole)
    first_is_empty = hole.starts_line and not kept.partition("\n")[0].strip()
    assert kept.count("\n") + 1 <= hole.max_lines + first_is_empty
    assert suffix.partition("\n")[0].strip() or kept == kept.rstrip()


@given(TEXTS, st.sampled_from([BODY, LINE, ITEM]))
def test_what_follows_is_never_said_again(text: str, hole: Hole) -> None:
    """Fails if a filling that goes on into the lines that are there already keeps any of them."""
    following = "    total = 1\n    return total\n"
    assert trim(text, "\n" + following, hole) == trim(f"{text}\n{following}", "\n" + following, hole)
