"""Logical lines that are kept from version to version are those of the text as it is."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlm_lsp.syntax import logical
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.logical import Line, LogicalLines, Role, logical_lines
from dlm_lsp.syntax.scan import OUTSIDE, flatten
from dlm_lsp.syntax.slice import cut_slice

PYTHON = find_language("python")
LINES = [
    "\n",
    "\r\n",
    "\r",
    "x = 1\n",
    "def f():\n",
    "    return\n",
    "\f",
    "@d\n",
    "class A:\n",
    "  a,\n",
    "else:\n",
    "# '\n",
]
PIECES = ["(", ")", "[", "{", '"""', "'''", "'", '"', "\\", "\\\n", "#", "x", " ", "\t", "def", "\u2028", "\ufeff"]
TEXT = st.lists(st.sampled_from(LINES + PIECES), max_size=30).map("".join)
EDITS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9), TEXT), max_size=5)


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Cut every text into blocks of one or two lines, so that short texts have many."""
    monkeypatch.setattr(logical, "_BLOCK", logical._block_pattern(1, 1000))
    monkeypatch.setattr(logical, "BLOCK_LINES", 2)


def lines_of(text):
    """Read the logical lines of a text in one piece."""
    return list(logical._read(text, OUTSIDE, PYTHON).lines)


def assert_same(kept, text):
    """Compare what is kept with what one reading of the whole text says."""
    whole = lines_of(text)
    assert whole == list(kept.ahead(0, len(text) + 1))
    for offset in range(0, len(text) + 1, 3):
        if text[offset - 1 : offset + 1] == "\r\n":
            continue
        flat, before = flatten(text[:offset], PYTHON), kept.before(offset)
        assert (flat.string, flat.brackets, flat.comment) == (before.string, before.brackets, before.comment)
        assert [line for line in whole if line.start >= offset] == list(kept.ahead(offset, len(text) + 1))
        back = [line for line in reversed(whole) if line.start <= offset and line.indent == ""]
        assert back == list(kept.back(offset, ""))


@pytest.mark.usefixtures("tiny_blocks")
@settings(max_examples=300, deadline=None, suppress_health_check=["function_scoped_fixture"])
@given(TEXT, EDITS)
def test_any_edits_leave_the_lines_of_the_text(text, edits):
    """A block kept though what is open at its start has changed, or cut inside a line, moves every slice behind it."""
    kept = LogicalLines.of(text, PYTHON)
    assert_same(kept, text)
    for place, deleted, inserted in edits:
        at = place % (len(text) + 1)
        text = text[:at] + inserted + text[at + deleted :]
        kept = kept.updated(text)
        assert_same(kept, text)


@pytest.mark.usefixtures("tiny_blocks")
@settings(max_examples=100, deadline=None, suppress_health_check=["function_scoped_fixture"])
@given(st.lists(TEXT, min_size=12, max_size=12).map("".join), EDITS, st.integers(0, 500))
def test_what_is_remembered_changes_no_slice(text, edits, place):
    """A slice that depends on what was asked before cannot be relied on."""
    text += "y = 1\n" * 120
    for at, deleted, inserted in edits:
        cut_slice(text, at % (len(text) + 1), "python")
        text = text[: at % len(text)] + inserted + text[at % len(text) + deleted :]
    remembered = cut_slice(text, place % (len(text) + 1), "python")
    logical._recent.clear()
    assert cut_slice(text, place % (len(text) + 1), "python") == remembered


LONG = "".join(f"def f{n}(a, b):\n    '''Doc.'''\n    return [a,\n            b]\n\n\n" for n in range(3000))


def test_a_keystroke_is_read_and_not_the_document(monkeypatch):
    """A cost that grows with the document makes long files slow."""
    read = []

    def counting(text, state, row):
        read.append(len(text))
        return original(text, state, row)

    original = logical._read
    monkeypatch.setattr(logical, "_read", counting)
    text, cursor = LONG, len(LONG) // 2
    cut_slice(text, cursor, "python")
    first = sum(read)
    assert len(LONG) // 2 < first
    for number, typed in enumerate("x = (\n'''\n''' )\n"):
        read.clear()
        text = text[: cursor + number] + typed + text[cursor + number :]
        cut_slice(text, cursor + number + 1, "python")
        assert sum(read) < 40_000, typed  # the lines that are looked at, once more for what a quote makes of them
    read.clear()
    cut_slice(text, cursor, "python")
    assert [] == read


def test_lines_added_in_one_place_do_not_add_a_block_each():
    """A session of hours would make every later keystroke slower."""
    kept = LogicalLines.of(LONG, PYTHON)
    blocks = len(kept._blocks)
    text = LONG
    for _ in range(500):
        text = text[:9000] + "x = 1\n" + text[9000:]
        kept = kept.updated(text)
    assert blocks + 500 // (logical.BLOCK_LINES // 2) > len(kept._blocks)


def test_roles():
    """A decorator cut off its function, or an else off its if, does not parse."""
    text = "@d\nasync def f():\n    if x:\n        pass\n    else:\n        x = [\n1]\nclass A: pass\n"
    found = [(text[line.start :].split("\n", maxsplit=1)[0], line.role) for line in lines_of(text)]
    assert found == [
        ("@d", Role.DECORATOR),
        ("async def f():", Role.DEFINITION),
        ("    if x:", Role.STATEMENT),
        ("        pass", Role.STATEMENT),
        ("    else:", Role.GOES_ON),
        ("        x = [", Role.STATEMENT),
        ("class A: pass", Role.CONTAINER),
    ]


def test_a_line_of_data_is_not_read():
    """Millions of brackets would be counted at each keystroke."""
    text = "x = 1\n" + "[" * 50_000 + "\ny = 2\n"
    assert [Line(0, "", Role.STATEMENT), Line(len(text) - 6, "", Role.STATEMENT)] == list(
        LogicalLines.of(text, PYTHON).ahead(0, len(text) + 1)
    )


def test_documents_are_told_apart(monkeypatch):
    """Two files with the same head that are edited in turn must not be taken for each other, nor read anew each time."""
    head = "# licence\n" * 100
    one, other = head + "x = 1\n" * 100, head + "def f():\n    pass\n" * 100
    for text in (one, other):
        assert lines_of(text) == list(logical_lines(text, PYTHON).ahead(0, len(text)))
    monkeypatch.setattr(logical, "_read", None)
    for text in itertools.islice(itertools.cycle([one, other]), 6):
        list(logical_lines(text, PYTHON).ahead(0, len(text)))


def test_brackets_that_are_never_closed_do_not_fill_the_memory():
    """Each of them makes another reading of all that stands behind it."""
    kept, text = LogicalLines.of(LONG, PYTHON), LONG
    for _ in range(50):
        text = text[:9000] + "(" + text[9000:]
        kept = kept.updated(text)
        list(kept.ahead(9000, 20_000))
    assert logical.MAX_READINGS >= max(len(block._readings) for block in kept._blocks)
