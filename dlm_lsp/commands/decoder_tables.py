"""What a comparison of decoders amounts to: a row for every way, differences to the default at equal calls, and the tables.

In: `Tried` cases. Out: plain dicts for JSON, and Markdown. Pure; asks no model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlm_lsp.commands.cases import Case
from dlm_lsp.commands.compare import Point, compare, front, quality_at
from dlm_lsp.commands.ways import Way
from dlm_lsp.decoders import DECODERS

Row = dict[str, Any]
_Mixed = tuple[list[float], float]
"""Quality by hole, and at what cost."""

MEASURES = ("nats", "exact", "passed", "parses")
"""What is compared; nats only where the truth was forced, passed only over holes with tests."""
OWN = "own"
"""In place of a cost: both are compared as they are, whatever either costs."""

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
    draft_calls: int = 0
    """Calls of a drafter, those of guidance included; they are not among the others."""
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

    @property
    def has_drafter(self) -> bool:
        return any(case.draft_calls for case in self.cases)

    def point(self, measure: str, cost: str, counted: Sequence[bool]) -> Point:
        """Give cost and quality of the holes that count."""
        cases = [case for case, counts in zip(self.cases, counted, strict=True) if counts]
        if measure == "nats":
            return Point([case.forced_calls for case in cases], [-(case.nats or 0.0) for case in cases])
        costs = [case.ms if cost == "ms" else case.calls for case in cases]
        return Point(costs, [float(getattr(case, measure)) for case in cases])


def summarise(
    rows: Sequence[Tried],
    cases: Sequence[Case],
    ways: Sequence[Way],
    calls: Sequence[float],
    *,
    repairs: bool = True,
) -> Row:
    """Put together what is written down, over the holes that every way has finished; without `repairs` nothing was guided."""
    by_key = {(row.way, row.task_id): row for row in rows}
    whole = [case for case in cases if all((way.name, case.task_id) in by_key for way in ways)]
    columns = [_Column(way, [by_key[way.name, case.task_id] for case in whole]) for way in ways]
    tested = [bool(case.test) for case in whole]
    found = [_row(column, tested, repairs=repairs) for column in columns]
    for measure, cost in (("exact_percent", "calls"), ("exact_percent", "ms"), ("nats_per_token", "forced_calls")):
        _mark_front(found, measure, cost)
    return {
        "cases": len(whole),
        "tested_cases": sum(tested),
        "rows": found,
        "comparisons": _comparisons(columns, whole, tested, calls) if whole else [],
    }


def _row(column: _Column, tested: Sequence[bool], *, repairs: bool) -> Row:
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
        "calls": _mean([case.calls for case in cases]),
        "draft_calls": _mean([case.draft_calls for case in cases]) if column.has_drafter else None,
        "tokens_per_call": _mean([case.tokens for case in cases], calls) if calls else None,
        "ms": _mean([case.ms for case in cases]),
        "ms_per_call": _mean([case.ms for case in cases], calls) if calls else None,
    }
    guided = {
        "guided_exact_percent": _percent([case.guided_exact for case in cases]),
        "guided_pass_percent": _percent([case.guided_passed for case in with_test]),
        "guided_parses_percent": _percent([case.guided_parses for case in cases]),
        "guided_calls": _mean([case.guided_calls for case in cases]),
        "guided_ms": _mean([case.guided_ms for case in cases]),
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
        **(guided if column.has_answers and repairs and not way.is_swept else dict.fromkeys(guided)),
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
    """Compare every way with the default one: each at its own setting, at as many calls as it needs itself, and at `calls`.

    The default is the default sampler under the same cache and length; for that sampler itself, without the cache, or at the first length.
    Where it has no points beside its own setting there is nothing at equal calls. Calls of a drafter cost less than others, nobody
    knows how much: who has one is compared in as much time instead.
    """
    families: dict[str, list[_Column]] = {}
    for column in columns:
        families.setdefault(column.way.family, []).append(column)
    found: list[Row] = []
    for points in families.values():
        rival = _rival(points[0].way, columns[0].way, families)
        has_drafter = any(column.has_drafter for column in (*points, *rival))
        for measure in MEASURES if rival else ():
            asked = all(each.has_nats if measure == "nats" else each.has_answers for each in (*points, *rival))
            counted = tested if measure == "passed" else [True] * len(cases)
            if not asked or not any(counted):
                continue
            groups = [case.document for case, counts in zip(cases, counted, strict=True) if counts]
            weights = [float(case.truth_tokens) for case in points[0].cases] if measure == "nats" else None
            scale = 1 if measure == "nats" else 100
            for cost in (OWN, *(["ms" if has_drafter else "calls"] if len(rival) > 1 else [])):
                ours = [column.point(measure, cost, counted) for column in points]
                theirs = [column.point(measure, cost, counted) for column in rival]
                for at_calls, (mine, spent), (others, rival_spent) in _pairs(ours, theirs, cost, calls):
                    difference = compare(mine, others, groups, weights)
                    found.append(
                        {
                            "way": points[0].way.name,
                            "rival": rival[0].way.name,
                            "measure": measure,
                            "cost": cost,
                            "at_calls": at_calls,
                            "spent": round(spent, 2),
                            "rival_spent": round(rival_spent, 2),
                            "difference": round(scale * difference.value, 4),
                            "low": round(scale * difference.low, 4),
                            "high": round(scale * difference.high, 4),
                            "is_certain": difference.is_certain,
                            "verdict": difference.verdict + ("" if cost == OWN else _unequal(spent, rival_spent, cost)),
                        }
                    )
    return found


def _pairs(
    ours: Sequence[Point], theirs: Sequence[Point], cost: str, calls: Sequence[float]
) -> Iterator[tuple[float | None, _Mixed, _Mixed]]:
    """Give what is compared with what: first one's own setting, then both at every number of calls at which both can be had."""
    own = (list(ours[0].quality), ours[0].mean_cost)
    yield None, own, (list(theirs[0].quality), theirs[0].mean_cost) if cost == OWN else quality_at(theirs, own[1])
    for budget in calls if cost == "calls" else ():
        mine, others = quality_at(ours, budget), quality_at(theirs, budget)
        if _as_many(mine[1], budget) and _as_many(others[1], budget):
            yield budget, mine, others


