"""The comparison of decoders over three tiny holes, with a model that answers from a script: every number is known beforehand."""

import json
import math
import random
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dlm_lsp import cli
from dlm_lsp.commands import trial
from dlm_lsp.commands.ask import Model, OnStep
from dlm_lsp.commands.bench_decoders import in_turns
from dlm_lsp.commands.cases import Case, read_cases
from dlm_lsp.commands.compare import Difference, Point, compare, front, quality_at
from dlm_lsp.commands.decoder_tables import Tried, markdown, summarise
from dlm_lsp.commands.pareto import draw_fronts
from dlm_lsp.commands.ways import KNOBS, Way, choose_ways
from dlm_lsp.decoders import DECODERS, ORACLE, read_decoder
from dlm_lsp.errors import SettingsError
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, InfillResult, Outcome

TEST = "def check(candidate):\n    assert candidate(3) == 9\n"
CASES = [
    Case("right", "def square(x):\n", "", "    return x * x\n", TEST, "square", "single-line"),
    Case("other", "def power(x):\n    y = x\n", "    return y\n", "    y = x * x\n", TEST, "power", "multi-line"),
    Case("untested", "def cube(x):\n    return x *", "\n", " x", "", "", "random-span"),
]
ANSWERS = {"right": "    return x * x", "other": "    y = y * y", "untested": " 2"}


@pytest.fixture
def holes(tmp_path: Path) -> Path:
    """A file with the three holes; the last line is one without a test, as it is written."""
    path = tmp_path / "holes.jsonl"
    told = [asdict(case) for case in CASES[:2]] + [
        {key: value for key, value in asdict(CASES[2]).items() if key not in {"test", "entry_point"}}
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in told))
    return path


@pytest.fixture
def command(holes: Path, tmp_path: Path) -> list[str]:
    """The command that compares two samplers on them."""
    rules = [{"after": case.prefix, "answer": ANSWERS[case.task_id]} for case in CASES]
    (tmp_path / "script.json").write_text(json.dumps({"rules": rules}))
    return [
        *("bench", "decoders", "--holes", str(holes), "--model", f"scripted:{tmp_path / 'script.json'}"),
        *(
            "--jobs",
            "1",
            "--sweep",
            "--samplers",
            "threshold",
            "left_to_right",
            "--out",
            str(tmp_path / "out" / "decoders.json"),
        ),
    ]


def timeless(report: dict) -> list[dict]:
    """The rows without what takes another time each time."""
    return [
        {key: value for key, value in row.items() if "ms" not in key and key != "on_front"} for row in report["rows"]
    ]


def test_every_number_is_exact_and_an_interrupted_run_goes_on(command: list[str], tmp_path: Path, capsys) -> None:
    """Fails if a hole is laid out, tested, counted or compared wrongly, or an interrupt loses or repeats what was measured."""
    out = tmp_path / "out" / "decoders.json"
    assert 0 == cli.main(command)
    report = json.loads(out.read_text())
    threshold, left = report["rows"]
    assert (3, 2, {}) == (report["cases"], report["tested_cases"], report["refused"])
    assert ["holes.jsonl"] == report["holes"]
    for row in (threshold, left):
        assert (33.3, 100.0, 100.0) == (row["exact_percent"], row["pass_percent"], row["parses_percent"])
        assert (33.3, 100.0, 100.0) == tuple(row[f"guided_{key}_percent"] for key in ("exact", "pass", "parses"))
    assert threshold["calls"] < left["calls"]
    assert threshold["tokens_per_call"] > left["tokens_per_call"]
    assert 0 < threshold["nats_per_token"] == pytest.approx(left["nats_per_token"], rel=0.5)
    assert out.with_suffix(".md").read_text() == capsys.readouterr().out
    assert "<svg" in out.with_suffix(".svg").read_text()
    told = {row["measure"]: row for row in report["comparisons"]}
    assert {"own"} == {row["cost"] for row in report["comparisons"]}
    assert "no difference shown" == told["exact"]["verdict"] == told["passed"]["verdict"]
    assert told["exact"]["spent"] > told["exact"]["rival_spent"]
    assert "" == report["dtype"], "a script has no number format"

    cases = out.with_suffix(".cases.jsonl")
    lines = cases.read_text().splitlines(keepends=True)
    assert 1 + 3 * 2 == len(lines)
    cases.write_text("".join(lines[:4]) + lines[4][:30])  # as an interrupt leaves it
    capsys.readouterr()
    assert 0 == cli.main(command)
    assert f"3 of 6 fillings are known from {cases}" in capsys.readouterr().err
    assert timeless(report) == timeless(json.loads(out.read_text()))
    assert lines[:4] == cases.read_text().splitlines(keepends=True)[:4], "what was measured is measured once"
    capsys.readouterr()
    assert 2 == cli.main([*command, "--seed", "5"])
    assert "holds cases of another model or other settings" in capsys.readouterr().err


