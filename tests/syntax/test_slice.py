"""Where the part that is judged is cut."""

import ast

import pytest

from dlm_lsp.syntax.hole import find_hole
from dlm_lsp.syntax.slice import ENOUGH_LINES, MAX_CHARS, MAX_LINES, cut_slice
from dlm_lsp.syntax.verdict import judge, survey
from dlm_lsp.text.trim import trim
from dlm_lsp.values import HoleKind

BIG_CLASS = "import os\n\n@deco\nclass A(B):\n    '''Doc.'''\n\n    x = 1\n\n" + "".join(
    f"    @wraps\n    def m{number}(self):\n        s = '''\nnot a border\n'''\n        return s\n\n"
    for number in range(300)
)
FLAT = "".join(f"def f{number}():\n    return {number}\n\n\n" for number in range(400))


def test_a_small_document_is_judged_whole():
    """Nothing is gained by a cut."""
    cut = cut_slice("def f(:\n", 3, "python")
    assert ("def", " f(:\n", 0, 8) == (cut.prefix, cut.suffix, cut.start, cut.end)


def test_a_method_of_a_big_class_is_judged_under_its_header():
    """Without its class it would be judged in the wrong column, with all of it too slowly."""
    cursor = BIG_CLASS.index("def m150") + len("def m150(self):\n        ")
    cut = cut_slice(BIG_CLASS, cursor, "python")
    assert cut.prefix.startswith("@deco\nclass A(B):\n")
    assert "def m150" in cut.prefix
    assert "def m10(" not in cut.prefix
    assert (cut.prefix + cut.suffix).count("\n") <= ENOUGH_LINES + 5
    ast.parse(cut.prefix + cut.suffix)


def test_a_cursor_in_the_header_of_a_big_class_keeps_its_first_statements():
    """A class without a body does not parse."""
    cut = cut_slice(BIG_CLASS, BIG_CLASS.index("(B)") + 1, "python")
    assert "x = 1" in cut.suffix
    assert (cut.prefix + cut.suffix).count("\n") <= ENOUGH_LINES + 5
    ast.parse(cut.prefix + cut.suffix)


def test_statements_around_the_cursor_are_taken_on_both_sides():
    """A slice that lies on one side of the cursor would not show the code that a filling breaks."""
    cut = cut_slice(FLAT, FLAT.index("return 200"), "python")
    assert "def f195()" in cut.prefix
    assert "def f205()" in cut.suffix
    assert cut.start == FLAT.index("def f", cut.start)


def test_an_open_bracket_does_not_make_the_slice_the_whole_document():
    """The parser takes everything behind an open bracket for one error; judging that would be slow and useless."""
    broken = FLAT.replace("return 200", "return foo(")
    cut = cut_slice(broken, broken.index("foo(") + 4, "python")
    assert (cut.prefix + cut.suffix).count("\n") <= ENOUGH_LINES
    assert cut.start == broken.index("def f", cut.start)


def test_a_language_nobody_knows_is_cut_at_its_lines():
    """The gate cuts whatever is open in the editor."""
    text = "some words\n  more\n" * 1000
    cut = cut_slice(text, 18_000, "klingon")
    assert 0 < (cut.prefix + cut.suffix).count("\n") <= ENOUGH_LINES
    assert text[cut.start :].startswith("some")


def judged(text, cursor):
    """Cut, and check that the slice is the document's text around the cursor and that it parses."""
    cut = cut_slice(text, cursor, "python")
    assert cut.prefix.endswith(text[cut.start : cursor])
    assert cut.suffix.startswith(text[cursor : cut.end])
    ast.parse(cut.prefix + cut.suffix)
    return cut


