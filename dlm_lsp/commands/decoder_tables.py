"""What a comparison of decoders amounts to: a row for every way, differences to the default at equal calls, and the tables.

In: `Tried` cases. Out: plain dicts for JSON, and Markdown. Pure; asks no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlm_lsp.commands.cases import Case
from dlm_lsp.commands.compare import Point, compare, front, quality_at
from dlm_lsp.commands.ways import Way
from dlm_lsp.decoders import DECODERS

Row = dict[str, Any]

MEASURES = ("nats", "exact", "passed", "parses")
"""What ways are compared by; nats only where the truth was forced, passed only over holes with tests."""

SLACK = 0.1
"""Share by which equal numbers of calls may differ."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One hole filled in one way, as it is kept on disk."""

    way: str
    task_id: str
    kind: str
    answer: str | None = None
    """Before guidance, as are those without `guided`; None where only the likelihood of the truth was asked for."""
    exact: bool = False
    parses: bool = False
    passed: bool = False
    calls: int = 0
    ms: float = 0.0
    tokens: int = 0
    """Of those written: how many are left in the answer."""
    guided_answer: str = ""
    guided_exact: bool = False
    guided_parses: bool = False
    guided_passed: bool = False
    guided_calls: int = 0
    """All calls, those before guidance included."""
    guided_ms: float = 0.0
    nats: float | None = None
    """Of what really stood there, written in this way's order; None where it was not asked."""
    truth_tokens: int = 0
    forced_calls: int = 0


@dataclass(frozen=True, slots=True)
class _Column:
    """All cases of one way, in the order of the holes."""

    way: Way
    cases: Sequence[Tried]

    @property
    def has_nats(self) -> bool:
        return bool(self.cases) and all(case.nats is not None for case in self.cases)

    @property
    def has_answers(self) -> bool:
        return bool(self.cases) and all(case.answer is not None for case in self.cases)

    def point(self, measure: str, counted: Sequence[bool]) -> Point:
        """Give calls and quality of the holes that count."""
        cases = [case for case, counts in zip(self.cases, counted, strict=True) if counts]
        if measure == "nats":
            return Point([case.forced_calls for case in cases], [-(case.nats or 0.0) for case in cases])
        return Point([case.calls for case in cases], [float(getattr(case, measure)) for case in cases])


def summarise(rows: Sequence[Tried], cases: Sequence[Case], ways: Sequence[Way], calls: Sequence[float]) -> Row:
    """Put together what is written down, over the holes that every way has finished."""
    by_key = {(row.way, row.task_id): row for row in rows}
    whole = [case for case in cases if all((way.name, case.task_id) in by_key for way in ways)]
    columns = [_Column(way, [by_key[way.name, case.task_id] for case in whole]) for way in ways]
    tested = [bool(case.test) for case in whole]
    found = [_row(column, tested) for column in columns]
    for measure, cost in (("exact_percent", "calls"), ("exact_percent", "ms"), ("nats_per_token", "forced_calls")):
        _mark_front(found, measure, cost)
    return {
        "cases": len(whole),
        "tested_cases": sum(tested),
        "rows": found,
        "comparisons": _comparisons(columns, whole, tested, calls) if whole else [],
    }