def _rival(way: Way, first: Way, families: Mapping[str, list[_Column]]) -> list[_Column]:
    """Give the points of what a way is compared with, none where there is nothing."""
    default = next(iter(DECODERS))
    for rival in (
        Way(default, way.cache, way.length),
        Way(default, "none", way.length),
        Way(default, way.cache, first.length),
        Way(default, "none", first.length),
    ):
        if rival.name in families and rival.name != way.family:
            return families[rival.name]
    return []


def _as_many(calls: float, others: float) -> bool:
    """Whether two numbers of calls are equal as far as a comparison at equal calls needs it."""
    return abs(calls - others) <= SLACK * others


def _unequal(spent: float, rival_spent: float, cost: str) -> str:
    """Say that the default has no point at the same cost."""
    if _as_many(spent, rival_spent):
        return ""
    return f", with {'more' if spent > rival_spent else 'fewer'} {cost}"


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
    "calls": "calls",
    "draft_calls": "drafter's",
    "tokens_per_call": "tokens/call",
    "ms": "ms",
    "ms_per_call": "ms/call",
    "guided_exact_percent": "guided: exact %",
    "guided_pass_percent": "pass@1 %",
    "guided_parses_percent": "parses %",
    "guided_calls": "calls",
    "guided_ms": "ms",
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
            f"({report['model_hash']}, {report['dtype']}), {report['machine']}, {report['jobs']} at a time. *nats/token* of what really stood there, written in "
            "the order of the sampler (less is better), *calls (truth)* the model calls of that. *tokens/call* are those that are left in the answer. *guided*: after repairs."
        ),
        "",
        *table(own, WAYS_HEAD, COLUMNS),
    ]
    told = "Against the default, positive is better, with 95 % of the paired bootstrap,"
    for cost, name in (
        (OWN, "each at its own setting"),
        ("calls", "at as many model calls"),
        ("ms", "in as much time"),
    ):
        compared = [row for row in report["comparisons"] if row["at_calls"] is None and row["cost"] == cost]
        if compared:
            lines += ["", f"{told} {name}:", "", *_differences(compared)]
    budgets = [row for row in report["comparisons"] if row["at_calls"] is not None]
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
    cost = "ms" if found[0]["cost"] == "ms" else "calls"
    lines = [f"| way | against | measure | {cost} | its {cost} | difference | 95 % | |", f"|{' --- |' * 8}"]
    for row in found:
        interval = f"{row['low']:+} to {row['high']:+}"
        what = f"`{row['way']}` | `{row['rival']}` | {_UNITS[row['measure']]} | {row['spent']} | {row['rival_spent']}"
        lines.append(f"| {what} | {row['difference']:+} | {interval} | {row['verdict']} |")
    return lines
