"""How cost grows is judged by what was measured, and measured where it grows."""

import json
from pathlib import Path

import pytest

from benchmarks import growth
from benchmarks.growth import SCRIPT, Growth, as_table, by_lines, exponent, medians, panel
from benchmarks.panels import draw


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_that_power(power: float) -> None:
    """Fails if the axes are swapped or not logarithmic."""
    assert pytest.approx(power) == exponent([(x, 3 * x**power) for x in (1, 2, 8, 64)])


@pytest.mark.parametrize(
    ("may_grow", "last", "as_wanted"),
    [(False, 11.9, True), (False, 12.1, False), (True, 40, True), (True, 80, False)],
)
def test_flat_and_linear_are_told_from_more(may_grow: bool, last: float, as_wanted: bool) -> None:
    """Fails if a document may cost more because it is longer, or a hole twice as much as its tokens."""
    assert as_wanted is Growth("", "", "", may_grow, {"": [(1, 10.0), (4, last)]}).judged()["as_wanted"]


def test_a_steep_end_is_seen_behind_a_flat_beginning() -> None:
    """Fails if what a fixed cost hides at small sizes is called linear: the last step is quadratic."""
    points = [(1, 10.0), (2, 10.0), (4, 10.0), (8, 10.0), (16, 40.0)]
    assert not Growth("", "", "", may_grow=True, curves={"": points}).judged()["as_wanted"]


def test_documents_grow_and_a_picture_comes_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a size is not measured, or what was measured cannot be told or drawn."""
    monkeypatch.setattr(growth, "KEYSTROKES", 3)
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT), encoding="utf-8")
    found = by_lines(f"scripted:{script}", (100, 300))
    assert [100, 300] == [lines for lines, _ in found.points]
    assert all(ms > 0 for _, ms in found.points)
    about = dict.fromkeys(
        ("model", "model_hash", "settings", "commit", "torch", "machine", "load_before", "load_after"), ""
    )
    row = {"unit": found.unit, "model": found.model, "may_grow": found.may_grow, **found.judged()}
    assert "| lines of the document | scripted | 100 | 300 |" in as_table({**about, "growth": [row]})
    draw([panel(found)], tmp_path / "growth.svg", columns=1)
    assert "lines of the document" in (tmp_path / "growth.svg").read_text(encoding="utf-8")


def test_medians_stand_in_the_order_of_sizes() -> None:
    """Fails if the first point is not the smallest size, from which growth is counted, or a size without answers stays in."""
    assert [(1, 2.0), (10, 4.0)] == medians({10: [4.0], 1: [1.0, 2.0, 9.0], 5: []})