def test_lengths_caches_and_what_a_model_cannot(command: list[str], tmp_path: Path, capsys) -> None:
    """Fails if a length is not heard, the truth is not told where it is needed, or what cannot be ends the others."""
    assert 0 == cli.main([*command, "--lengths", "oracle", "cal", "fixed:tokens=2"])
    report = json.loads((tmp_path / "out" / "decoders.json").read_text())
    lengths = {row["length"]: row for row in report["rows"] if row["sampler"] == "left_to_right"}
    assert {"oracle", "fixed:tokens=2"} == set(lengths)
    assert 2.0 == lengths["fixed:tokens=2"]["calls"]
    assert 33.3 == lengths["oracle"]["exact_percent"]
    assert {"threshold / none / cal", "left_to_right / none / cal"} == set(report["refused"])
    assert "needs a curve" in capsys.readouterr().err
    assert 2 == cli.main([*command[:-4], "left_to_right", "--lengths", "cal"])
    assert 1 == capsys.readouterr().err.strip().rpartition("dlm-lsp: ")[2].count("needs a curve")


def test_likelihood_only(command: list[str], tmp_path: Path, capsys) -> None:
    """Fails if holes are filled although nobody asked, or a decoder without a likelihood is compared by it."""
    assert 0 == cli.main([*command[:-4], "left_to_right", "kfold", "threshold", *command[-2:], "--likelihood", "only"])
    report = json.loads((tmp_path / "out" / "decoders.json").read_text())
    assert [None, None] == [row["exact_percent"] for row in report["rows"]]
    assert all(row["nats_per_token"] > 0 for row in report["rows"])
    assert ["kfold / none / auto"] == list(report["refused"])
    assert {"nats"} == {row["measure"] for row in report["comparisons"]}
    assert "exact" not in capsys.readouterr().out


def test_the_default_is_swept_unless_told_otherwise(command: list[str], tmp_path: Path) -> None:
    """Fails if the others cannot be compared with the default at equal calls, or a budget without points is made up."""
    asked = [word for word in command if word != "--sweep"]
    assert 0 == cli.main([*asked, "--limit", "1", "--calls", "1", "4000", "--likelihood", "no"])
    report = json.loads((tmp_path / "out" / "decoders.json").read_text())
    swept = [row["sampler"] for row in report["rows"] if row["is_swept"]]
    assert [f"threshold:threshold={value}" for value in KNOBS["threshold"][1]] == swept
    assert all(row["nats_per_token"] is None for row in report["rows"])
    assert 4000 not in {row["at_calls"] for row in report["comparisons"]}
    own = next(row for row in report["comparisons"] if row["measure"] == "exact" and row["cost"] == "calls")
    assert own["spent"] == pytest.approx(own["rival_spent"], rel=0.1), "a threshold above 1 writes one token a step too"


