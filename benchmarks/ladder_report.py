"""What the answers of the ladder amount to: the places of the grid and the targets, as numbers, as tables and as a picture.

In: `Row`s. Out: plain dicts for JSON, Markdown, SVG. It asks nobody and takes no times.
"""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, roofline
from benchmarks.panels import Panel
from benchmarks.panels import draw as draw_panels
from dlm_lsp.commands.score import percentile

GRID = "grid"
ASKED = ("cold", "warm", "edited")
KNOWN = ("repeated", "typed")
LINE_TOKENS, BODY_TOKENS = 24, 128
"""The longest holes that are called a line and a body."""
LINE_MS = {"nano": (60, 120), "small": (100, 200)}
"""By model: the median and the 95th percentile of a warm line that are wanted on two cores."""
BODY_MS = (1500,)
"""The median of a warm body."""
MAX_COLD_TO_WARM, KNOWN_MS, MAX_CALLS_PER_TOKEN = 2.5, 5, 0.3


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the ladder: holes of a length under some settings."""

    group: str
    hole_tokens: int
    canvas_tokens: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One answer."""

    group: str
    hole_tokens: int
    canvas_tokens: int
    state: str
    task_id: str
    ms: float
    denoise_ms: float
    """In the model and the sampler, as the worker says; 0 where the answer was known."""
    forward_ms: float
    calls: int
    known: bool
    rows: int
    """What the model saw, hole and all, in tokens."""
    written_tokens: int
    shown_tokens: int
    outcome: str
    """As the worker says: filled, empty, late, failed."""
    exact: bool
    parses: bool
    passed: bool | None
    """None where there is no test."""


def is_of(row: Row, cell: Cell) -> bool:
    """Whether an answer was given at a place of the ladder."""
    return (row.group, row.hole_tokens, row.canvas_tokens) == (cell.group, cell.hole_tokens, cell.canvas_tokens)


def summary(cell: Cell, rows: Sequence[Row], shape: roofline.Shape, rates: roofline.Rates) -> dict[str, Any]:
    """Give what was measured at one place of the ladder, state by state."""
    own = [row for row in rows if is_of(row, cell)]
    states = {}
    for state in (*ASKED, *KNOWN):
        here = [row for row in own if row.state == state]
        asked = [row for row in here if not row.known and row.calls]
        if state in KNOWN:  # an answer that was withheld is asked for again where somebody types on
            states[state] = {**spread([row.ms for row in here]), "calls": sum(row.calls for row in here)}
        elif asked:
            states[state] = spread([row.ms for row in asked]) | decoding(asked, shape, rates, cold=state == "cold")
    cold = [row for row in own if row.state == "cold"]
    tested = [row for row in cold if row.passed is not None]
    return {
        "group": cell.group,
        "hole_tokens": cell.hole_tokens,
        "canvas_tokens": cell.canvas_tokens,
        "settings": cell.settings,
        "cases": len(cold),
        "mean_rows": round(statistics.mean(row.rows for row in cold)) if cold else 0,
        "states": states,
        "cold_to_warm": median_ratio(own, "cold", "warm"),
        "late_percent": percent([row.outcome == "late" for row in cold]),
        "failed": sum(row.outcome == "failed" for row in own),
        "answered_percent": percent([row.shown_tokens > 0 for row in cold]),
        "parses_percent": percent([row.parses for row in cold]),
        "exact_percent": percent([row.exact for row in cold]),
        "tested": len(tested),
        "pass_percent": percent([bool(row.passed) for row in tested]) if tested else None,
    }


