"""What of an answer is shown."""

import ast
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.engine.gate import admit
from dlm_lsp.settings import Settings
from dlm_lsp.syntax.hole import find_hole
from dlm_lsp.values import Trigger

BODY = "def f(x):\n    |\n\n\ndef g():\n    return 1\n"
LINE = "def f(x):\n    y = 1\n    |\n    return y\n"

TABLE = [
    ("fits", BODY, "return x", "return x"),
    ("cut at the last statement that fits", BODY, "y = 1\n    z = 2\n    return (y", "y = 1\n    z = 2"),
    ("cut behind a block that has no body", BODY, "y = 1\n    if x:\n        return (", "y = 1"),
    ("nothing of it fits", BODY, "return (", None),
    ("white space", BODY, "\n    \n", None),
    ("the next function is left alone", BODY, "return x\n\n\ndef g():\n    return 1", "return x"),
    ("repeats the next line", LINE, "return y", None),
    ("repeats the next line at its end", LINE, "y += x\n    return y", "y += x"),
    ("new errors in a document that is broken elsewhere", "x = = 1\n" + BODY, "return )", None),
    ("no new errors in a document that is broken elsewhere", "x = = 1\n" + BODY, "return x", "return x"),
    ("a bracket that stands there already", "x = f(|)\n", "1)", "1"),
]


def _admit(marked, filling, trigger=Trigger.INVOKED, mean_logprob=-0.1, language="python", **settings):
    text, cursor = marked.replace("|", ""), marked.index("|")
    return admit(
        text,
        cursor,
        filling,
        hole=find_hole(text, cursor, language),
        language=language,
        settings=replace(Settings(), **settings),
        trigger=trigger,
        mean_logprob=mean_logprob,
    )


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_admit(row):
    """An answer that breaks the document is the reason why people switch completion off."""
    _, marked, filling, expected = row
    assert expected == _admit(marked, filling)


def test_broken_answers_are_shown_to_those_who_want_them():
    """The setting would else do nothing."""
    assert _admit(BODY, "return (", show_broken=True) == "return ("


def test_unsure_answers_are_withheld_only_while_the_user_types():
    """Who asks for an answer wants the best there is."""
    assert _admit(BODY, "return x", Trigger.AUTOMATIC, mean_logprob=-7.0) is None
    assert _admit(BODY, "return x", Trigger.INVOKED, mean_logprob=-7.0) == "return x"
    assert _admit(BODY, "return x", Trigger.AUTOMATIC, mean_logprob=-5.0) == "return x"


def test_the_answer_has_the_documents_line_endings():
    """A file with two kinds of line ends shows up as changed everywhere."""
    assert _admit(BODY.replace("\n", "\r\n"), "y = 1\n    return y") == "y = 1\r\n    return y"
    assert _admit(BODY.replace("\n", "\r"), "y = 1\n    return y") == "y = 1\r    return y"


def test_an_unknown_language_is_trimmed_and_not_judged():
    """There is no parser to ask."""
    assert _admit("some words |\n", "and (more\nand more", language="klingon") == "and (more"


@given(
    st.sampled_from([BODY, LINE]),
    st.lists(st.sampled_from(["y = 1", "if x:", "    y()", "return (", ")", "'''", "# a", "else:", ""])),
)
def test_what_is_shown_is_the_beginning_of_the_answer_and_parses(marked, lines):
    """The gate's whole promise."""
    filling = "\n    ".join(lines)
    shown = _admit(marked, filling)
    if shown is not None:
        assert shown.strip()
        assert filling.startswith(shown)
        ast.parse(marked.replace("|", shown))