def test_a_real_process_can_be_interrupted(command: list[str], tmp_path: Path) -> None:
    """Fails if Ctrl-C ends in a traceback, or what was finished before it is gone."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({**json.loads(script.read_text()), "step_ms": 150}))
    process = subprocess.Popen(
        [sys.executable, "-m", "dlm_lsp", *command],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    cases = tmp_path / "out" / "decoders.cases.jsonl"
    while process.poll() is None and (not cases.exists() or cases.read_text().count("\n") < 3):
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    process.send_signal(2)
    _, err = process.communicate(timeout=60)
    assert 130 == process.returncode, err.decode()
    assert b"Traceback" not in err
    assert b"the same command goes on where this one stopped" in b" ".join(err.split())
    assert len(cases.read_text().splitlines()) >= 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--samplers", "treshold"], "there is no sampler 'treshold'; the nearest name is 'threshold'"),
        (["--samplers", "threshold:tau=1"], "there is no parameter 'tau' of 'threshold'"),
        (
            ["--samplers", "threshold:threshold=-1"],
            "the parameter 'threshold' of 'threshold' is -1.0; it must be 0 or more",
        ),
        (["--samplers", "ruls"], "there is no sampler 'ruls'; the nearest name is 'dual', or 'rules'."),
        (["--caches", "non"], "'non'"),
        (["--lengths", "orcale"], "there is no length 'orcale'; the nearest name is 'oracle'"),
        (["--lengths", "fixed:tokens=x"], "the parameter 'tokens' of 'fixed' is 'x'; it must be a whole number"),
        (["--holes", "/nowhere/holes.jsonl"], "/nowhere/holes.jsonl cannot be read: No such file or directory."),
        (["--out", "results.txt"], "--out names a file that ends in .json"),
        (["--out", "/dev/null/results.json"], "/dev/null/results.json cannot be written"),
    ],
)
def test_wrong_names_are_one_sentence(command: list[str], arguments: list[str], sentence: str, capsys) -> None:
    """Fails if a mistake is found late, ends in a traceback or is not named."""
    assert 2 == cli.main([*command, *arguments])
    err = capsys.readouterr().err
    assert sentence in err
    assert 1 == err.count("\n")


def test_ways_are_all_combinations_with_their_knobs() -> None:
    """Fails if a combination is missing or doubled, a written parameter is swept over, or a swept point is repaired."""
    ways = choose_ways(["threshold", "threshold:threshold=0.5"], ["none"], ["auto", ORACLE], ["threshold", "eb"])
    assert len({way.name for way in ways}) == len(ways) == 2 * (1 + len(KNOBS["threshold"][1]))
    swept = [way for way in ways if way.is_swept]
    assert {"threshold / none / auto", "threshold / none / oracle"} == {way.family for way in swept}
    assert (0, 2) == (swept[0].apply(Settings()).repair_rounds, ways[0].apply(Settings()).repair_rounds)
    assert "threshold:threshold=0.5 / none / auto" == Way("threshold:threshold=0.5").family
    assert choose_ways(["all"], ["none"], ["auto"], ["all"]) == choose_ways(list(DECODERS), ["none"], ["auto"], KNOBS)
    every = choose_ways(["threshold", "rules", "strategies"], ["none"], ["auto"], ["rules"])
    assert list(DECODERS) == [way.sampler for way in every if not way.is_swept]
    assert len(every) > len(DECODERS) + len(KNOBS)
    with pytest.raises(SettingsError, match="nearest name"):
        choose_ways(["threshold"], ["none"], ["auot"])
    with pytest.raises(SettingsError, match="nearest name"):
        choose_ways(["threshold"], ["none"], ["auto"], ["treshold"])


def test_every_knob_is_one() -> None:
    """Fails if a sweep names a sampler, a parameter or a value that there is not, or repeats the default."""
    for name, (knob, values) in KNOBS.items():
        for value in values:
            assert {knob: value} == read_decoder(f"{name}:{knob}={value}")[1]
            assert value != DECODERS[name].parameters[knob].default


def test_the_front_is_what_nobody_beats() -> None:
    """Fails if somebody dearer and no better is on it, or somebody as cheap and better is not."""
    assert [3, 0, 1, 4] == front([2, 3, 2, 1, 5, 6], [5, 9, 4, 1, 9.5, 9.5])
    assert [] == front([], [])


def test_between_points_is_the_straight_line() -> None:
    """Fails if holes are mixed otherwise than by the share that spends the calls, or points are made up beyond the ends."""
    cheap, dear = Point([2, 4], [0.0, 1.0]), Point([8, 6], [1.0, 1.0])  # 3 and 7 calls
    assert ([0.25, 1.0], 4.0) == quality_at([dear, cheap], 4.0)
    assert ([0.0, 1.0], 3.0) == quality_at([dear, cheap], 1.0)
    assert ([1.0, 1.0], 7.0) == quality_at([dear, cheap], 99.0)
    assert ([1.0, 1.0], 7.0) == quality_at([dear, cheap], 7.0)


def test_differences_are_paired_and_drawn_by_group() -> None:
    """Fails if pairs are torn, kin count as if they were independent, or the interval is not that of the bootstrap."""
    ours, theirs = [1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]
    alone = compare(ours, theirs, ["a", "b", "c", "d"])
    assert 0.5 == alone.value
    assert 0.0 <= alone.low < 0.5 < alone.high <= 1.0
    assert not alone.is_certain
    sure = Difference(0.5, 0.5, 0.5, is_certain=True)
    assert sure == compare(ours, theirs, ["all"] * 4), "one group has nothing to draw"
    assert sure == compare(ours, theirs, ["a", "a", "d", "d"]), "both groups have half a point a hole"
    weighted = compare([4.0, 0.0], [1.0, 0.0], ["a", "b"], [1.0, 5.0])
    assert 0.5 == weighted.value, "3 nats over 6 tokens"
    assert (0.0, 3.0) == (weighted.low, weighted.high), "no draw has anything else than b, both, or a"


def test_the_interval_is_that_of_a_normal_mean() -> None:
    """Fails if the ends are not those of 95 %: over 400 drawn differences they lie about 1.96 standard errors off."""
    draw = random.Random(1)
    values = [draw.gauss(0.3, 1.0) for _ in range(400)]
    found = compare(values, [0.0] * 400, [str(n) for n in range(400)])
    mean = sum(values) / 400
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / 399 / 400)
    assert mean == pytest.approx(found.value)
    assert mean - 1.96 * error == pytest.approx(found.low, abs=0.25 * error)
    assert mean + 1.96 * error == pytest.approx(found.high, abs=0.25 * error)


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.1, 1, "better"), (-1, -0.1, "worse"), (-1, 1, "no difference shown")]
)
def test_verdicts(low: float, high: float, word: str) -> None:
    """Fails if an interval that holds zero shows something."""
    assert word == Difference(0.0, low, high).verdict


def test_a_summary_counts_only_what_all_have_finished() -> None:
    """Fails if ways are compared on different holes, tokens are counted per hole, or equal calls are not."""
    ways = [Way("threshold"), Way("threshold:threshold=0.4", is_swept=True), Way("left_to_right")]
    holes = [Case(str(n), f"x{n} = ", "\n", str(n), TEST if n else "", "f", "random-span") for n in range(3)]
    spent = {"threshold": 4, "threshold:threshold=0.4": 2, "left_to_right": 3}
    rows = [
        Tried(
            *(way.name, hole.task_id, hole.kind, hole.canonical),
            exact=way.sampler == "left_to_right" or hole.task_id == "1",
            parses=True,
            passed=hole.task_id == "1",
            calls=spent[way.sampler],
            ms=10.0 * spent[way.sampler],
            tokens=6,
            nats=12.0,
            truth_tokens=4,
            forced_calls=spent[way.sampler],
        )
        for way in ways
        for hole in holes
        if (way.sampler, hole.task_id) != ("left_to_right", "2")
    ]
    found = summarise(rows, holes, ways, (3, 9))
    assert (2, 1) == (found["cases"], found["tested_cases"])
    row = found["rows"][0]
    assert (3.0, 50.0, 100.0, 100.0) == tuple(
        row[key] for key in ("nats_per_token", "exact_percent", "pass_percent", "parses_percent")
    )
    assert (4.0, 1.5, 40.0, 10.0) == tuple(row[key] for key in ("calls", "tokens_per_call", "ms", "ms_per_call"))
    exact = [row for row in found["comparisons"] if (row["measure"], row["cost"]) == ("exact", "calls")]
    assert [None, 3] == [row["at_calls"] for row in exact], "nobody has a point at 9 calls"
    assert [(3.0, 3.0, 50.0)] * 2 == [(row["spent"], row["rival_spent"], row["difference"]) for row in exact]
    assert ["exact_percent by calls", "exact_percent by ms"] == found["rows"][2]["on_front"][:2]


def test_everything_is_compared_with_something() -> None:
    """Fails if a cache is only compared with itself, another length with nothing, or a drafter's calls are taken for none."""
    names = [("threshold", "none"), ("threshold", "hole"), ("eb", "hole"), ("dual", "none")]
    ways = [Way(sampler, cache, length) for length in ("auto", "oracle") for sampler, cache in names]
    hole = Case("1", "x = ", "\n", "1", "", "", "random-span")
    rows = [Tried(way.name, "1", "k", "1", calls=3, ms=3.0, draft_calls=int(way.sampler == "dual")) for way in ways]
    found = summarise(rows, [hole], ways, ())["comparisons"]
    rivals = {row["way"]: row["rival"] for row in found if row["measure"] == "exact"}
    alone = [Way("threshold", "hole", "auto"), Way("threshold", "hole", "oracle")]
    rows = [Tried(way.name, "1", "k", "1", calls=3) for way in alone]
    assert {"threshold / hole / auto"} == {row["rival"] for row in summarise(rows, [hole], alone, ())["comparisons"]}
    assert {
        "threshold / hole / auto": "threshold / none / auto",
        "eb / hole / auto": "threshold / hole / auto",
        "dual / none / auto": "threshold / none / auto",
        "threshold / none / oracle": "threshold / none / auto",
        "threshold / hole / oracle": "threshold / none / oracle",
        "eb / hole / oracle": "threshold / hole / oracle",
        "dual / none / oracle": "threshold / none / oracle",
    } == rivals
    assert {"own"} == {row["cost"] for row in found}, "the default has no points beside its own setting"


