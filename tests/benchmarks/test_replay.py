"""Replaying typing: what is counted is what a person would have seen, and what the server really did for it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.editor import Client, Manners, acceptable, replay
from benchmarks.replay import as_table, fit, main, read_turns, run
from benchmarks.sessions import Edit, Session, as_keys, rhythm, write
from benchmarks.sessions import Key as KeyPress
from benchmarks.tape import Asked, Line, Offer, Press, Tape, as_row, read_log

LOG = [
    Line(
        0, "INFO dlm_lsp.lsp.asking: request 1 v2 automatic: filled, 1 admitted, H=4, 12 steps, 0 rounds, ms: total=80"
    ),
    Line(5, "INFO dlm_lsp.lsp.asking: request 2 v3 automatic: known from 1, 1 admitted, H=4, 0 steps, 0 rounds, ms: "),
    Line(10, "INFO dlm_lsp.lsp.asking: request 3 v4 automatic: cancelled"),
    Line(22, "worker: INFO dlm_lsp.worker: request 3: cancelled, 0 candidates, 5 steps, 40 ms"),
    Line(
        30, "INFO dlm_lsp.lsp.asking: request 4 v5 automatic: empty, 0 admitted, H=0, 3 steps, 0 rounds, ms: total=20"
    ),
    Line(40, "INFO dlm_lsp.lsp.ahead: request 6 v5 ahead: filled, 1 admitted, 7 steps"),
    Line(50, "WARNING dlm_lsp: request 9 says nothing that is counted"),
]


def test_the_log_is_read() -> None:
    """Fails if the model's calls for a request that was taken back, prepared or answered with nothing are not counted."""
    work = read_log(LOG)
    assert {1: 12, 2: 0, 3: 5, 4: 3, 6: 7} == work.calls
    assert ({2: 1}, {3}, {6}) == (work.origin, work.stopped, work.ahead)
    assert ((12,), {1: 80, 4: 20}) == (work.stop_ms, work.calls_ms)


def test_calls_count_as_shown_wherever_their_text_was() -> None:
    """Fails if calls are wasted although a later key showed their text from memory, or count although nobody saw it."""
    presses = [Press(0, shown_ms=90), Press(200, kept=True), Press(400)]
    asked = [Asked(0, "text"), Asked(1, "cancelled", cancel_ms=2), Asked(2, "nothing")]
    offers = [Offer(2, "abcd", "abxy", 0), Offer(2, "ab", "abxy", 2)]
    row = as_row([Tape(presses, asked, offers, LOG, keys_saved=1)])
    assert (27, 15, 5, 7) == tuple(
        row[key] for key in ("model_calls", "calls_never_shown", "calls_stopped", "calls_ahead")
    )
    assert (3, 2, 1, 1) == tuple(row[key] for key in ("requests", "answered_in_time", "with_text_in_time", "cancelled"))
    assert (2, {"count": 1, "p50": 90, "p95": 90}) == (row["presses_with_ghost_text"], row["key_to_new_text_ms"])
    assert (6, 4, 66.7, 1, 1) == tuple(
        row[key] for key in ("shown_chars", "survived_chars", "survived_percent", "offers_right", "accepted_offers")
    )


def test_nothing_happened() -> None:
    """Fails if a setting with which nothing is ever shown ends the whole benchmark."""
    row = as_row([Tape()])
    assert (0, None) == (row["offers"], row["survived_percent"])


@pytest.mark.parametrize(
    ("ghost", "typed", "whole", "lines"),
    [
        ("return a", "return a + b", "return a", "return a"),
        ("return a + c", "return a + b", "", ""),
        ("b = 1\n    c = 3\n    d", "b = 1\n    c = 2\n", "", "b = 1\n"),
        ("b)", "b)", "", ""),  # typed sooner than accepted
        ("", "x = 1", "", ""),
        ("x = 1 + 1", "x = 1", "", ""),
    ],
)
def test_only_what_is_right_is_accepted(ghost: str, typed: str, whole: str, lines: str) -> None:
    """Fails if the typist accepts what they would not have written, or types on although the first line is right."""
    assert whole == acceptable(ghost, typed, "whole")
    assert lines == acceptable(ghost, typed, "lines")
    assert not acceptable(ghost, typed, "never")


