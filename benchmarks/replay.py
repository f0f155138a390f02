"""Replays recorded typing against the server, over stdio and in real time: what is shown in time, what it costs, what it is worth.

    python -m benchmarks.replay                                          # the usual knobs, ten minutes; writes results/replay.*
    python -m benchmarks.replay --compare debounce=0,75,150 prepare=on   # these
    python -m benchmarks.replay --quick                                  # under a minute, the defaults only

In: a recording (`benchmarks.sessions`), and knobs: those of the editor (`debounce`, `cancel`, `accept`) and all settings of the
server. Out: a JSON file, a table and a picture. One knob is turned at a time, from the defaults. Every turn has a model's process of
its own for each session, and they take turns, so that what disturbs the machine disturbs them all; the defaults take part twice, to
show what that does.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.editor import NOTICE_MS, Client, Manners
from benchmarks.editor import replay as type_session
from benchmarks.sessions import Session, read, shorten
from benchmarks.tape import Tape, as_row
from dlm_lsp.settings import Settings, camel_case, read_settings

HERE = Path(__file__).parent
KNOBS = (
    *("debounce=0,150", "prepare=on", "warmStart=on"),
    *("cache=none,hole:across=false", "threshold=0.8", "deadlineMs=500"),
)
MINUTES, QUICK_MINUTES = 9.0, 0.7
OTHER_S = 5.0
"""What a session takes beside typing: the model is loaded anew for each."""
FIRST = "file:///replay/first.py"
SESSION_S = 15.0
"""In less, too little is typed behind the pause that a session begins with."""
EDITORS = {"debounce": "debounce_ms", "cancel": "cancel", "accept": "accept"}
"""Knobs that are the editor's, and their names in `Manners`."""
COLUMNS = (
    ("presses", "keys"),
    ("requests", "requests"),
    ("answered_in_time", "answered in time"),
    ("with_text_in_time", "with text"),
    ("presses_with_ghost_text", "keys with ghost text"),
    ("key_to_new_text_ms", "key → new text, ms p50 / p95"),
    ("model_calls", "model calls"),
    ("calls_never_shown_percent", "model calls never shown %"),
    ("calls_stopped", "model calls stopped"),
    ("calls_ahead", "model calls ahead"),
    ("cancelled", "cancelled"),
    ("cancel_to_answer_ms", "cancel → answer, ms"),
    ("cancel_to_stop_ms", "cancel → model stops, ms"),
    ("offers", "offers"),
    ("offers_right", "right as a whole"),
    ("survived_percent", "shown text that survived %"),
    ("accepted_chars", "accepted chars"),
    ("keys_saved", "keys saved"),
    ("front_cpu_s", "front, CPU s"),
    ("worker_cpu_s", "worker, CPU s"),
)
PANELS = (
    ("with_text_in_time", "answers with text in time"),
    ("key_to_new_text_ms", "key to new text, ms (median)"),
    ("calls_never_shown_percent", "model calls never shown, %"),
    ("keys_saved", "keys saved"),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One way to set the knobs."""

    name: str
    manners: Manners
    settings: dict[str, Any]
    """The server's, by the names that editors use; all that any turn changes."""


def main() -> None:
    """Replay, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--compare", nargs="*", default=KNOBS, metavar="KNOB=VALUE[,VALUE…]", help="default: " + " ".join(KNOBS)
    )
    parser.add_argument("--quick", action="store_true", help="nothing but the defaults, on a part of the recording")
    parser.add_argument("--minutes", type=float, help="at most, for all turns; the recording is cut to fit")
    parser.add_argument("--recording", type=Path, default=HERE / "typing.json")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=max((os.cpu_count() or 2) // 2, 1))
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than recorded keys come")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "replay.json")
    options = parser.parse_args()
    try:
        turns = read_turns(() if options.quick else options.compare, Manners(speed=options.speed))
    except ValueError as error:
        parser.error(str(error))
    minutes = options.minutes or (QUICK_MINUTES if options.quick else MINUTES)
    sessions = fit(read(options.recording), minutes * 60 * options.speed / len(turns), OTHER_S * options.speed)
    report: dict[str, Any] = {
        "script": "benchmarks/replay.py",
        **machine.describe(),
        "model": options.model,
        "threads": options.threads,
        "speed": options.speed,
        "recording": options.recording.name,
        "keys": sum(session.keys for session in sessions),
        "seconds": round(sum(session.ms for session in sessions) / 1000),
    }
    server = ("--model", options.model, "--device", options.device, "--threads", str(options.threads))
    tapes = run(server, sessions, turns)
    report["rows"] = [{"turn": turn.name, **as_row(tapes[turn.name])} for turn in turns]
    report["load_after"] = machine.load()
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    table = as_table(report)
    options.out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)
    if not options.quick:
        draw(report, options.out.with_suffix(".svg"))


def read_turns(knobs: Sequence[str], manners: Manners) -> list[Turn]:
    """Give the defaults, each knob's values, and the defaults again; ValueError for a knob or value that there is not."""
    usual = {camel_case(field.name): getattr(Settings(), field.name) for field in fields(Settings)}
    wanted: list[tuple[str, str, Any]] = []
    for knob in knobs:
        name, _, values = knob.partition("=")
        name = camel_case(name.replace("-", "_"))
        if not values:
            raise ValueError(f"{knob!r} is not KNOB=VALUE")
        wanted += [(name, value, _value(value)) for value in values.split(",")]
    changed = {name: usual[name] for name, _, _ in wanted if name in usual}
    turns = [Turn("defaults", manners, changed)]
    for name, written, value in wanted:
        label = f"{name}={written}"
        if name in EDITORS:
            if type(value) is not type(getattr(manners, EDITORS[name])):
                raise ValueError(f"{label!r}: {value!r} makes no sense there")
            turns.append(Turn(label, replace(manners, **{EDITORS[name]: value}), changed))
        else:
            _, complaints = read_settings({name: value})
            if complaints:
                raise ValueError("; ".join(complaints))
            turns.append(Turn(label, manners, {**changed, name: value}))
    return [*turns, Turn("defaults, again", manners, changed)] if wanted else turns


def _value(written: str) -> Any:
    """Read a value as JSON writes it, or on, off, or a word."""
    with suppress(ValueError):
        return json.loads(written)
    return {"on": True, "off": False}.get(written, written)


def fit(sessions: Sequence[Session], seconds: float, other_s: float) -> list[Session]:
    """Cut all sessions off after the same share of their time, so that they fit; take fewer, where little would be left of each."""
    sessions = sessions[: max(int(seconds / (SESSION_S + other_s)), 1)]
    share = (seconds - other_s * len(sessions)) * 1000 / sum(session.ms for session in sessions)
    return [shorten(session, share * session.ms) if share < 1 else session for session in sessions]


def run(server: Sequence[str], sessions: Sequence[Session], turns: Sequence[Turn]) -> dict[str, list[Tape]]:
    """Replay all sessions in all turns."""
    tapes: dict[str, list[Tape]] = {turn.name: [] for turn in turns}
    with Client(*server) as client:
        client.initialize()
        for number, session in enumerate(sessions):
            for turn in _beginning_with(turns, number):
                client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": turn.settings}})
                start_afresh(client)
                uri = f"file:///replay/{number}/{turns.index(turn)}/{session.name.split()[0]}"
                tapes[turn.name].append(type_session(client, uri, session, turn.manners))
                print(f"{session.name}: {turn.name}", file=sys.stderr)
    return tapes


def start_afresh(client: Client) -> None:
    """Load the model anew, and use it once: it keeps what it has computed, and all turns type the same."""
    client.ask("dlm-lsp/free", {})
    client.open(FIRST, "value = ")
    client.inline(FIRST, 0, 8)
    client.notify("textDocument/didClose", {"textDocument": {"uri": FIRST}})
    client.wait_until(lambda: not client.is_busy() and len(client.worker_ids()) == 1)


def _beginning_with(turns: Sequence[Turn], number: int) -> Iterator[Turn]:
    """Give all turns, from another one each time."""
    yield from (turns[(number + k) % len(turns)] for k in range(len(turns)))


def as_table(report: dict[str, Any]) -> str:
    """Lay the numbers out, a column for each turn of a knob."""
    rows = report["rows"]
    lines = [
        (
            f"`python -m benchmarks.replay`, model `{report['model']}`, {report['threads']} threads, {machine.where(report)}. "
            f"`{report['recording']}`: {report['keys']} keys in {report['seconds']} s, replayed {report['speed']:g} times as fast."
        ),
        "",
        (
            f"Unless a column says otherwise the editor asks {Manners().debounce_ms} ms after a key and takes the question back at the "
            f"next one; Tab is pressed where a whole offer is right and has been there for {NOTICE_MS} ms. *Key → new text* is of what "
            "was shown before the next key. *Never shown*: calls for text that was never on the screen. *Stopped*: taken back while the "
            "model worked. *Survived*: what was then typed at that place begins so."
        ),
        "",
        f"| | {' | '.join(row['turn'] for row in rows)} |",
        f"| --- |{' --- |' * len(rows)}",
        *(f"| {name} | {' | '.join(_written(row[key]) for row in rows)} |" for key, name in COLUMNS),
    ]
    return "\n".join(lines) + "\n"


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['p50']:.0f} / {value['p95']:.0f}" if value["count"] else "-"
    return "-" if value is None else str(value)


def draw(report: dict[str, Any], file: Path) -> None:
    """Draw what matters most as bars."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = report["rows"]
    names = [row["turn"] for row in rows]
    with mpl.rc_context({"svg.hashsalt": "dlm-lsp", "svg.fonttype": "none"}):
        figure = Figure(figsize=(4 * len(PANELS), 0.35 * len(rows) + 1.2), layout="constrained")
        for number, (key, title) in enumerate(PANELS, start=1):
            axes = figure.add_subplot(1, len(PANELS), number)
            values = [row[key].get("p50", 0) if isinstance(row[key], dict) else row[key] or 0 for row in rows]
            axes.barh(names, values, color=["black" if name.startswith("defaults") else "grey" for name in names])
            axes.invert_yaxis()
            axes.set_title(title, fontsize=9)
            axes.tick_params(labelsize=8, labelleft=number == 1)
        figure.savefig(file, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