def test_a_drafter_is_compared_in_as_much_time() -> None:
    """Fails if a drafter's calls are taken for none, or two as they are for two at equal calls."""
    ways = [Way("threshold"), Way("threshold:threshold=0.4", is_swept=True), Way("eb"), Way("dual")]
    hole = Case("1", "x = ", "\n", "1", "", "", "random-span")
    spent = {"threshold": 4, "threshold:threshold=0.4": 2, "eb": 2, "dual": 2}
    rows = [
        Tried(
            way.name,
            "1",
            "k",
            "1",
            exact=way.sampler == "threshold",
            calls=spent[way.sampler],
            ms=3.0 * spent[way.sampler],
            draft_calls=int(way.sampler == "dual"),
        )
        for way in ways
    ]
    found = [row for row in summarise(rows, [hole], ways, ())["comparisons"] if row["measure"] == "exact"]
    assert [
        ("eb / none / auto", "own", 2.0, 4.0, -100.0),
        ("eb / none / auto", "calls", 2.0, 2.0, 0.0),
        ("dual / none / auto", "own", 2.0, 4.0, -100.0),
        ("dual / none / auto", "ms", 6.0, 6.0, 0.0),
    ] == [tuple(row[key] for key in ("way", "cost", "spent", "rival_spent", "difference")) for row in found]


