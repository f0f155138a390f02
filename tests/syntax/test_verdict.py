"""What fits and what does not, and where the faults are said to be."""

import time
from dataclasses import replace

import pytest

from dlm_lsp.syntax import verdict
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.verdict import judge, survey

IN_FUNCTION = ("def f(x):\n    ", "\n\n\ndef g():\n    pass\n")
IN_LOOP = ("def f(x):\n    for y in x:\n        ", "\n    return y\n")
BEFORE_RETURN = ("def f(x):\n    ", "\n    return y\n")
IN_CALL = ("x = f(a, ", ")\ny = 1\n")

TABLE = [
    # (name, (prefix, suffix), filling, the part of the filling that is at fault, or None if it fits)
    ("a statement", IN_FUNCTION, "return x", None),
    ("a whole body", IN_FUNCTION, "if x:\n        return 1\n    return 2", None),
    ("nothing at all", IN_FUNCTION, "", ""),
    ("only a comment", IN_FUNCTION, "# later", "# later"),
    ("an open bracket", IN_FUNCTION, "return f(x", "("),
    ("a bracket too many", IN_FUNCTION, "return x)", ")"),
    ("try alone, which tree-sitter accepts", IN_FUNCTION, "try:\n        x", "x"),
    ("an empty block, which tree-sitter accepts", IN_FUNCTION, "if x:\n    pass", "    p"),
    ("a wrong dedent", IN_FUNCTION, "if x:\n        y\n      z", "z"),
    ("a wrong indent", IN_FUNCTION, "y\n        z", "        z"),
    ("tabs for blanks", IN_FUNCTION, "if x:\n\treturn 1", "return 1"),
    ("a second function outside", IN_FUNCTION, "pass\ndef h():\n    pass", "def h():"),
    ("text over non-ASCII", IN_FUNCTION, "y = 'äöü€\U0001f600'; z = )", ")"),
    ("a string that stays open", IN_FUNCTION, "y = 'abc", "'abc"),
    ("a triple string that swallows the rest", IN_FUNCTION, 'y = """abc', '"""abc'),
    ("the rest of the function after a loop", IN_LOOP, "pass\n    y = 1", None),
    ("what follows would move into another function", BEFORE_RETURN, "y = 1\n\ndef h():\n    pass", "def h():"),
    ("what follows would have no header", ("def f(x):\n", "\n    return y\n"), "y = 1", "y = 1"),
    ("an argument", IN_CALL, "b, *c", None),
    ("two arguments with a stray sign", IN_CALL, "b, = c", "="),
    ("a comment that hides the bracket behind it", IN_CALL, "b  # why", "b  # why"),
    ("a comment that hides an operand", ("x = ", "+ y\n"), "1  # why", "y"),
    ("the rest of a line", ("x = ", "\n"), "y + 1", None),
    ("an expression that does not end", ("x = ", "\n"), "y +", "+"),
    ("a header", ("if ", "\n    y\n"), "x:", None),
    ("a header without its colon", ("if ", "\n    y\n"), "x", "x"),
    ("a function's name", ("def ", "\n    y\n"), "g(x):", None),
    ("something else for a function's name", ("def ", "\n    y\n"), "x + 1", "+"),
    ("the header of a handler", ("try:\n    x\n", "\n    y\n"), "except A:", None),
    ("something else for the header of a handler", ("try:\n    x\n", "\n    y\n"), "z = 1", "z = 1"),
    ("inside a string", ("x = 'a ", " b'\n"), "c", None),
    ("a quote inside a string", ("x = 'a ", " b'\n"), "c'", "'"),
    ("a hole in column 0", ("def f():\n", "\n"), "    return 1", None),
    ("a hole in column 0, not indented", ("def f():\n", "\n"), "return 1", "return"),
    ("NUL", IN_FUNCTION, "x = '\0'", "x = '\0'"),
    ("too deep for the parser", IN_FUNCTION, "x = " + "(" * 2000 + ")" * 2000, "("),
]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_verdict(row):
    """A fault that is missed is shown to the user; one that is not there, or elsewhere, costs a good answer."""
    _, (prefix, suffix), filling, wrong = row
    baseline = survey(prefix, (), suffix, "python")
    verdict = judge(baseline, (filling,))
    assert baseline.strict
    assert (wrong is None) == verdict.parses
    if wrong is not None and wrong in filling:
        touched = [filling[fault.start : fault.end] for fault in verdict.faults]
        assert any(wrong in part or (part and part in wrong) for part in touched) or wrong == "", touched


def test_several_holes_are_judged_together_and_each_gets_its_own_faults():
    """The fault of one stub would be repaired in another."""
    baseline = survey("def f():\n    ", ("\n\ndef g():\n    ",), "\n", "python")
    assert judge(baseline, ("return 1", "return 2")).parses
    verdict = judge(baseline, ("return 1", "return (2"))
    assert {1} == {fault.hole for fault in verdict.faults}
    assert "return (2"[verdict.faults[0].start] == "("


