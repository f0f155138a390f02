"""What of an answer is shown."""

import ast
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.engine import gate
from dlm_lsp.engine.gate import admit_all
from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.syntax.verdict import Verdict
from dlm_lsp.values import Candidate, Hole, HoleKind, InfillRequest, InfillResult, Outcome, Snapshot, Trigger, Window
from dlm_lsp.wire import Hello

BODY = "def f(x):\n    |\n\n\ndef g():\n    return 1\n"
LINE = "def f(x):\n    y = 1\n    |\n    return y\n"

TABLE = [
    ("fits", BODY, "return x", "return x"),
    ("cut at the last statement that fits", BODY, "y = 1\n    z = 2\n    return (y", "y = 1\n    z = 2"),
    ("cut behind a block that has no body", BODY, "y = 1\n    if x:\n        return (", "y = 1"),
    ("cut at a semicolon", BODY, "y = 1; z = (2", "y = 1"),
    ("a statement of several lines goes as a whole", BODY, "y = 1\n    z = f(\n        a,\n        b", "y = 1"),
    ("a semicolon in a string ends nothing", BODY, "y = ';' )", None),
    ("nothing of it fits", BODY, "return (", None),
    ("white space", BODY, "\n    \n", None),
    ("the next function is left alone", BODY, "return x\n\n\ndef g():\n    return 1", "return x"),
    ("repeats the next line", LINE, "return y", None),
    ("repeats the next line at its end", LINE, "y += x\n    return y", "y += x"),
    ("new errors in a document that is broken elsewhere", "x = = 1\n" + BODY, "return )", None),
    ("no new errors in a document that is broken elsewhere", "x = = 1\n" + BODY, "return x", "return x"),
    ("a bracket that stands there already", "x = f(|)\n", "1)", "1"),
]


def _candidate(*texts, mean_logprob=-0.1, parses=False):
    return Candidate(texts, mean_logprob, token_confidence=(), steps=1, rounds=0, parses=parses)


def _admit_all(marked, *candidates, trigger=Trigger.INVOKED, language="python", **settings):
    chosen = replace(Settings(), **settings)
    snapshot = Snapshot("file:///a.py", language, 1, marked.replace("|", ""), marked.index("|"))
    request = build_request(snapshot, chosen, Hello(), request_id=1, trigger=trigger)
    return admit_all(snapshot, request, InfillResult(1, 1, Outcome.FILLED, candidates), chosen)


def _admit(marked, filling, trigger=Trigger.INVOKED, mean_logprob=-0.1, language="python", **settings):
    candidate = _candidate(filling, mean_logprob=mean_logprob)
    admitted = _admit_all(marked, candidate, trigger=trigger, language=language, **settings)
    return admitted[0].text if admitted else None


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_admit(row):
    """An answer that breaks the document is the reason why people switch completion off."""
    _, marked, filling, expected = row
    assert expected == _admit(marked, filling)


def test_what_the_worker_has_judged_is_not_judged_again(monkeypatch):
    """Every answer that fits would be parsed twice, the second time while nobody does anything but wait for it."""
    judged = []
    monkeypatch.setattr(gate, "judge", lambda _, texts: (judged.append([*texts]), Verdict())[1])
    assert ["y = 1\n    return y"] == [
        each.text for each in _admit_all(BODY, _candidate("y = 1\n    return y", parses=True))
    ]
    assert [] == judged
    _admit_all(BODY, _candidate("y = 1\n    return y"))
    assert [["y = 1\n    return y"]] == judged


def test_what_is_cut_or_put_together_here_is_judged_here():
    """Fails if the worker's word is taken for a text that it has not seen: trimmed, or beside what is kept in another hole."""
    repeats = _candidate("try:\n    return y", parses=True)  # from a worker whose window ended above that line
    assert [] == _admit_all(LINE, repeats)
    hole = Hole(HoleKind.BODY, "    ", "    ", "    ")
    prefix, between, suffix = "def f(x):\n    ", "\n\n\ndef g(x):\n    ", "\n"
    request = InfillRequest(1, 1, "python", Window(prefix, suffix, (between,)), (hole, hole), prefix, suffix)
    result = InfillResult(1, 1, Outcome.FILLED, (_candidate("return x", "", parses=True),))
    asked = Snapshot("file:///a.py", "python", 1, prefix + between + suffix, 0)
    admitted = admit_all(asked, request, result, Settings(), kept=("pass", "return ("))
    assert [] == admitted


def test_broken_answers_are_shown_to_those_who_want_them():
    """The setting would else do nothing."""
    assert _admit(BODY, "return (", show_broken=True) == "return ("


def test_unsure_answers_are_withheld_only_while_the_user_types():
    """Who asks for an answer wants the best there is."""
    assert _admit(BODY, "return x", Trigger.AUTOMATIC, mean_logprob=-7.0) is None
    assert _admit(BODY, "return x", Trigger.INVOKED, mean_logprob=-7.0) == "return x"
    assert _admit(BODY, "return x", Trigger.AUTOMATIC, mean_logprob=-5.0) == "return x"


def test_in_the_middle_of_an_indentation_only_who_asks_gets_a_line():
    """Who indents a line by hand must not be disturbed, and who asks there wants a whole line above it."""
    marked, whole_line = "def f(x):\n    y = 1\n  |  return y\n", "  z = 2\n  "
    assert None is _admit(marked, whole_line, trigger=Trigger.AUTOMATIC)
    assert whole_line == _admit(marked, whole_line)


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


def test_several_candidates_keep_their_order_and_are_shown_once():
    """A list with the same text twice, or with the worst one on top."""
    texts = ["return y", "return x", "return (", "return x  ", "return y\n"]
    admitted = _admit_all(BODY, *map(_candidate, texts))
    assert ["return y", "return x"] == [each.text for each in admitted]
    assert ["return y", "return x"] == [each.candidate.texts[0] for each in admitted]


def test_several_holes_are_judged_together_and_cut_apart():
    """The right body of one stub would go with the wrong one of another, or the wrong one would be shown."""
    hole = Hole(HoleKind.BODY, "    ", "    ", "    ")
    prefix, between, suffix = "def f(x):\n    ", "\n\n\ndef g(x):\n    ", "\n"
    request = InfillRequest(1, 1, "python", Window(prefix, suffix, (between,)), (hole, hole), prefix, suffix)
    candidates = (_candidate("return x", "y = 1\n    return )"), _candidate("return x", ")"))
    asked = Snapshot("file:///a.py", "python", 1, prefix + between + suffix, 0)
    admitted = admit_all(asked, request, InfillResult(1, 1, Outcome.FILLED, candidates), Settings())
    assert [("return x", "y = 1")] == [each.texts for each in admitted]


@pytest.mark.parametrize(("agreeing", "shown"), [(0, False), (1, False), (2, True), (3, True)])
def test_answers_that_the_model_does_not_repeat_are_withheld_while_the_user_types(agreeing, shown):
    """A setting that does nothing, or that withholds what somebody has asked for."""
    candidate = replace(_candidate("return x"), agreeing=agreeing)
    assert shown == bool(_admit_all(BODY, candidate, trigger=Trigger.AUTOMATIC, agreement=2))
    assert _admit_all(BODY, candidate, trigger=Trigger.INVOKED, agreement=2)
    assert _admit_all(BODY, candidate, trigger=Trigger.AUTOMATIC)