def test_without_repairs_nothing_is_called_guided() -> None:
    """Fails if the same numbers stand twice in the table, once as those after repairs."""
    hole = Case("1", "x = ", "\n", "1", "", "", "random-span")
    rows = [Tried("threshold / none / auto", "1", "k", "1", guided_answer="1", calls=3, guided_calls=3)]
    for repairs in (True, False):
        [row] = summarise(rows, [hole], [Way("threshold")], (), repairs=repairs)["rows"]
        assert repairs == (row["guided_calls"] is not None) == (row["guided_exact_percent"] is not None)


def test_holes_of_one_document_are_far_apart() -> None:
    """Fails if a model that keeps what it has computed of a document is asked about it twice in succession, or a hole is lost."""
    holes = [
        Case(f"{name}{cut}", name[:cut], name[cut + 1 :], name[cut], "", "", "k")
        for name in ("abcd", "efgh", "ijkl")
        for cut in range(4)
    ]
    drawn = in_turns(holes)
    assert sorted(case.task_id for case in holes) == sorted(case.task_id for case in drawn)
    assert [{"abcd", "efgh", "ijkl"}] * 4 == [{case.document for case in drawn[k : k + 3]} for k in range(0, 12, 3)]
    assert drawn == in_turns(holes)
    assert [case.task_id for case in drawn] != [case.task_id for case in holes]