def _row(column: _Column, tested: Sequence[bool]) -> Row:
    cases, way = column.cases, column.way
    with_test = [case for case, has in zip(cases, tested, strict=True) if has]
    calls = sum(case.calls for case in cases)
    likelihood = {
        "nats_per_token": _mean([case.nats or 0.0 for case in cases], sum(case.truth_tokens for case in cases), 4),
        "forced_calls": _mean([case.forced_calls for case in cases]),
    }
    answers = {
        "exact_percent": _percent([case.exact for case in cases]),
        "pass_percent": _percent([case.passed for case in with_test]),
        "parses_percent": _percent([case.parses for case in cases]),
        "guided_exact_percent": _percent([case.guided_exact for case in cases]),
        "guided_pass_percent": _percent([case.guided_passed for case in with_test]),
        "guided_parses_percent": _percent([case.guided_parses for case in cases]),
        "calls": _mean([case.calls for case in cases]),
        "guided_calls": _mean([case.guided_calls for case in cases]),
        "tokens_per_call": _mean([case.tokens for case in cases], calls),
        "ms": _mean([case.ms for case in cases]),
        "guided_ms": _mean([case.guided_ms for case in cases]),
        "ms_per_call": _mean([case.ms for case in cases], calls),
    }
    return {
        "way": way.name,
        "sampler": way.sampler,
        "cache": way.cache,
        "length": way.length,
        "is_swept": way.is_swept,
        "family": way.family,
        **(likelihood if column.has_nats else dict.fromkeys(likelihood)),
        **(answers if column.has_answers else dict.fromkeys(answers)),
        "on_front": [],
    }


def _mark_front(rows: Sequence[Row], measure: str, cost: str) -> None:
    """Note in the rows that nobody beats in a measure at a cost that they are such."""
    able = [row for row in rows if row[measure] is not None]
    sign = -1 if measure == "nats_per_token" else 1
    for k in front([row[cost] for row in able], [sign * row[measure] for row in able]):
        able[k]["on_front"].append(f"{measure} by {cost}")


def _comparisons(
    columns: Sequence[_Column], cases: Sequence[Case], tested: Sequence[bool], calls: Sequence[float]
) -> list[Row]:
    """Compare every sampler with the default under the same cache and length: at as many calls as it needs itself, and at `calls`."""
    default = next(iter(DECODERS))
    families: dict[str, list[_Column]] = {}
    for column in columns:
        families.setdefault(column.way.family, []).append(column)
    found = []
    for family, points in families.items():
        own = next((column for column in points if not column.way.is_swept), points[0])
        rival = families.get(Way(default, own.way.cache, own.way.length).name)
        if rival is None or family == rival[0].way.family:
            continue
        for measure in MEASURES:
            counted = tested if measure == "passed" else [True] * len(cases)
            every = (*points, *rival)
            asked = all(each.has_nats if measure == "nats" else each.has_answers for each in every)
            if not asked or not any(counted):
                continue
            ours = [column.point(measure, counted) for column in points]
            theirs = [column.point(measure, counted) for column in rival]
            groups = [
                case.prefix + case.canonical + case.suffix
                for case, counts in zip(cases, counted, strict=True)
                if counts
            ]
            weights = [float(case.truth_tokens) for case in own.cases] if measure == "nats" else None
            natural = own.point(measure, counted)
            for budget in (None, *calls):
                if budget is None:
                    mine, spent = list(natural.quality), natural.mean_calls
                else:
                    mine, spent = quality_at(ours, budget)
                other, rival_spent = quality_at(theirs, spent if budget is None else budget)
                if budget is not None and not (_as_many(spent, budget) and _as_many(rival_spent, budget)):
                    continue  # one of them cannot be had at so many calls
                difference = compare(mine, other, groups, weights)
                scale = 1 if measure == "nats" else 100
                found.append(
                    {
                        "way": own.way.name,
                        "measure": measure,
                        "at_calls": budget,
                        "calls": round(spent, 2),
                        "rival_calls": round(rival_spent, 2),
                        "difference": round(scale * difference.value, 4),
                        "low": round(scale * difference.low, 4),
                        "high": round(scale * difference.high, 4),
                        "verdict": difference.verdict + _unequal(spent, rival_spent),
                    }
                )
    return found


def _as_many(calls: float, others: float) -> bool:
    """Whether two numbers of calls are equal as far as a comparison at equal calls needs it."""
    return abs(calls - others) <= SLACK * others


def _unequal(calls: float, rival_calls: float) -> str:
    """Say that the default has no point at so many calls."""
    if _as_many(calls, rival_calls):
        return ""
    return f", with {'more' if calls > rival_calls else 'fewer'} calls"


