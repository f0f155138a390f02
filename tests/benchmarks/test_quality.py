"""The quality benchmark over four tiny holes, with a model that answers from a script: every number is known beforehand."""

import json
from dataclasses import asdict, replace

import pytest

from dlm_lsp import cli
from dlm_lsp.commands.cases import FLOORS, Case, read_cases
from dlm_lsp.commands.score import Scored, by_threshold, compare_repairs, percentile, sign_test, summarise
from dlm_lsp.commands.variants import VARIANTS, _FirstPass, count_shown
from dlm_lsp.engine.gate import Admitted
from dlm_lsp.values import Candidate, Step

TEST = "def check(candidate):\n    assert candidate(3) == 9\n"
RIGHT, OTHER, WRONG, SILENT = CASES = [
    Case("a", "def square(x):\n", "", "    return x * x\n", TEST, "square", "single-line"),
    Case("b", "def power(x):\n    y = x\n", "    return y\n", "    y = x * x\n", TEST, "power", "multi-line"),
    Case("c", "def cube(x):\n    return x *", "\n", " x", TEST, "cube", "random-span"),
    Case("d", "def nine(x):\n    number =", "\n    return number\n", " 9", TEST, "nine", "random-span"),
]
ANSWERS = {"a": "    return x * x", "b": "    y = y * y", "c": " 2"}
KEYS = ("pass_percent", "exact_percent", "parses_percent", "answered_percent")


@pytest.fixture
def holes(tmp_path):
    """A file with the four holes."""
    path = tmp_path / "holes.jsonl"
    path.write_text("".join(json.dumps(asdict(case)) + "\n" for case in CASES))
    return path


@pytest.fixture
def script(tmp_path):
    """A model that is right on the first hole, right in other words on the second, wrong on the third, silent on the last."""
    rules = [{"after": case.prefix, "answer": ANSWERS[case.task_id]} for case in CASES if case.task_id in ANSWERS]
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"rules": rules}))
    return path