def test_tables_share_what_was_measured(command: list[str], tmp_path: Path, monkeypatch) -> None:
    """Fails if what stands in two tables is measured twice, or a completion is run twice with the same test."""
    ran: list[str] = []
    real = trial.run_untrusted
    monkeypatch.setattr(trial, "run_untrusted", lambda program: ran.append(program) or real(program))
    shared = tmp_path / "all.cases.jsonl"
    assert 0 == cli.main([*command, "--cases", str(shared)])
    assert 2 == len(ran), "two holes have tests, and every sampler comes to the same answers"
    lines = shared.read_text().splitlines()
    assert 1 + 3 * 2 == len(lines)
    other = [*command[: command.index("--samplers")], "--samplers", "threshold", "llada"]
    assert 0 == cli.main([*other, "--out", str(tmp_path / "other.json"), "--cases", str(shared)])
    assert lines == shared.read_text().splitlines()[: len(lines)]
    assert 3 == len(shared.read_text().splitlines()) - len(lines), "of the second table only llada was left"
    assert 2 == len(ran)
    assert ["threshold", "llada"] == [
        row["sampler"] for row in json.loads((tmp_path / "other.json").read_text())["rows"]
    ]


def test_a_run_that_finished_no_hole_says_so() -> None:
    """Fails if the minutes were over too early and the tables end in a traceback."""
    hole = Case("1", "x = ", "\n", "1", "", "", "random-span")
    found = summarise([], [hole], [Way("threshold"), Way("eb")], (4,))
    assert (0, []) == (found["cases"], found["comparisons"])
    about = {"model": "nano", "model_hash": "0", "dtype": "int8", "machine": "m", "jobs": 1, "refused": {}}
    assert markdown({**about, **found}).startswith("0 holes that every way has finished")


def test_tables_and_picture_of_what_was_measured(tmp_path: Path, monkeypatch) -> None:
    """Fails if a column without numbers is shown, a way's name breaks the table, the best are not named, or a missing matplotlib is a traceback."""
    way = Way("threshold")
    rows = [Tried(way.name, "1", "random-span", nats=2.0, truth_tokens=1, forced_calls=3)]
    report = {
        "model": "nano",
        "model_hash": "0",
        "dtype": "int8",
        "machine": "m",
        "jobs": 1,
        "refused": {"dual": "no drafter"},
        **summarise(rows, [Case("1", "a", "b", "c", "", "", "random-span")], [way], ()),
    }
    text = markdown(report)
    assert "| `threshold` | none | auto | 2.0 | 3.0 |" in text
    assert "exact" not in text.partition("| sampler")[2]
    assert "Left out: dual: no drafter." in text
    assert draw_fronts(report, tmp_path / "p.svg").startswith("the picture is")
    drawn = (tmp_path / "p.svg").read_text()
    assert "nats per token" in drawn
    assert 2 == drawn.count(">threshold<"), "in the legend, and beside the point that nobody beats"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "it needs matplotlib" in draw_fronts(report, tmp_path / "q.svg")
    assert not (tmp_path / "q.svg").exists()