def test_in_a_slice_that_is_broken_elsewhere_only_new_errors_count():
    """Any answer would else be withheld while the user is in the middle of another change."""
    baseline = survey("def f(:\n    pass\n\ndef g(x):\n    ", (), "\n\nx = = 1\n", "python")
    assert not baseline.strict
    assert judge(baseline, ("return x",)).parses
    assert not judge(baseline, ("return x)",)).parses


def test_syntax_newer_than_the_running_python_is_left_to_the_grammar():
    """A user with a newer Python than the server's would see no answers at all."""
    baseline = survey("type A[T] = list[T]\ntype = = 3\n\ndef g(x):\n    ", (), "\n", "python")
    assert judge(baseline, ("return x",)).parses


def test_a_fault_behind_the_hole_is_told_apart():
    """The guide must know that the end of the filling is to blame, not the user's code."""
    verdict = judge(survey("def f():\n    x = 1\n    ", (), "\n    y = 2\n", "python"), ("if x:",))
    assert not verdict.parses
    assert [0] == [fault.hole for fault in verdict.broken_after]
    assert "\n    y = 2\n"[verdict.broken_after[0].start :].startswith("    y")
    assert [(0, 5)] == [(fault.start, fault.end) for fault in verdict.faults]


def test_a_language_nobody_knows_fits_always():
    """There is nothing to judge by."""
    assert judge(survey("some (", (), " words", "klingon"), (") ]",)).parses


def test_carriage_returns_and_lone_surrogates_do_not_shift_faults():
    """The parser counts lines and columns, the hole code points."""
    verdict = judge(survey("# \ud800\r\nx = '\ud800'\r\ny = ", (), "\r\n", "python"), ("f('\ud800', )])",))
    assert "f('\ud800', )])"[verdict.faults[0].start] == "]"


BEHIND = [
    # (name, (prefix, suffix), filling, what of it is to blame for the error behind it)
    ("a bracket that is not closed", ("x = f(", "\ny = 1\n)\n"), "a, g(b, c", ["("]),
    ("a bracket that closes the caller's", ("x = f(a, ", ")\ny = 1\n"), "b), c", [")"]),
    ("a quote that swallows the bracket", ("x = f(", ")\n"), "a, 'b", ["'"]),
    ("nothing in particular: the last line", ("def f():\n    ", "\n    y = 2\n"), "x = 1\n    if x:", ["    if x:"]),
    ("the indentation of a line", IN_FUNCTION, "y = 1\n      z = 2", ["      z"]),
]


@pytest.mark.parametrize("row", BEHIND, ids=[row[0] for row in BEHIND])
def test_an_error_behind_the_hole_is_traced_back(row):
    """Tokens that are right would be masked again, and those that are wrong would stay."""
    _, (prefix, suffix), filling, expected = row
    verdict = judge(survey(prefix, (), suffix, "python"), (filling,))
    blamed = [filling[fault.start : fault.end] for fault in verdict.faults]
    assert set(expected) <= set(blamed), blamed


def test_a_second_docstring_does_not_fit():
    """A small model repeats the docstring instead of writing the body."""
    prefix = 'def f(x):\n    """Give x."""\n    '
    assert not judge(survey(prefix, (), "\n", "python"), ('"""Give x."""',)).parses
    assert not judge(survey(prefix, (), "\n", "python"), ("'Give x.'\n    return x",)).parses
    assert judge(survey(prefix, (), "\n", "python"), ("'a'.join(x)",)).parses
    assert judge(survey("def f(x):\n    ", (), "\n", "python"), ('"""Give x."""',)).parses
    assert judge(survey("x: int = 1\n", (), "\n", "python"), ('"""What x is."""',)).parses


def test_unresolved_names_are_told_and_do_not_matter():
    """A name from elsewhere would else make every answer unfit, and a wrong one would never be masked again."""
    baseline = survey("import os\n\ndef f(x):\n    ", (), "\n", "python")
    text = "return os.y(x, z, w)"
    verdict = judge(baseline, (text,), known_names=["w"])
    assert verdict.parses
    assert ["z"] == [text[fault.start : fault.end] for fault in verdict.unresolved]
    assert () == judge(baseline, (text,)).unresolved
    assert () == judge(baseline, (text + ")",), known_names=[]).unresolved


