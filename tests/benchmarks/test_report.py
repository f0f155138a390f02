"""What stands in the pages is what the files of results say."""

from pathlib import Path

from benchmarks.report import PERFORMANCE, speed_table, with_results

PAGE = "# Page\n\n<!-- from benchmarks/results/a.md -->\n\nold\n\n<!-- end -->\n\ntext\n\n<!-- from benchmarks/results/b.md -->\n<!-- end -->\n"


def test_results_stand_where_they_are_named(tmp_path: Path) -> None:
    """Fails if old numbers stay, the text between two tables is lost, or a table that is missing is not said to be."""
    (tmp_path / "a.md").write_text("| 1 |\n", encoding="utf-8")
    new = with_results(PAGE, tmp_path)
    assert "| 1 |" in new
    assert "old" not in new
    assert "\n\ntext\n\n" in new
    assert "b.md -->\n\n*Not measured yet.*\n\n<!-- end -->" in new
    assert new == with_results(new, tmp_path), "written again it stays as it is"


def test_the_page_holds_what_was_measured_of_the_server() -> None:
    """Fails if the marks of the page are not those that are looked for: then it would never be brought up to date."""
    page = PERFORMANCE.read_text(encoding="utf-8")
    assert "benchmarks.latency" in with_results(page, PERFORMANCE.parent.parent / "benchmarks" / "results")
    for name in ("ladder", "growth", "latency", "replay", "gpu"):
        assert f"<!-- from benchmarks/results/{name}.md -->" in page


def test_what_is_not_there_is_left_blank() -> None:
    """Fails if the README says None, or takes a place of the grid for what a user meets."""
    about = dict.fromkeys(("model", "model_hash", "machine", "torch", "commit", "load_before", "load_after"), "")
    line = {"group": "line", "hole_tokens": 24, "cases": 28, "parses_percent": 50.0, "pass_percent": None}
    states = {"cold": {"p50": 9.0, "calls_per_written_token": 0.5}, "warm": {"p50": 4.0, "p95": 5.0}}
    table = speed_table({**about, "cells": [{**line, "states": states}, {**line, "group": "grid", "states": states}]})
    assert ["| line, ≤ 24 tokens | 28 | 9.0 | 4.0 | 5.0 |  | 0.5 | 50.0 |  |"] == table.splitlines()[4:]