def decoding(rows: Sequence[Row], shape: roofline.Shape, rates: roofline.Rates, *, cold: bool) -> dict[str, Any]:
    """Say where the time of answers went, and how far it is from what the machine allows."""
    calls = sum(row.calls for row in rows)
    limits = {
        number: [
            row.forward_ms
            / rates.answer_ms(shape, number, calls=row.calls, hole=row.hole_tokens, canvas=row.rows, cold=cold)
            for row in rows
        ]
        for number in rates.gflops
    }
    return {
        "calls": round(calls / len(rows), 2),
        "shown_tokens_per_call": round(sum(row.shown_tokens for row in rows) / calls, 2),
        "calls_per_written_token": round(calls / max(sum(row.written_tokens for row in rows), 1), 3),
        "ms_per_call": round(statistics.median(row.forward_ms / row.calls for row in rows), 2),
        "loop_ms_per_call": round(statistics.median(row.denoise_ms / row.calls for row in rows), 2),
        "own_ms": percentile([row.ms - row.denoise_ms for row in rows], 0.5),
        "times_the_limit": {number: round(statistics.median(ratios), 2) for number, ratios in limits.items()},
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Give count, median and tails; of few values the last is the slowest."""
    tails = {f"p{round(100 * share)}": percentile(values, share) for share in (0.5, 0.9, 0.95, 0.99)}
    return {"count": len(values), **(tails if values else {})}


def median_ratio(rows: Sequence[Row], state: str, to: str) -> float | None:
    """Compare two states on the same holes; None where they are not both there."""
    times = {(row.state, row.task_id): row.ms for row in rows}
    ratios = [ms / times[to, task] for (at, task), ms in times.items() if at == state and (to, task) in times]
    return round(statistics.median(ratios), 2) if ratios else None


def percent(flags: Sequence[bool]) -> float:
    """Give a share."""
    return round(100 * sum(flags) / len(flags), 1) if flags else 0.0


def as_table(result: dict[str, Any]) -> str:
    """Lay out what people read."""
    cells = result["cells"]
    goals, places = ([cell for cell in cells if (cell["group"] == GRID) is is_grid] for is_grid in (False, True))
    failed = sum(cell["failed"] for cell in cells)
    command = " ".join(["python -m benchmarks.ladder", *(["--cases", *result["cases"]] if result["cases"] else [])])
    lines = [
        *([f"**{failed} answers failed and are not among these times.**", ""] if failed else []),
        (
            f"`{command}`, model `{result['model']}` ({result['model_hash']}), settings "
            f"`{json.dumps(result['settings'])}`, {machine.where(result)}."
        ),
        "",
        (
            f"What a user meets: window as trained ({result['trained_tokens']} tokens). *Calls per token*: model calls per token that was "
            "written; *kept*: tokens of the text that was offered, per call."
        ),
        "",
        (
            "| hole | holes | cold p50 | p95 | warm p50 | p95 | cold ÷ warm | known p50 | p99 | its calls | calls | per token | kept | "
            "own ms | late % | answered % | parses % | exact % | pass@1 % |"
        ),
        "| --- |" + " --- |" * 18,
        *(target_line(cell) for cell in goals),
        "",
        "| hole | wanted | measured | is so |",
        "| --- | --- | --- | --- |",
        *(wanted_line(*each) for cell in goals for each in wanted(cell, result["model"])),
        "",
        (
            "Fixed lengths, nothing repaired, ms. *Rows*: what the model saw, in tokens. *Over limit*: time in the model over what the machine "
            "allows for so many calls over kept context, in the format that the machine is fastest with (see below). With fewer than 100 "
            "holes, p99 is the slowest."
        ),
        "",
        (
            "| hole | canvas | rows | holes | state | p50 | p90 | p99 | calls | kept per call | ms per call | own ms | over limit | "
            "cold ÷ warm | parses % |"
        ),
        "| --- |" + " --- |" * 14,
        *(line for cell in places for line in grid_lines(cell, result["trained_tokens"])),
    ]
    return "\n".join(lines) + "\n"


def target_line(cell: dict[str, Any]) -> str:
    """Lay out one target."""
    states = cell["states"]
    cold, warm = states.get("cold", {}), states.get("warm", {})
    known = [states[state] for state in KNOWN if state in states and states[state]["count"]]
    cells = [
        f"{cell['group']} (≤ {cell['hole_tokens']})",
        cell["cases"],
        *(state.get(key, "") for state in (cold, warm) for key in ("p50", "p95")),
        cell["cold_to_warm"],
        max((each["p50"] for each in known), default=""),
        max((each["p99"] for each in known), default=""),
        sum(each["calls"] for each in known),
        *(cold.get(key, "") for key in ("calls", "calls_per_written_token", "shown_tokens_per_call", "own_ms")),
        *(cell[f"{what}_percent"] for what in ("late", "answered", "parses", "exact")),
        "" if cell["pass_percent"] is None else f"{cell['pass_percent']} (of {cell['tested']})",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def wanted(cell: dict[str, Any], model: str) -> Iterator[tuple[str, str, float, float]]:
    """Say what a target should be and is: the hole, what is compared, the most that is wanted, what was measured."""
    states, known = cell["states"], [cell["states"][state] for state in KNOWN if cell["states"][state]["count"]]
    body = cell["hole_tokens"] > LINE_TOKENS
    for share, most in zip(("p50", "p95"), BODY_MS if body else LINE_MS.get(model, ()), strict=False):
        if "warm" in states:
            yield cell["group"], f"warm {share}, ms", most, states["warm"][share]
    if cell["cold_to_warm"] is not None:
        yield cell["group"], "cold ÷ warm", MAX_COLD_TO_WARM, cell["cold_to_warm"]
    if known:
        yield cell["group"], "known p99, ms", KNOWN_MS, max(each["p99"] for each in known)
        yield cell["group"], "known, model calls", 0, sum(each["calls"] for each in known)
    if "cold" in states:
        yield (
            cell["group"],
            "model calls per written token",
            MAX_CALLS_PER_TOKEN,
            states["cold"]["calls_per_written_token"],
        )


def wanted_line(group: str, what: str, most: float, measured: float) -> str:
    """Lay out one wish."""
    return f"| {group} | {what} ≤ {most:g} | {measured:g} | {'yes' if measured <= most else '**no**'} |"


def grid_lines(cell: dict[str, Any], trained_tokens: int) -> Iterator[str]:
    """Lay out one place of the grid, a line a state."""
    place = [cell["hole_tokens"], cell["canvas_tokens"], cell["mean_rows"], cell["cases"]]
    quality = cell["parses_percent"] if cell["canvas_tokens"] <= trained_tokens else "time only"
    for state in (each for each in ASKED if each in cell["states"]):
        told = cell["states"][state]
        values = [
            *place,
            state,
            *(told[key] for key in ("p50", "p90", "p99", "calls", "shown_tokens_per_call", "ms_per_call", "own_ms")),
            max(told["times_the_limit"].values()),
            *((cell["cold_to_warm"], quality) if state == "cold" else ("", "")),
        ]
        yield "| " + " | ".join(map(str, values)) + " |"


def draw(result: dict[str, Any], file: Path) -> str:
    """Draw the grid: a panel for the median of each state, and one for time over limit; say in a sentence what was done."""
    wanted = [(state, "p50", f"{state}: median answer, ms") for state in ASKED]
    wanted.append(("warm", "times_the_limit", "warm: time in the model over the limit"))
    panels = []
    for state, key, title in wanted:
        curves: dict[str, list[tuple[float, float]]] = {}
        for cell in (each for each in result["cells"] if each["group"] == GRID and state in each["states"]):
            value = cell["states"][state][key]
            point = (cell["hole_tokens"], max(value.values()) if isinstance(value, dict) else value)
            curves.setdefault(f"canvas {cell['canvas_tokens']}", []).append(point)
        panels.append(Panel(title, "hole, tokens", curves))
    return draw_panels(panels, file, columns=2)