def test_a_long_function_is_judged_whole_and_a_very_long_one_is_entered():
    """The local names of a function stand at its top; but a thousand lines cost the time of an answer."""
    body = "    x = 1\n    if x:\n        x = 2\n"
    long, very_long = ("def f(a):\n" + body * times for times in (100, 1000))
    cut = judged(long + FLAT, len(long) // 2)
    assert (0, len(long)) == (cut.start, cut.end)
    cut = judged(very_long + FLAT, len(very_long) // 2)
    assert cut.prefix.startswith("def f(a):\n    x = 1\n")
    assert (cut.prefix + cut.suffix).count("\n") <= ENOUGH_LINES + 5


def test_a_method_of_a_class_in_a_class_is_judged_under_both_headers():
    """Indented code without what it is indented for does not parse."""
    methods = "".join(f"        def m{n}(self):\n            return {n}\n" for n in range(200))
    text = "class A:\n    x = 1\n    @d\n    class B:\n" + methods + FLAT
    cut = judged(text, text.index("return 100"))
    assert cut.prefix.startswith("class A:\n    @d\n    class B:\n        def m")
    assert "def m99" in cut.prefix
    assert "def m10(" not in cut.prefix


DATA = "rows = [\n" + "    (1, {'a': [2, 3]}),\n" * 3000 + "]\n"


@pytest.mark.parametrize(
    ("text", "place", "kind"),
    [
        (DATA, "(1", HoleKind.INLINE),
        (DATA.replace("rows = [", "rows = f(a, [").replace("\n]\n", "\n])\n"), "[2", HoleKind.INLINE),
        ('"""\n' + "Some prose.\n" * 3000 + '"""\n', "prose", HoleKind.DOCSTRING),
        ("def f():\n    '''\n" + "    More prose.\n" * 3000 + "    '''\n", "prose", HoleKind.DOCSTRING),
        ("x = '" + "abc\\\n" * 3000 + "'\n", "bc", HoleKind.STRING),
    ],
    ids=["list", "call", "docstring", "docstring in a function", "joined lines"],
)
def test_a_statement_that_is_too_long_is_cut_between_lines(text, place, kind):
    """A table of thousands of lines would be parsed at each keystroke; a line of it alone is another kind of hole."""
    cut = judged(FLAT + text + FLAT, len(FLAT) + text.index(place, len(text) // 2))
    assert (cut.prefix + cut.suffix).count("\n") <= ENOUGH_LINES + 5
    assert kind is find_hole(cut.prefix + cut.suffix, len(cut.prefix), "python").kind


ROWS = "".join(f"    ({n}, 'a{n}'),\n" for n in range(600))
PAIRS = "".join(f"        'a{n}': {n},\n" for n in range(600))


@pytest.mark.parametrize(
    ("text", "owes", "right"),
    [
        (f"import os\n\nprint(os|\nTABLE = [\n{ROWS}]\n", ")", ".name)"),
        (f"import os\n\nx = print(|\n\nTABLE = [\n{ROWS}]\n", ")", "os.name)"),
        (f"TABLE = [\n{ROWS}    (|\n{ROWS}]\n", ")", "1, 2),"),
        (f"def f(a):\n    b = g(a,|\n    TABLE = {{\n{PAIRS}    }}\n    return b\n", ")", " h(1))"),
        (f"def f(a):\n    b = g('a|\n    TABLE = {{\n{PAIRS}    }}\n    return b\n", "')", "b')"),
        (f"TABLE = foo(|\n{ROWS})\n", "", "x,"),
        (f"TABLE = [\n{ROWS}    (1, |),\n{ROWS}]\n", "", "2"),
        (f"TABLE = [\n{ROWS}    |\n{ROWS}]\n", "", "(1, 2),"),
    ],
)
def test_what_the_cursors_line_opens_above_a_table_is_for_the_hole_to_close(text: str, owes: str, right: str) -> None:
    """Fails if the bracket is closed behind the cut: the hole then owes nothing, and a right answer is cut off or withheld."""
    cursor = text.index("|")
    cut = cut_slice(text.replace("|", ""), cursor, "python")
    hole = find_hole(cut.prefix + cut.suffix, len(cut.prefix), "python")
    assert owes == hole.owes
    assert right == trim(right, cut.suffix, hole)
    assert judge(survey(cut.prefix, (), cut.suffix, "python"), [right]).parses


@pytest.mark.parametrize("at", [0.2, 0.5, 0.8])
def test_a_table_of_wide_lines_is_cut_between_them(at):
    """Cut in the middle of an entry, such a table parses with no filling, and the right one is condemned."""
    row = "    'some_key':" + " " * 30 + "'a value of some length',\n"
    text = "table = {\n" + row * 800 + "}\n"
    start = text.index("'a value", int(len(text) * at))
    end = text.index("\n", start)
    cut = cut_slice(text[:start] + text[end:], start, "python")
    ast.parse(cut.prefix + text[start:end] + cut.suffix)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 200_000,
        "x = '" + "a" * 1_000_000 + "'\n",
        "x = [" + "1, " * 1_000_000 + "]\n",
        "(" * 3000 + "\n" * 3000 + ")" * 3000 + "\n",
        "x = 1\n" * 1_000_000,
        "'" * 500_000,
        "@" * 9_999 + "\n" + "class A:\n" * 9_999,
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_no_text_makes_a_slice_that_is_too_long(text, line_end):
    """What is judged is parsed some ten times: its length is the time of an answer."""
    text = text.replace("\n", line_end)
    for cursor in (0, 7, len(text) // 3, len(text)):
        cut = cut_slice(text, cursor, "python")
        assert len(cut.prefix) + len(cut.suffix) <= MAX_CHARS + 400
        assert (cut.prefix + cut.suffix).count("\n") <= 2 * MAX_LINES
        assert cut.prefix.endswith(text[cut.start : cursor])
        assert cut.suffix.startswith(text[cursor : cut.end])


def test_a_bracket_left_open_at_the_cursor_does_not_hide_the_statements_behind():
    """While a call is typed, the lines behind it are not its arguments."""
    text = FLAT.replace("    return 200\n", "    x = foo(\n")
    cut = cut_slice(text, text.index("foo(") + 4, "python")
    assert "\n\n\ndef f201():\n    return 201\n" in cut.suffix
