"""Promises that hold for every text, however odd."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlm_lsp.engine.gate import admit_all
from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.scan import flatten
from dlm_lsp.syntax.slice import cut_slice
from dlm_lsp.syntax.verdict import judge, read_hole, survey
from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Candidate, InfillResult, Outcome, Snapshot, Span, Trigger
from dlm_lsp.wire import Hello

WORDS = [
    "def f(",
    "def",
    "ret",
    "urn",
    "):",
    "if x:",
    "else:",
    "return",
    "x = ",
    "'",
    '"""',
    "#",
    "(",
    "]",
    "{",
    "\\",
    "\n",
    "\n    ",
    "\n\t",
]
ODD = [
    "\r\n",
    "\r",
    "\f",
    "\0",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\U0001f600",
    "\u00e9",
    "\u00a0",
    " ",
    "pass",
    "@d\n",
    "lambda",
    ",",
]
TEXT = st.lists(st.sampled_from(WORDS + ODD), max_size=14).map("".join)


@given(TEXT)
def test_the_flat_twin_is_as_long_as_the_text(text):
    """Every offset that is read off the twin would else be wrong."""
    flat = flatten(text, find_language("python"))
    assert len(text) == len(flat.text)
    assert "\r" not in flat.text
    assert not (flat.string and flat.comment)


@settings(max_examples=400)
@given(TEXT, TEXT)
@example("x = (\n    def", "ine,\n")
def test_a_hole_is_read_as_if_all_before_it_were_read_again(before, hole):
    """A word that the text before the hole begins, or a string that it opens, would be taken for something else."""
    row, text, span = find_language("python"), before + hole, Span(len(before), len(before) + len(hole))
    whole, read = flatten(text, row), read_hole(text, span, row)
    assert whole.text[span.start :] == read.text
    assert (whole.string, whole.comment, whole.brackets, whole.joined) == (
        read.string,
        read.comment,
        read.brackets,
        read.joined,
    )


@given(TEXT)
def test_the_trees_offsets_are_the_texts(text):
    """A character that counts for two bytes would shift all that stands behind it."""
    tree = find_language("python").parse(text)
    assert len(text) == tree.root_node.end_byte or not text[tree.root_node.end_byte :].strip()


@settings(max_examples=150, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_every_filling_of_every_text_gets_a_verdict_inside_its_hole(prefix, filling, suffix):
    """An exception here costs the answer, an offset outside the hole costs the worker's round."""
    verdict = judge(survey(prefix, (), suffix, "python"), (filling,))
    for fault in verdict.faults:
        assert 0 == fault.hole
        assert 0 <= fault.start <= fault.end <= len(filling)
        assert fault.start < fault.end or not filling
    assert verdict.parses or verdict.faults


@settings(max_examples=150, deadline=None)
@given(TEXT, TEXT, st.data())
def test_the_gate_lets_pass_only_what_the_model_said(text, filling, data):
    """Characters that nobody generated, or an exception, for some text an editor may hold."""
    cursor = data.draw(st.integers(0, len(text)))
    cut = cut_slice(text, cursor, "python")
    assert (text[:cursor], text[cursor:]) == (cut.prefix, cut.suffix)
    asked = Snapshot("file:///a.py", "python", 1, text, cursor)
    request = build_request(asked, Settings(), Hello(), request_id=1, trigger=Trigger.INVOKED)
    candidate = Candidate((filling,), mean_logprob=0.0, token_confidence=(), steps=1, rounds=0, parses=True)
    admitted = admit_all(asked, request, InfillResult(1, 1, Outcome.FILLED, (candidate,)), Settings())
    assert all(as_seen(filling).startswith(as_seen(each.text)) for each in admitted)
