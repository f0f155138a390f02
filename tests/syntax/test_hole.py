"""Which kind of hole is where: a table, one row a place. `|` marks the cursor."""

import pytest

from dlm_lsp.syntax.hole import find_hole
from dlm_lsp.values import HoleKind

BODY, LINE, REST, INLINE, STRING, COMMENT = HoleKind

TABLE = [
    # (name, text, kind, indent, typed_indent, floor, max_lines)
    ("header's line end", "def f():|\n", BODY, "    ", "", "    ", 64),
    ("below a header", "def f():\n    |\n", BODY, "    ", "    ", "    ", 64),
    ("below a header, nothing typed", "def f():\n|\n\ndef g():\n    pass\n", BODY, "    ", "", "    ", 64),
    ("below a header, typed deeper", "def f():\n        |", BODY, "        ", "        ", "        ", 64),
    ("below a header and a comment", "def f():\n    # todo\n    |\n", BODY, "    ", "    ", "    ", 64),
    ("below a docstring", 'def f():\n  """Do."""\n  |\n', BODY, "  ", "  ", "  ", 64),
    ("below a docstring, nothing typed", 'def f():\n  """Do."""\n|\n', BODY, "  ", "", "  ", 64),
    ("apart from a docstring", 'class A:\n    """Do."""\n\n|\n', LINE, "", "", "", 16),
    (
        "below a docstring of several lines",
        'def f():\n    """Do.\n\n    It.\n    """\n    |',
        BODY,
        "    ",
        "    ",
        "    ",
        64,
    ),
    ("method header", "class A:\n    def f(self):|\n    x = 1\n", BODY, "        ", "", "        ", 64),
    ("header over several lines", "def f(\n    a,\n    b,\n):\n    |\n", BODY, "    ", "    ", "    ", 64),
    ("header with tabs", "class A:\n\tdef f(self):\n\t\t|\n", BODY, "\t\t", "\t\t", "\t\t", 64),
    ("tabs, nothing typed", "class A:\n\tdef f(self):\n|", BODY, "\t\t", "", "\t\t", 64),
    ("unit of two", "if a:\n  b\nif c:|\n", BODY, "  ", "", "  ", 64),
    (
        "loop in a function may go on to its end",
        "def f():\n    for x in y:\n        |\n",
        BODY,
        "        ",
        "        ",
        "    ",
        64,
    ),
    (
        "loop before more of its function",
        "def f():\n    for x in y:\n        |\n    return 1\n",
        BODY,
        "        ",
        "        ",
        "    ",
        64,
    ),
    ("else", "if a:\n    b\nelse:\n    |\n", BODY, "    ", "    ", "    ", 64),
    ("try", "try:\n    |\nexcept A:\n    pass\n", BODY, "    ", "    ", "    ", 64),
    ("except without a type", "try:\n    a\nexcept:|", BODY, "    ", "", "    ", 64),
    ("match", "match x:\n    case 1:\n        |\n", BODY, "        ", "        ", "        ", 64),
    ("async", "async def f():\n    async with a:|\n", BODY, "        ", "", "    ", 64),
    ("header with a comment", "while x:  # why\n    |\n", BODY, "    ", "    ", "    ", 64),
    ("header of a body that is there", "def f():|\n    return 1\n", REST, "    ", "", "    ", 16),
    ("first line of a body that is there", "def f():\n    |\n    return 1\n", LINE, "    ", "    ", "    ", 16),
    ("same, nothing typed", "def f():\n|\n    return 1\n", LINE, "    ", "", "    ", 16),
    ("between statements", "def f():\n    a = 1\n    |\n    return a\n", LINE, "    ", "    ", "    ", 16),
    ("between statements, nothing typed", "def f():\n    a = 1\n|\n    return a\n", LINE, "    ", "", "    ", 16),
    (
        "in a loop, more of its function below",
        "def f():\n    for x in y:\n        a\n        |\n    return\n",
        LINE,
        "        ",
        "        ",
        "    ",
        16,
    ),
    (
        "in a loop, more of the loop below",
        "def f():\n    for x in y:\n        a\n        |\n        b\n",
        LINE,
        "        ",
        "        ",
        "        ",
        16,
    ),
    (
        "end of a function, typed out of a loop",
        "def f():\n    for x in y:\n        a\n    |\n",
        LINE,
        "    ",
        "    ",
        "    ",
        16,
    ),
    ("between functions", "def f():\n    a\n\n|\n\ndef g():\n    b\n", LINE, "", "", "", 16),
    ("header is missing", "def f():\n    a\n|\n        b\n", LINE, "    ", "", "    ", 16),
    ("empty document", "|", LINE, "", "", "", 16),
    ("below a decorator", "@wraps\n|\n", LINE, "", "", "", 16),
    ("below a string statement", 'x = 1\n"""Doc."""\n|\n', LINE, "", "", "", 16),
    ("after an assignment sign", "def f():\n    x = |\n", REST, "    ", "", "    ", 1),
    ("after return", "def f():\n    return |", REST, "    ", "", "    ", 1),
    ("end of a complete statement", "x = 1|\ny = 2\n", REST, "", "", "", 1),
    ("white space behind", "x = |   \n", REST, "", "", "", 1),
    ("annotation without a type", "x: int\ny:|\n", REST, "", "", "", 1),
    ("joined line", "x = 1 + \\\n    |\n", REST, "", "", "", 1),
    ("middle of an expression", "x = a + | + c\n", INLINE, "", "", "", 1),
    ("inside a call", "x = f(|)\n", INLINE, "", "", "", 1),
    ("inside an open call", "x = f(a, |\ny = 1\n", INLINE, "", "", "", 1),
    ("argument on a line of its own", "x = f(\n    |\n)\n", INLINE, "", "    ", "", 1),
    ("before code", "def f():\n    |return x\n", INLINE, "    ", "    ", "    ", 1),
    ("before a comment", "x = |  # one\n", INLINE, "", "", "", 1),
    ("condition", "def f():\n    if |:\n        pass\n", INLINE, "    ", "", "    ", 1),
    ("dict value", "d = {'a': |}\n", INLINE, "", "", "", 1),
    ("slice", "d[1:|]\n", INLINE, "", "", "", 1),
    ("inside a string", "x = 'abc|'\n", STRING, "", "", "", 1),
    ("open string", "x = 'abc|\ny = 1\n", STRING, "", "", "", 1),
    ("escaped quote", "x = 'a\\'|'\n", STRING, "", "", "", 1),
    ("docstring", 'def f():\n    """Do |\n    it."""\n', STRING, "    ", "", "    ", 1),
    ("open docstring", 'def f():\n    """|\n', STRING, "    ", "", "    ", 1),
    ("hash in a string", "x = '# |'\n", STRING, "", "", "", 1),
    ("comment", "x = 1  # the |\n", COMMENT, "", "", "", 1),
    ("comment in a block", "def f():\n    # |\n    pass\n", COMMENT, "    ", "", "    ", 1),
    ("quote in a comment", "# don't\nx = |\n", REST, "", "", "", 1),
    ("bracket that was never closed above", "f(a\n\ndef g():\n    |\n", BODY, "    ", "    ", "    ", 64),
    ("document broken behind the cursor", "def f():\n    |\n\ndef g(:\n", BODY, "    ", "    ", "    ", 64),
    ("carriage returns", "def f():\r\n    a\r\n    |\r\n    b\r\n", LINE, "    ", "    ", "    ", 16),
    ("form feed", "\fdef f():\n    |", BODY, "    ", "    ", "    ", 64),
]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_hole(row):
    """A hole of the wrong kind is filled too far, or its lines stand in the wrong column."""
    _, text, *expected = row
    hole = find_hole(text.replace("|", ""), text.index("|"), "python")
    assert expected == [hole.kind, hole.indent, hole.typed_indent, hole.floor, hole.max_lines]


def test_a_language_nobody_knows_gives_plain_lines():
    """A document that is not Python would else raise."""
    assert _kind("some words |\n") is REST
    assert _kind("some | words\n") is INLINE
    assert _kind("a\n|\nb\n") is LINE


def _kind(text):
    return find_hole(text.replace("|", ""), text.index("|"), "klingon").kind
