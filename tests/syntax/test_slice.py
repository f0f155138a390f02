"""Where the part that is judged is cut."""

import ast

from dlm_lsp.syntax.slice import MAX_LINES, cut_slice

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
    assert (cut.prefix + cut.suffix).count("\n") <= MAX_LINES + 5
    ast.parse(cut.prefix + cut.suffix)


def test_a_cursor_in_the_header_of_a_big_class_keeps_its_first_statements():
    """A class without a body does not parse."""
    cut = cut_slice(BIG_CLASS, BIG_CLASS.index("(B)") + 1, "python")
    assert "x = 1" in cut.suffix
    assert (cut.prefix + cut.suffix).count("\n") <= 2 * MAX_LINES
    ast.parse(cut.prefix + cut.suffix)


def test_statements_around_the_cursor_are_taken_on_both_sides():
    """A slice that lies on one side of the cursor would not show the code that a filling breaks."""
    cut = cut_slice(FLAT, FLAT.index("return 200"), "python")
    assert "def f190()" in cut.prefix
    assert "def f210()" in cut.suffix
    assert cut.start == FLAT.index("def f", cut.start)


def test_an_open_bracket_does_not_make_the_slice_the_whole_document():
    """The parser takes everything behind an open bracket for one error; judging that would be slow and useless."""
    broken = FLAT.replace("return 200", "return foo(")
    cut = cut_slice(broken, broken.index("foo(") + 4, "python")
    assert (cut.prefix + cut.suffix).count("\n") <= MAX_LINES
    assert cut.start == broken.index("def f", cut.start)


def test_a_language_nobody_knows_is_cut_at_its_lines():
    """The gate cuts whatever is open in the editor."""
    text = "some words\n  more\n" * 1000
    cut = cut_slice(text, 18_000, "klingon")
    assert 0 < (cut.prefix + cut.suffix).count("\n") <= MAX_LINES
    assert text[cut.start :].startswith("some")