def test_every_number_is_exact(holes, script, tmp_path, capsys):
    """Fails if a hole is laid out, tested, counted or compared in another way than an editor's user would."""
    out = tmp_path / "results" / "quality.json"
    command = [
        "bench",
        "quality",
        "--holes",
        str(holes),
        "--out",
        str(out),
        "--model",
        f"scripted:{script}",
        "--floors",
    ]
    assert 0 == cli.main([*command, "--variants", ",".join(VARIANTS)])
    report = json.loads(out.read_text())
    rows = {(row["variant"], row["kind"]): row for row in report["rows"]}
    for variant in VARIANTS:
        assert [50.0, 25.0, 75.0, 75.0] == [rows[variant, "all"][key] for key in KEYS]
        assert [100.0, 100.0, 100.0, 100.0] == [rows[variant, "single-line"][key] for key in KEYS]
        assert [100.0, 0.0, 100.0, 100.0] == [rows[variant, "multi-line"][key] for key in KEYS]
        assert [0.0, 0.0, 50.0, 50.0] == [rows[variant, "random-span"][key] for key in KEYS]
    assert [(2, 0, 4, 0.5)] * len(VARIANTS) == [
        (c["wins"], c["losses"], c["cases"], c["p"]) for c in report["comparisons"]
    ]
    assert out.with_suffix(".md").read_text() == capsys.readouterr().out

    cases = out.with_suffix(".cases.jsonl")
    kept = cases.read_text()
    cases.write_text(kept[: len(kept) * 2 // 3])  # as an interrupt leaves it
    assert 0 == cli.main([*command, "--variants", ",".join(VARIANTS)])
    timeless = {"p50_ms": 0, "p90_ms": 0}
    again = json.loads(out.read_text())
    assert [row | timeless for row in report["rows"]] == [row | timeless for row in again["rows"]]

    assert {"cases": 1, "ran_percent": 25.0} == {key: report["guidance"][key] for key in ("cases", "ran_percent")}
    assert {"parses_percent": 0.0, "pass_percent": 0.0} == {
        key: report["guidance"]["variants"]["guided"][key] for key in ("parses_percent", "pass_percent")
    }

    capsys.readouterr()
    assert 2 == cli.main([*command, "--threshold", "0.5"])
    assert "holds cases of another model or other settings" in capsys.readouterr().err


def test_results_that_cannot_be_written_are_noticed_before_the_work(holes, script, capsys):
    """Fails if the first case, or the last, ends in a traceback because there is no place for it."""
    command = ["bench", "quality", "--holes", str(holes), "--model", f"scripted:{script}", "--out"]
    assert 2 == cli.main([*command, str(holes / "quality.json")])
    assert "quality.cases.jsonl cannot be written: " in capsys.readouterr().err


def test_a_hole_of_whole_lines_is_an_empty_line_in_an_editor():
    """Fails if the model is asked in front of the next line's text, or its answer runs into that line."""
    assert "def square(x):\n\n" == RIGHT.snapshot.text
    assert len(RIGHT.prefix) == RIGHT.snapshot.cursor
    assert RIGHT.canonical == RIGHT.completion("    return x * x")
    assert "def cube(x):\n    return x *\n" == WRONG.snapshot.text
    assert " x" == WRONG.completion(" x")


def test_floors_are_what_they_are_called():
    """Fails if a floor is computed in another way than its name says."""
    fillings = {name: fill(OTHER) for name, fill in FLOORS.items()}
    expected = {
        "empty": "",
        "pass": "    pass\n",
        "return": "    return None\n",
        "previous": "    y = x\n",
        "next": "    return y\n",
    }
    assert expected == fillings
    assert "    pass\n" == FLOORS["pass"](RIGHT)


def test_lines_are_json_lines(tmp_path):
    """Fails if a line separator in somebody's string cuts a hole in two, or an empty line is taken for a broken hole."""
    path = tmp_path / "holes.jsonl"
    odd = replace(RIGHT, prefix="x = '\u2028\x85'\n" + RIGHT.prefix)
    path.write_text(json.dumps(asdict(odd), ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert [odd] == read_cases([path])


def test_limit_counts_by_kind(holes):
    """Fails if a limit leaves a kind out."""
    assert ["a", "b", "c"] == [case.task_id for case in read_cases([holes], limit=1)]


def test_percentiles_and_sign_test():
    """Fails if a percentile interpolates, or the sign test is one-sided or counts ties."""
    assert (2.0, 4.0) == (percentile([4.0, 1.0, 2.0, 3.0], 0.5), percentile([4.0, 1.0, 2.0, 3.0], 0.9))

    def scored(variant, number, passed):
        return Scored(variant, str(number), "k", "", answered=True, exact=False, parses=True, passed=passed, reason="")

    ours = [scored("guided", n, passed=n < 9) for n in range(20)]
    floor = [scored("pass", n, passed=n in {0, 12}) for n in range(20)]
    found = sign_test([*ours, *floor], "guided", "pass")
    assert (8, 1) == (found["wins"], found["losses"])
    assert 20 / 512 == found["p"]
    assert 45.0 == summarise(ours)[-1]["pass_percent"]


def test_variants_share_their_first_pass(holes, tmp_path, capsys):
    """Fails if a repair is counted as unguided, the gate lets through what does not fit, or drawing costs less than repairing."""
    rule = {
        "after": RIGHT.prefix,
        "before": "\n",
        "answer": "    y = x * x\n    return (y",
        "draft": "    return x * x )",
        "draft_calls": 1,
    }
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"rules": [rule]}))
    out = tmp_path / "quality.json"
    command = [
        "bench",
        "quality",
        "--holes",
        str(holes),
        "--out",
        str(out),
        "--model",
        f"scripted:{script}",
        "--limit",
        "1",
    ]
    assert 0 == cli.main([*command, "--variants", ",".join(VARIANTS), "--jobs", "2"])
    capsys.readouterr()
    lines = out.with_suffix(".cases.jsonl").read_text().splitlines()[1:]
    rows = {row["variant"]: row for row in map(json.loads, lines) if row["task_id"] == "a"}
    assert "    return x * x )" == rows["unguided"]["answer"]
    assert not rows["unguided"]["parses"]
    assert all(row["repaired"] for row in rows.values())
    assert rows["unguided"]["steps"] < rows["guided"]["steps"] == rows["gated"]["steps"] <= rows["resampled"]["steps"]
    assert rows["gated"]["parses"] or not rows["gated"]["answered"]
    assert rows["gated"]["shown_tokens"] <= rows["gated"]["written_tokens"]


def test_the_first_pass_ends_where_guidance_begins():
    """Fails if a decoder that corrects itself is cut off before it has, or a repair or another lane counts as the first pass."""
    full, corrected, holes = ("a", "b"), ("a", "c"), (None, "b")
    own = [
        Step(1, 1, (full,), 0, "denoise"),
        Step(1, 2, (holes,), 0, "denoise"),
        Step(1, 3, (corrected,), 0, "denoise"),
    ]
    for after in (
        Step(1, 3, (holes,), 1, "repair"),
        Step(1, 4, (full,), 0, "denoise", lane=1),
        Step(1, 4, (full,), 0, "repair"),
    ):
        first = _FirstPass()
        for step in (*own, after, Step(1, 5, (full,), 0, "denoise")):
            first(step)
        assert (corrected, 3, 5, False) == (first.tokens, first.steps, first.last_step, first.was_disturbed)
    disturbed = _FirstPass()
    for step in (own[1], Step(1, 2, ((None, None),), 1, "denoise"), own[2]):
        disturbed(step)
    assert disturbed.was_disturbed, "lines were taken back while the hole was not full"


def test_tokens_that_are_shown_are_counted():
    """Fails if what the gate has cut off counts as kept."""
    candidate = Candidate(("ab cd",), 0.0, (1.0,) * 4, 1, 0, parses=True, token_texts=(("ab", " ", "c", "d"),))
    assert [4, 3, 2, 1, 0] == [count_shown(Admitted((text,), candidate)) for text in ("ab cd", "ab c", "ab ", "a", "")]


def test_what_guidance_and_thresholds_amount_to():
    """Fails if holes that needed no repair are counted, or answers below the threshold."""
    rows = [
        Scored("gated", str(n), "k", "x", answered=n < 3, exact=False, parses=True, passed=n == 0, reason="", steps=4)
        for n in range(4)
    ]
    rows = [replace(row, mean_logprob=-1.0 * n, repaired=n > 1) for n, row in enumerate(rows)]
    repairs = compare_repairs(rows)
    assert (2, 50.0) == (repairs["cases"], repairs["ran_percent"])
    assert {"parses_percent": 100.0, "pass_percent": 0.0, "model_calls": 4.0} == repairs["variants"]["gated"]
    found = {row["min_logprob"]: (row["shown_percent"], row["of_these_pass_percent"]) for row in by_threshold(rows)}
    assert (75.0, 33.3) == found[-3.0]
    assert (50.0, 50.0) == found[-1.5]
    assert (25.0, 100.0) == found[-0.5]
