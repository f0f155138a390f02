"""The ladder asks what it says that it asks, and counts what was answered."""

import ast
import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ladder import GRID, Ladder, cut_holes, grid, stretched, targets, word_above
from benchmarks.ladder_report import Cell, Row, as_table, draw, summary, wanted, wanted_line
from benchmarks.roofline import Rates, shape_of
from dlm_lsp.commands.ledger import Ledger
from dlm_lsp.models.folders import find, read_json
from dlm_lsp.models.tokenizer import BpeTokenizer, read_tokenizer

RATES = Rates({"float32": {8: 100.0}}, {"float32": 20.0})


@pytest.fixture(scope="module")
def tokenizer() -> BpeTokenizer:
    """Give the bundled model's."""
    return read_tokenizer(find("nano"))


def test_holes_are_whole_statements_of_the_right_length(tokenizer: BpeTokenizer) -> None:
    """Fails if a hole is longer than the rows that it gets, is cut inside of a statement, or is another one the next time."""
    cases = list(itertools.islice(cut_holes(tokenizer, 12, 16, 1024, seed=1), 12))
    assert cases == list(itertools.islice(cut_holes(tokenizer, 12, 16, 1024, seed=1), 12))
    for case in cases:
        assert 12 <= len(tokenizer.encode(case.canonical)) <= 16
        assert case.prefix.rpartition("\n")[2].isspace()
        assert case.suffix.startswith("\n")
        ast.parse(case.prefix + case.canonical + case.suffix)


def test_a_hole_takes_no_more_than_half_of_its_canvas() -> None:
    """Fails if the ladder asks for what the server would cut: 128 tokens of 128."""
    assert {(8, 128), (64, 128), (128, 256)} < {
        (c.hole_tokens, c.canvas_tokens) for c in grid((8, 64, 128), (128, 256))
    }
    assert (128, 128) not in {(cell.hole_tokens, cell.canvas_tokens) for cell in grid((128,), (128,))}


def test_a_stretched_model_is_the_same_but_for_its_canvas() -> None:
    """Fails if the copy lacks the weights, or its config says the old length."""
    with stretched(find("nano"), 1000) as copy:
        assert 1000 == read_json(copy / "config.json")["max_canvas_tokens"]
        assert {file.name for file in find("nano").iterdir()} == {file.name for file in copy.iterdir()}


def test_an_edit_above_breaks_nothing_and_stays_above() -> None:
    """Fails if a letter is put behind a keyword, or so near that the hole's own statement is another one."""
    text = "def f(value):\n    other = value\n    return other\n\n\n    "
    line, column = word_above(text)
    lines = text.split("\n")
    lines[line] = lines[line][:column] + "_" + lines[line][column:]
    assert "    return other_" in lines
    assert word_above("return\nreturn\nreturn\nreturn\n    ") is None


def test_the_ladder_asks_cold_warm_edited_and_known(tokenizer: BpeTokenizer, tmp_path: Path) -> None:
    """Fails if an answer that has to be found anew is remembered, a known one asks the model, or the tables cannot be laid out."""
    settings = {"device": "cpu", "threads": 1, "deadlineMs": 60_000}
    ladder = Ladder(Ledger(tmp_path / "rows.jsonl", {}, Row), tokenizer, settings, file_tokens=512, for_s=0)
    (cell,) = grid((8,), (64,))
    ladder.climb("nano", [(cell, ladder.holes_for(cell))])
    rows = ladder.ledger.rows
    asked = {row.state: row for row in rows if row.state in {"cold", "warm", "edited"}}
    assert {"cold", "warm", "edited"} == set(asked)
    assert all(row.calls > 0 and not row.known and row.denoise_ms >= row.forward_ms > 0 for row in asked.values())
    known = [row for row in rows if row.state not in asked]
    assert known
    assert all(row.known and row.calls == 0 for row in known)
    assert asked["warm"].calls == asked["cold"].calls
    result = {
        **dict.fromkeys(
            ("model", "model_hash", "settings", "commit", "torch", "machine", "load_before", "load_after"), ""
        ),
        "trained_tokens": 384,
        "cases": ["a.jsonl"],
        "cells": [summary(each, rows, shape_of("nano"), RATES) for each in (*targets(384), cell)],
    }
    assert "`python -m benchmarks.ladder --cases a.jsonl`" in as_table(result)
    assert f"| {cell.hole_tokens} | {cell.canvas_tokens} |" in as_table(result)
    draw(result, tmp_path / "ladder.svg")
    assert "canvas 64" in (tmp_path / "ladder.svg").read_text(encoding="utf-8")


def row(state: str, ms: float, *, calls: int = 4, shown: int = 8, task: str = "a", passed: bool | None = None) -> Row:
    """Give an answer on the grid, half of whose time is the model's."""
    return Row(
        *(GRID, 8, 64, state, task, ms, ms / 2, ms / 2, calls, calls == 0, 64, 8, shown),
        outcome="filled",
        exact=False,
        parses=True,
        passed=passed,
    )


def test_what_the_rows_amount_to() -> None:
    """Fails if tokens count that were not offered, cold is compared with another hole's warm, or untested holes count as failed."""
    rows = [
        row("cold", 100, passed=True),
        row("warm", 50),
        row("cold", 400, shown=0, task="b"),
        row("warm", 100, task="b"),
    ]
    rows += [row("repeated", 2, calls=0), replace(row("cold", 7, task="c", calls=0), known=False, outcome="failed")]
    told = summary(Cell(GRID, 8, 64, {}), rows, shape_of("nano"), RATES)
    assert 1.0 == told["states"]["cold"]["shown_tokens_per_call"]
    assert 0.5 == told["states"]["cold"]["calls_per_written_token"]
    assert 2 == told["states"]["cold"]["count"], "what failed is no answer"
    assert 1 == told["failed"]
    assert 3.0 == told["cold_to_warm"], "the median of 2 and 4"
    assert {"count": 1, "p50": 2, "p90": 2, "p95": 2, "p99": 2, "calls": 0} == told["states"]["repeated"]
    assert (100.0, 1) == (told["pass_percent"], told["tested"])


def test_what_is_wanted_is_compared_with_what_a_user_meets() -> None:
    """Fails if a target is taken from another state, or is met by being larger than wanted."""
    line = Cell("line", 24, 384, {})
    rows = [
        replace(each, group="line", hole_tokens=24, canvas_tokens=384) for each in (row("cold", 200), row("warm", 61))
    ]
    rows.append(replace(rows[0], state="repeated", ms=4.0, calls=0, known=True))
    found = {what: (most, is_) for _, what, most, is_ in wanted(summary(line, rows, shape_of("nano"), RATES), "nano")}
    assert {
        "warm p50, ms": (60, 61),
        "warm p95, ms": (120, 61),
        "cold ÷ warm": (2.5, 3.28),
        "known p99, ms": (5, 4.0),
        "known, model calls": (0, 0),
        "model calls per written token": (0.3, 0.5),
    } == found
    assert "| line | warm p50, ms ≤ 60 | 61 | **no** |" == wanted_line("line", "warm p50, ms", 60, 61)
    assert wanted_line("line", "known, model calls", 0, 0).endswith("| yes |")