def test_a_run_that_is_over_before_its_first_hole(command: list[str], tmp_path: Path, capsys) -> None:
    """Fails if too few minutes end in a traceback, look like success, or it is promised that what was not kept goes on."""
    early = [*command, "--minutes", "0.000001"]
    assert 1 == cli.main(early)
    told = capsys.readouterr().err
    assert f"what is finished is in {tmp_path / 'out' / 'decoders.cases.jsonl'}" in told
    assert "there is nothing to draw yet" in told
    at = early.index("--out")
    assert 1 == cli.main([*early[:at], *early[at + 2 :]])
    assert "nothing is kept without --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("holes.jsonl", lambda text: text + text, "there is a hole 'right' already; each needs its own task_id."),
        ("holes.jsonl", lambda text: text[:-20], "line 3 is no JSON."),
        ("holes.jsonl", lambda text: text.replace('"kind"', '"sort"'), "line 1 is no hole: it lacks kind."),
        ("holes.jsonl", lambda _: "[]", "line 1 is no hole: it lacks canonical, kind, prefix, suffix, task_id."),
        ("cases.jsonl", lambda _: "somebody's notes", "or something else: name another file, or remove it."),
        ("cases.jsonl", lambda text: text.replace('"ms"', '"time"'), "or something else: name another file"),
    ],
)
def test_wrong_files_are_one_sentence(command: list[str], tmp_path: Path, capsys, *, name, change, sentence) -> None:
    """Fails if a broken or foreign file ends in a traceback or is written to, or holes are mixed up."""
    cases = tmp_path / "cases.jsonl"
    assert 0 == cli.main([*command, "--cases", str(cases), "--likelihood", "no"])
    capsys.readouterr()
    (tmp_path / name).write_text(change((tmp_path / name).read_text()))
    before = cases.read_text()
    assert 2 == cli.main([*command, "--cases", str(cases), "--likelihood", "no"])
    err = capsys.readouterr().err
    assert sentence in err
    assert (1, before) == (err.count("\n"), cases.read_text())


def test_a_test_that_is_null_is_none(holes: Path, tmp_path: Path) -> None:
    """Fails if a hole whose test is null counts as one with a test, which nothing can pass."""
    rows = [{**json.loads(line), "test": None, "entry_point": None} for line in holes.read_text().splitlines()]
    (tmp_path / "null.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [("", "")] * 3 == [(case.test, case.entry_point) for case in read_cases([tmp_path / "null.jsonl"])]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.CANCELLED, Outcome.LATE])
@pytest.mark.parametrize("likelihood", ["no", "only"])
def test_a_model_that_breaks_down_is_not_a_bad_answer(
    command: list[str], tmp_path: Path, monkeypatch, capsys, *, outcome: Outcome, likelihood: str
) -> None:
    """Fails if a model that dies in the middle is counted as one that writes nothing, or as sure of the truth."""
    real, asked = Model.fill, 0

    async def fill(self: Model, request: InfillRequest, on_step: OnStep | None = None) -> InfillResult:
        nonlocal asked
        asked += 1
        result = await real(self, request, on_step)
        return replace(result, outcome=outcome, candidates=(), message="the model died") if asked > 6 else result

    monkeypatch.setattr(Model, "fill", fill)
    status = cli.main([*command, "--likelihood", likelihood])
    kept = (tmp_path / "out" / "decoders.cases.jsonl").read_text().splitlines()[1:]
    if (outcome, likelihood) == (Outcome.LATE, "no"):  # too slow is an answer: none
        assert (0, 3 * 2) == (status, len(kept))
        return
    err = " ".join(capsys.readouterr().err.split())
    assert (2, True, True) == (status, "the model died" in err, "the same command goes on" in err)
    assert len(kept) < 3 * 2
    assert all(row["answer"] or row["nats"] for row in map(json.loads, kept))