CUTS = [
    # (name, text with the hole between «»)
    ("to the end of a comprehension", "x = [abs(a - b) for «a, b in c»]\n"),
    ("before a conditional expression", "def f():\n    return «g(x) »if x else None\n"),
    ("out of a bracket into another", "x = max(a«)\ny = f(g(b), c»=d), e\n"),
    ("out of a string into another", "x = 'a«b' + 'c»d'\n"),
    ("out of a string", "x = f('a«b', c»)\n"),
    ("into a string", "x = f(«a, 'b» c')\n"),
    ("inside of a keyword", "def f(x):\n    re«tu»rn x\n"),
    ("from one line into a keyword of the next", "def f(x):\n    y = x«\n    retu»rn y\n"),
    ("a loop's head and body", "for x in «y:\n    f(»x)\n"),
    ("a condition and its block", "if x«:\n    y = 1»\n"),
    (
        "up to else in a deeper block",
        "def f(x):\n«    if x:\n        if x:\n            y»\n        else:\n            z\n",
    ),
    ("half of an indentation", "def f(x):\n  «  y = 1\n »   return y\n"),
    ("out of a comment", "x = 1  # a«b\ny =» 2\n"),
    ("an import", "from a import b«\nfrom c im»port d\n"),
]


@pytest.mark.parametrize("row", CUTS, ids=[row[0] for row in CUTS])
def test_the_languages_own_parser_judges_cuts_at_any_place(row):
    """The grammar alone would judge, which lets nonsense through."""
    _, marked = row
    prefix, rest = marked.split("«")
    filling, suffix = rest.split("»")
    baseline = survey(prefix, (), suffix, "python")
    assert baseline.strict
    assert judge(baseline, (filling,)).parses


def test_what_is_broken_before_the_hole_costs_one_try():
    """Every keystroke in a file that does not parse would try all fillings."""
    begin = time.perf_counter()
    text = "x = = 1\n" + "y = f(1)\n" * 300
    for _ in range(5):
        assert not survey(text + "z = g(", (), ")\n", "python").strict
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        ("def f(x):\n    return g(x,\n\n\ndef h(y):\n    ", "\n"),
        ("def h(y):\n    ", "\n\n\ndef f(x):\n    return g(x,\n\n\ndef k():\n    pass\n"),
        ("def h(y):\n    ", "\n\n\ndef f(x):\n    return = 1\n"),
    ],
)
def test_what_is_broken_in_another_function_costs_one_try(prefix: str, suffix: str) -> None:
    """Fails if all fillings are tried although none can mend it: a tenth of a second at every keystroke."""
    tried: list[str] = []
    python = find_language("python")
    counting = replace(python, strict=lambda text: (tried.append(text), python.strict(text))[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "find_language", lambda _: counting)
        baseline = survey(prefix, (), suffix, "python")
        assert not baseline.strict
        assert 1 <= len(tried) <= 2
        assert judge(baseline, ("return 1",)).parses
        assert not judge(baseline, ("return )",)).parses


def test_a_bracket_that_the_hole_can_close_is_not_taken_for_another_one() -> None:
    """Fails if a table with a definition behind it is given up: its bracket is open only as long as the hole is empty."""
    baseline = survey("table = [\n    1,\n    f(", (), "\n]\n\n\ndef g():\n    pass\n", "python")
    assert baseline.strict
    assert judge(baseline, ("2),",)).parses


@pytest.mark.parametrize(
    "filling", ["return (", "x = 1\n    y = )\n    z = = 2", "if x:", "'", "x\n  y", "f(a b)\n}", "x"]
)
def test_who_repairs_nothing_gets_the_same_first_fault(filling: str) -> None:
    """Fails if texts are ranked by another fault once no more rounds are left: another one would be offered."""
    baseline = survey("x = 1\n\n\ndef f(x):\n    ", (), "\n\n\ndef g():\n    return 1\n", "python")
    thorough, quick = (judge(baseline, (filling,), known_names=(), thorough=each) for each in (True, False))
    assert thorough.parses == quick.parses
    assert thorough.faults[:1] == quick.faults[:1]
    assert set(quick.faults) <= set(thorough.faults)


def test_deep_and_huge_texts_get_a_verdict():
    """A text that somebody pasted by mistake would take the server down."""
    for text in ("[" * 200_000, "x = " + "-" * 100_000, "(" * 5_000 + ")" * 5_000, "a" * 1_000_000, "\0" * 100):
        baseline = survey(text, (), "\n", "python")
        judge(baseline, ("x",), known_names=())
        judge(survey("x = ", (), "\n", "python"), (text,), known_names=())


@pytest.mark.parametrize("cut", [" [1, (2, 3)],", "1, (2, 3)],", "'a': [1, (2, 3)],", ""])
def test_a_hole_in_a_long_table_is_judged_by_the_parser(cut: str) -> None:
    """Fails if the end of a table is looked for in the next lines only: then the grammar judges, after hundreds of tries."""
    table = "x = {\n" + "    'a': [1, (2, 3)],\n" * 40 + "}\n"
    cursor = table.index(cut or "    'a'", 500)
    baseline = survey(table[:cursor], (), table[cursor + len(cut) :], "python")
    assert baseline.strict
    assert judge(baseline, (cut,)).parses
    assert not judge(baseline, ("(",)).parses