HEAD = "def scale(values, weight):\n    total = 0\n    "
TYPED = "factor = weight + 1\n    return total * factor"
Script = Callable[..., str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Give a function that writes a script and names the model."""

    def write_script(*rules: dict, step_ms: int = 0) -> str:
        path = tmp_path / "script.json"
        path.write_text(json.dumps({"rules": rules, "step_ms": step_ms}), encoding="utf-8")
        return f"scripted:{path}"

    return write_script


def session(typed: str, gap_ms: int = 60, pause_ms: int = 100) -> Session:
    """Give somebody who types this behind HEAD, evenly."""
    keys = tuple(KeyPress(key, gap_ms) for key in as_keys(typed))
    return Session("scale.py at 0", HEAD + "\n", (Edit(len(HEAD), 0, pause_ms, keys),))


def server(model: str) -> tuple[str, ...]:
    """Name the server's arguments."""
    return ("--model", model, "--device", "cpu", "--threads", "1")


def test_a_right_offer_is_accepted(script: Script) -> None:
    """Fails if what is right is not shown, not accepted, or the recording does not go on behind it."""
    rest = TYPED.removeprefix("f")
    model = script({"after": HEAD + "f", "before": "\n", "answer": rest.partition("\n")[0]})
    turns = read_turns((), Manners(debounce_ms=5))
    keys = tuple(KeyPress(key, 1500 if number == 1 else 20) for number, key in enumerate(as_keys(TYPED)))
    typing = Session("scale.py at 0", HEAD + "\n", (Edit(len(HEAD), 0, 100, keys),))
    (tape,) = run(server(model), [typing], turns)["defaults"]
    (offer,) = [offer for offer in tape.offers if offer.accepted_chars]
    assert rest.startswith(offer.text)
    assert len(offer.text) == offer.accepted_chars == offer.kept_chars
    assert len(offer.text) - 1 == tape.keys_saved
    assert len(as_keys(TYPED)) == len(tape.presses) + tape.keys_saved
    assert tape.presses[0].shown_ms < 1000
    assert 0 < as_row([tape])["model_calls"]
    assert tape.worker_cpu_s > 0


@pytest.mark.parametrize("cancel", [True, False])
def test_a_fast_typist_stops_a_slow_model(script: Script, cancel: bool) -> None:
    """Fails if the model works on for a key that is past, taken back or superseded, or its calls for nobody are not seen."""
    slow = {"after": HEAD, "before": "\n", "answer": "return " + "weight + " * 8 + "1", "confidence": 0.5}
    with Client(*server(script(slow, {**slow, "after": HEAD + "x"}, step_ms=30))) as client:
        client.initialize()
        client.wait_until(lambda: not client.is_busy())
        tape = replay(client, "file:///typing.py", session("xyz", gap_ms=400), Manners(debounce_ms=0, cancel=cancel))
    row = as_row([tape])
    assert "cancelled" == tape.asked[0].outcome
    assert 0 < row["calls_stopped"] < 16  # in 400 ms; the whole answer takes more
    assert row["calls_never_shown"] >= row["calls_stopped"]
    assert cancel == (row["cancel_to_answer_ms"]["count"] > 0)
    assert all(each.cancel_ms < 300 for each in tape.asked if each.cancel_ms is not None)
    assert row["cancel_to_stop_ms"]["p50"] < 300  # a call of 30 ms, and the machine; an answer takes more than 500


def test_an_offer_that_goes_on_stays(script: Script) -> None:
    """Fails if what is typed through vanishes, is counted as a new offer, or outlives a key that it does not go on with."""
    model = script({"after": HEAD + "f", "before": "\n", "answer": "actor = weight"})
    with Client(*server(model)) as client:
        client.initialize()
        client.wait_until(lambda: not client.is_busy())
        tape = replay(client, "file:///typing.py", session("fact = x", gap_ms=400), Manners(debounce_ms=0))
    assert [False, True, True, True, False, False, False, False] == [press.kept for press in tape.presses]
    assert "actor = weight" == tape.offers[0].text
    assert [None] * 3 == [press.shown_ms for press in tape.presses[1:4]]
    assert "act" == tape.offers[0].text[: tape.offers[0].kept_chars]


def test_knobs_are_turned_one_at_a_time() -> None:
    """Fails if a turn keeps what another has changed, or a knob or value that there is not is ignored."""
    turns = read_turns(["debounce=0,150", "prepare=on", "deadline-ms=500"], Manners(speed=2))
    names = ["defaults", "debounce=0", "debounce=150", "prepare=on", "deadlineMs=500", "defaults, again"]
    assert names == [turn.name for turn in turns]
    assert [75, 0, 150, 75, 75, 75] == [turn.manners.debounce_ms for turn in turns]
    assert {2} == {turn.manners.speed for turn in turns}
    assert [4000] * 4 + [500, 4000] == [turn.settings["deadlineMs"] for turn in turns]
    assert [False] * 3 + [True] + [False] * 2 == [turn.settings["prepare"] for turn in turns]
    for wrong in ("prepare", "debounce=on", "nothing=1", "threshold=7"):
        with pytest.raises(ValueError, match=r"KNOB|sense|unknown|between"):
            read_turns([wrong], Manners())


def test_all_turns_fit_into_the_time() -> None:
    """Fails if a benchmark takes longer than it was given, or leaves sessions of which nothing is left."""
    import random

    keys = rhythm(as_keys("value = other\n" * 8), random.Random(0))
    sessions = [Session(name, "", (Edit(0, 0, 2000, keys),)) for name in "abcd"]
    cut = fit(sessions, 60, 1.5)
    assert 3 == len(cut)
    assert 30_000 < sum(each.ms for each in cut) <= 57_000
    assert sessions == fit(sessions, 1_000, 1.5)


def test_the_command(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the benchmark cannot be run, or a turn is missing in what it writes."""
    model = script({"after": HEAD + "f", "before": "\n", "answer": "actor = weight"})
    write([session("fact ", gap_ms=30)], tmp_path / "typing.json")
    out = tmp_path / "replay.json"
    words = ["replay", "--compare", "prepare=on", "--model", model, "--device", "cpu", "--threads", "1"]
    words += ["--recording", str(tmp_path / "typing.json"), "--out", str(out)]
    monkeypatch.setattr("sys.argv", words)
    main()
    report = json.loads(out.read_text())
    assert ["defaults", "prepare=on", "defaults, again"] == [row["turn"] for row in report["rows"]]
    assert {5} == {row["presses"] for row in report["rows"]}
    assert as_table(report) == out.with_suffix(".md").read_text()
    assert out.with_suffix(".svg").is_file()
