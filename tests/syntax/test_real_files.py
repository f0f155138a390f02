"""Promises about every text, tried on real ones: a valid filling is never rejected, a broken one is, where it is broken."""

import ast
import io
import random
import sysconfig
import tokenize
from functools import cache
from pathlib import Path

import pytest

from dlm_lsp.syntax.hole import find_hole
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.scan import flatten, indent_of
from dlm_lsp.syntax.slice import cut_slice
from dlm_lsp.syntax.verdict import judge, survey
from dlm_lsp.text.offsets import LineIndex


@cache
def sample(count=20, seed=7):
    """Pick files that are UTF-8, parse and are neither tiny nor huge: (name, text) pairs."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(path for path in folder.glob("[a-z]*.py") if 4_000 < path.stat().st_size < 120_000)
    return [(path.name, path.read_text(encoding="utf-8")) for path in random.Random(seed).sample(paths, count)]


def statements(text):
    """List the spans, in code points, of all statements of a text, the outer ones too; decorators belong to theirs."""
    lines = LineIndex(text)
    spans = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.stmt):
            continue
        first = min([node, *getattr(node, "decorator_list", [])], key=lambda part: part.lineno)
        start = lines.offset(first.lineno - 1, first.col_offset - (first is not node), "utf-8")
        spans.append((start, lines.offset(node.end_lineno - 1, node.end_col_offset, "utf-8")))
    return sorted(spans)


FILES = pytest.mark.parametrize(("name", "text"), sample(), ids=[name for name, _ in sample()])
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@FILES
def test_the_flat_twin_has_the_logical_lines_of_pythons_own_tokenizer(name, text):
    """A string, comment or bracket read wrongly would join or split logical lines."""
    logical = []
    fresh = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in SKIPPED:
            continue
        if fresh and token.type != tokenize.NEWLINE:
            logical.append((token.start[0], token.start[1]))
        fresh = token.type == tokenize.NEWLINE
    flat = flatten(text, find_language("python"))
    found = [(number, len(indent_of(line))) for number, line in enumerate(flat.text.split("\n"), 1) if line.strip()]
    assert len(text) == len(flat.text)
    assert ("", False, "") == (flat.string, flat.comment, flat.brackets)
    assert len(logical) == len(found), name
    assert [column for _, column in logical] == [column for _, column in found]


@FILES
def test_every_slice_of_a_valid_file_parses(name, text):
    """A cut inside a statement, or a method without its header, would not."""
    rng = random.Random(name)
    for _ in range(12):
        cursor = rng.randrange(len(text) + 1)
        cut = cut_slice(text, cursor, "python")
        ast.parse(cut.prefix + cut.suffix)
        assert text[cursor : cut.end] == cut.suffix
        assert cut.prefix.endswith(text[cut.start : cursor])


@FILES
def test_a_statement_that_was_taken_out_fits_when_it_is_put_back(name, text):
    """A verdict that rejects what a person wrote would withhold right answers."""
    rng = random.Random(name)
    spans = statements(text)
    for start, end in rng.sample(spans, min(12, len(spans))):
        if text.count("\n", start, end) > 200:
            continue
        cut = cut_slice(text[:start] + text[end:], start, "python")
        baseline = survey(cut.prefix, (), cut.suffix, "python")
        assert baseline.strict, text[start:end]
        verdict = judge(baseline, (text[start:end],))
        assert () == verdict.faults, text[start:end]


@FILES
def test_a_statement_with_a_bracket_too_many_is_rejected_inside_the_hole(name, text):
    """A fault outside the hole, or none, would leave the guide nothing to mask again."""
    rng = random.Random(name)
    spans = [span for span in statements(text) if text.count("\n", *span) < 20]
    for start, end in rng.sample(spans, min(12, len(spans))):
        cut = cut_slice(text[:start] + text[end:], start, "python")
        filling = text[start:end] + " )"
        verdict = judge(survey(cut.prefix, (), cut.suffix, "python"), (filling,))
        assert not verdict.parses
        assert all(fault.hole == 0 and 0 <= fault.start < fault.end <= len(filling) for fault in verdict.faults)
        assert any(fault.end == len(filling) for fault in verdict.faults), filling


@FILES
def test_a_hole_is_found_at_every_place(name, text):
    """An exception at some odd place would leave the request without an answer."""
    rng = random.Random(name)
    for _ in range(30):
        cursor = rng.randrange(len(text) + 1)
        hole = find_hole(text, cursor, "python")
        assert hole.indent.startswith(hole.floor)
        assert hole.max_lines >= 1
