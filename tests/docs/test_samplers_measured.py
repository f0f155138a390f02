"""The measured part of docs/samplers.md: the numbers of the results and no others, and the rule by which the default is chosen."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dlm_lsp.commands.cases import Case
from dlm_lsp.commands.decoder_tables import Tried, summarise
from dlm_lsp.commands.ways import Way
from dlm_lsp.decoders import DECODERS
from tests.docs.test_samplers_page import module

ABOUT = {
    "holes": ["some.jsonl"],
    "model": "nano",
    "model_hash": "abc",
    "dtype": "int8",
    "machine": "m",
    "jobs": 2,
    "settings": {"repair_rounds": 2},
    "refused": {},
}


@pytest.fixture
def page() -> ModuleType:
    return module("samplers_measured")


def test_the_numbers_are_those_of_the_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: ModuleType
) -> None:
    """Fails if a number is told that no file holds, or one that is measured is left out."""
    monkeypatch.setattr(page, "RESULTS", tmp_path)
    assert "it has not been run" in page.measured()
    ways = [Way("threshold"), Way("threshold:threshold=0.3", is_swept=True), Way("left_to_right"), Way("eb")]
    holes = [Case(str(n), f"x{n} = ", "\n", str(n), "", "", "random-span") for n in range(8)]
    rows = [
        Tried(way.name, hole.task_id, hole.kind, hole.canonical, exact=way is ways[2], calls=4, ms=8.0, tokens=2)
        for way in ways
        for hole in holes
    ]
    report = {**ABOUT, **summarise(rows, holes, ways, ())}
    (tmp_path / "decoders-corpus.json").write_text(json.dumps(report))
    text = page.measured()
    assert "8 holes of some.jsonl, 0 of them with tests; model `nano` (abc, int8), 2 repair rounds" in text
    assert (
        text.index("### In short") < text.index("### How the default is chosen") < text.index("8 holes of some.jsonl")
    )
    assert "| `left_to_right` | none | auto | 100.0 |" in text
    assert "- Exact answers: better: `left_to_right`; worse: nobody; 1 of 2 tie." in text
    assert "- Answers that parse: better: nobody; worse: nobody; 2 of 2 tie." in text
    for where in ("At as many calls", "As they are, whatever they cost"):
        rows = text.partition(f"{where}:\n\n| | against | exact answers, points | answers that parse, points |\n")[
            2
        ].splitlines()
        assert "| `left_to_right` | `threshold / none / auto` | **+100** [+100, +100] | +0 [+0, +0] |" == rows[1]
        assert "| `eb` | `threshold / none / auto` | +0 [+0, +0] | +0 [+0, +0] |" == rows[2]
    title = "  - Samplers, on files that were held out of training"
    assert f"{title}: exact answers: `left_to_right` (+100 points)." in text
    assert "pass@1, points" not in text
    assert "there are not both measurements" in text


def compared(measure: str, **verdicts: tuple[str, str]) -> dict[str, Any]:
    """Make a result of 1,000 holes, from what is shown of every sampler as it is and at equal calls; a question mark is no certainty."""
    rows = [
        {
            "way": f"{sampler} / hole / auto",
            "measure": measure,
            "cost": cost,
            "at_calls": None,
            "verdict": verdict.strip("?"),
            "is_certain": not verdict.startswith("no") and "?" not in verdict,
        }
        for sampler, both in verdicts.items()
        for cost, verdict in zip(("own", "calls"), both, strict=True)
    ]
    exact = {"eb": 4.0, "klass": 3.0}
    own = [{"sampler": name, "is_swept": False, "exact_percent": exact.get(name, 0.0)} for name in verdicts]
    return {**ABOUT, "cases": 1000, "comparisons": rows, "rows": own}


TIE = ("no difference shown", "no difference shown")
GAIN = ("no difference shown", "better")


@pytest.mark.parametrize(
    ("exact", "nats", "told"),
    [
        ({"eb": TIE}, {"eb": TIE}, "**`threshold` stays the default: none of 1 others takes its place**"),
        ({"eb": GAIN}, {"eb": TIE}, "**By the rule below `eb` takes the place of `threshold`**"),
        ({"eb": TIE}, {"eb": ("better", "better, with fewer calls")}, "**By the rule below `eb` takes the place"),
        ({"eb": ("better", "better, with more calls")}, {"eb": TIE}, "none of 1 others takes its place"),
        ({"eb": GAIN}, {"eb": ("worse", "better")}, "none of 1 others takes its place"),
        ({"eb": ("no difference shown", "better?")}, {"eb": TIE}, "none of 1 others takes its place"),
        ({"eb": GAIN}, {"eb": ("no difference shown", "worse?")}, "none of 1 others takes its place"),
        ({"eb": GAIN}, {"eb": ("no difference shown", "worse, with fewer calls")}, "none of 1 others takes its place"),
        ({"klass": GAIN, "eb": GAIN}, {"klass": TIE, "eb": TIE}, "**By the rule below `eb` takes the place"),
        ({"klass": GAIN, "eb": GAIN}, {"klass": TIE, "eb": TIE}, "So does `klass`, with no more exact answers."),
        ({"klass": GAIN, "eb": TIE}, {"eb": TIE}, "none of 1 others takes its place"),
        ({"threshold": GAIN}, {"threshold": TIE}, "none of 0 others takes its place"),
    ],
)
def test_the_default_is_chosen_by_the_rule(
    page: ModuleType, exact: dict[str, tuple[str, str]], nats: dict[str, tuple[str, str]], told: str
) -> None:
    """Fails if a tie, a gain that may be chance or is for more calls, a loss in the other measure or half a measurement changes the default, or a gain does not."""
    assert told in page.ranking(compared("exact", **exact), compared("nats", **nats))


def test_the_rule_needs_both_measurements_of_one_model(page: ModuleType) -> None:
    """Fails if two models are mixed, too few holes decide, or who was not measured is not named."""
    exact, nats = compared("exact", eb=GAIN), compared("nats", eb=TIE)
    assert "not both measurements" in page.ranking(exact, None)
    assert "not both measurements" in page.ranking(exact, {**nats, "model_hash": "another"})
    assert "999 and 1000 holes are too few" in page.ranking({**exact, "cases": 999}, nats)
    text = page.ranking(exact, nats)
    missing = text.partition("Not ranked, for want of a measurement: ")[2]
    rules = {name for name, decoder in DECODERS.items() if not decoder.is_strategy} - {"threshold", "eb"}
    assert rules == set(missing.strip(".").replace("`", "").split(", "))


def test_who_wins_is_said_in_one_place(page: ModuleType) -> None:
    """Fails if a gain for more calls or at another number of calls counts, or a table in which nobody wins is not told."""
    gain = {"difference": 1.0, "low": 0.5, "high": 1.5, "rival": "threshold / hole / auto"}
    won = compared("exact", eb=GAIN, klass=TIE, saber=("better", "better, with more calls"))
    won["comparisons"] = [{**row, **gain} for row in won["comparisons"]]
    won["comparisons"].append({**won["comparisons"][1], "at_calls": 4, "way": "factor / hole / auto"})
    text = page.winners({"One": won, "Two": compared("nats", eb=TIE), "Three": {"comparisons": []}})
    assert ["  - One: exact answers: `eb` (+1 points).", "  - Two: nobody."] == text.splitlines()[1:]


def test_who_has_a_drafter_is_compared_in_as_much_time(page: ModuleType) -> None:
    """Fails if a strategy with a drafter is left out of what is shown."""
    rows = compared("exact", eb=("no difference shown", "worse"), dual=("no difference shown", "better"))["comparisons"]
    for row in rows:
        row |= {"difference": 1.0, "rival": "threshold / hole / auto"}
    rows[-1]["cost"] = "ms"
    text = page.shown({"comparisons": rows})
    assert "at as many calls, with a drafter in as much time:" in text
    assert "- Exact answers: better: `dual`; worse: `eb`; 0 of 2 tie." in text
    assert "Two: exact answers: `dual` (+1 points)." in page.winners({"Two": {"comparisons": rows}})


def test_who_is_compared_under_two_caches_counts_twice(page: ModuleType) -> None:
    """Fails if what is named alike under two caches is taken for one."""
    [_, equal] = compared("exact", eb=TIE)["comparisons"]
    rows = [
        {**equal, "way": f"eb / {cache} / auto", "rival": f"threshold / {cache} / auto"} for cache in ("none", "hole")
    ]
    assert "2 of 2 tie" in page.shown({"comparisons": rows})


def test_an_unequal_comparison_is_called_one(page: ModuleType) -> None:
    """Fails if who needs more calls than the default can spend seems to be compared at as many."""
    rows = compared("exact", eb=("no difference shown", "worse, with more calls"))["comparisons"]
    for row in rows:
        row |= {"difference": -1.0, "low": -2.0, "high": -0.5, "rival": "threshold / hole / auto"}
    assert "worse: `eb` (with more calls); 0 of 1 tie" in page.shown({"comparisons": rows})
    assert "| **-1** [-2, -0.5] (with more calls) |" in page.differences({"comparisons": rows})


@pytest.mark.parametrize(
    ("calls", "passes", "told"),
    [
        (12.0, 5.0, "Dream's needs 3.00 times its calls. The aim, at least 3 times, is met."),
        (11.9, 5.0, "2.98 times its calls. The aim, at least 3 times, is not met."),
        (12.0, 8.0, "is `threshold` (8.0 %, 6.0 calls): Dream's needs 2.00 times its calls."),
        (12.0, 8.1, "No measured setting of `threshold` passes as many."),
    ],
)
def test_calls_beside_dreams_own(page: ModuleType, calls: float, passes: float, told: str) -> None:
    """Fails if the default is compared at a setting that passes less, at one dearer than it must be, or a missed aim counts as met."""

    def row(sampler: str, calls: float, passes: float, family: str) -> dict[str, Any]:
        return {"sampler": sampler, "calls": calls, "pass_percent": passes, "family": family}

    points = [row("threshold", 6.0, 8.0, "t"), row("threshold:threshold=0.3", 4.0, 5.0, "t")]
    report = {"tested_cases": 9, "rows": [*points, row("dream", calls, passes, "d"), row("eb", 1.0, 9.0, "e")]}
    assert told in page.beside_dream(report)
    assert "" == page.beside_dream({**report, "rows": points})