def _mean(values: Sequence[float], count: float | None = None, digits: int = 2) -> float:
    count = len(values) if count is None else count
    return round(sum(values) / count, digits) if count else 0.0


def _percent(flags: Sequence[bool]) -> float | None:
    return round(100 * sum(flags) / len(flags), 1) if flags else None


WAYS_HEAD = ("sampler", "cache", "length")
COLUMNS = {
    "nats_per_token": "nats/token",
    "forced_calls": "calls (truth)",
    "exact_percent": "exact %",
    "pass_percent": "pass@1 %",
    "parses_percent": "parses %",
    "guided_exact_percent": "guided: exact %",
    "guided_pass_percent": "pass@1 %",
    "guided_parses_percent": "parses %",
    "calls": "calls",
    "guided_calls": "guided",
    "tokens_per_call": "tokens/call",
    "ms": "ms",
    "guided_ms": "guided",
    "ms_per_call": "ms/call",
}
POINTS = {
    "nats_per_token": "nats/token",
    "forced_calls": "calls (truth)",
    "exact_percent": "exact %",
    "pass_percent": "pass@1 %",
    "parses_percent": "parses %",
    "calls": "calls",
    "ms": "ms",
}
_UNITS = {"nats": "nats/token", "exact": "exact, points", "passed": "pass@1, points", "parses": "parses, points"}


def markdown(report: Row) -> str:
    """Lay a report out."""
    own = [row for row in report["rows"] if not row["is_swept"]]
    lines = [
        (
            f"{report['cases']} holes that every way has finished, {report['tested_cases']} of them with tests; model `{report['model']}` "
            f"({report['model_hash']}), {report['machine']}, {report['jobs']} at a time. *nats/token* of what really stood there, written in "
            "the order of the sampler (less is better), *calls (truth)* the model calls of that. *tokens/call* are those that are left in the answer. *guided*: after repairs."
        ),
        "",
        *table(own, WAYS_HEAD, COLUMNS),
    ]
    compared = [found for found in report["comparisons"] if found["at_calls"] is None]
    if compared:
        lines += [
            "",
            "Against the default at as many calls (between its measured points), positive is better, with 95 % of the paired bootstrap:",
            "",
        ]
        lines += _differences(compared)
    budgets = [found for found in report["comparisons"] if found["at_calls"] is not None]
    if budgets:
        lines += ["", "Both at a given number of calls a hole:", "", *_differences(budgets)]
    if len(own) < len(report["rows"]):
        lines += [
            "",
            "Points beside each sampler's own setting; **bold** is beaten by none in exactness by calls or nats by calls:",
            "",
        ]
        lines += table(report["rows"], WAYS_HEAD, POINTS, bold_front=True)
    lines += [f"\nLeft out: {way}: {why}." for way, why in report["refused"].items()]
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Row], names: Sequence[str], columns: dict[str, str], *, bold_front: bool = False) -> list[str]:
    """Lay rows out; columns that no row has are left out."""
    shown = {key: head for key, head in columns.items() if any(row[key] is not None for row in rows)}
    lines = [f"| {' | '.join([*names, *shown.values()])} |", f"| {' | '.join(['---'] * (len(names) + len(shown)))} |"]
    for row in rows:
        mark = "**" if bold_front and any(place.endswith("calls") for place in row["on_front"]) else ""
        cells = [f"{mark}`{row[names[0]]}`{mark}", *(str(row[name]) for name in names[1:])]
        cells += ["" if row[key] is None else str(row[key]) for key in shown]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _differences(found: Sequence[Row]) -> list[str]:
    lines = [
        "| way | measure | calls | default's | difference | 95 % | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        interval = f"{row['low']:+} to {row['high']:+}"
        what = f"`{row['way']}` | {_UNITS[row['measure']]} | {row['calls']} | {row['rival_calls']}"
        lines.append(f"| {what} | {row['difference']:+} | {interval} | {row['verdict']} |")
    return lines
