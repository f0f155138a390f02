"""What a benchmark's finished cases amount to: shares by kind, a paired comparison, and the tables that people read.

In: `Scored` cases. Out: plain dicts for JSON and text in Markdown. Pure; asks no model and runs no test.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ALL = "all"
THRESHOLDS = (-6.0, -3.0, -2.0, -1.5, -1.0, -0.7, -0.5, -0.3)
"""Of the mean log-probability per token."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One case under one variant or floor, as it is kept on disk."""

    variant: str
    task_id: str
    kind: str
    answer: str
    answered: bool
    exact: bool
    parses: bool
    passed: bool
    reason: str
    """How the test ended, or why there is no answer."""
    steps: int = 0
    """Model calls; 0 where there was none or no answer."""
    ms: float = 0.0
    """From the request to the judged answer, as the editor's side sees it."""
    written_tokens: int = 0
    shown_tokens: int = 0
    """How many of the written ones the gate has left."""
    mean_logprob: float = 0.0
    repaired: bool = False
    """Whether guidance spent any model call on this hole."""


def summarise(cases: Sequence[Scored]) -> list[dict[str, Any]]:
    """Give one row per variant and kind, and one per variant over all kinds."""
    rows = []
    for variant in dict.fromkeys(case.variant for case in cases):
        own = [case for case in cases if case.variant == variant]
        kinds = [*dict.fromkeys(case.kind for case in own), ALL]
        rows += [_row(variant, kind, [case for case in own if kind in {case.kind, ALL}]) for kind in kinds]
    return rows


def _row(variant: str, kind: str, cases: Sequence[Scored]) -> dict[str, Any]:
    times = [case.ms for case in cases]
    calls = [case.steps for case in cases if case.steps]
    return {
        "variant": variant,
        "kind": kind,
        "cases": len(cases),
        "pass_percent": _percent([case.passed for case in cases]),
        "exact_percent": _percent([case.exact for case in cases]),
        "parses_percent": _percent([case.parses for case in cases]),
        "answered_percent": _percent([case.answered for case in cases]),
        "model_calls": _mean(calls),
        "p50_ms": percentile(times, 0.5),
        "p90_ms": percentile(times, 0.9),
        "written_tokens": _mean([case.written_tokens for case in cases]),
        "shown_tokens": _mean([case.shown_tokens for case in cases]),
    }


def compare_repairs(cases: Sequence[Scored]) -> dict[str, Any]:
    """Look at the holes on which guidance spent model calls: how many, and what each variant makes of them."""
    variants = dict.fromkeys(case.variant for case in cases if case.steps)
    asked = {case.task_id for case in cases if case.variant in variants}
    repaired = {case.task_id for case in cases if case.repaired}
    rows = {}
    for variant in variants:
        own = [case for case in cases if case.variant == variant and case.task_id in repaired]
        rows[variant] = {
            "parses_percent": _percent([case.parses for case in own]),
            "pass_percent": _percent([case.passed for case in own]),
            "model_calls": _mean([case.steps for case in own]),
        }
    return {"cases": len(repaired), "ran_percent": _percent([name in repaired for name in asked]), "variants": rows}


def by_threshold(cases: Sequence[Scored], variant: str = "gated") -> list[dict[str, Any]]:
    """Say what would be shown unasked at several values of the setting min_logprob, and how much of it is right."""
    own = [case for case in cases if case.variant == variant]
    rows = []
    for threshold in THRESHOLDS if own else ():
        shown = [case for case in own if case.answered and case.mean_logprob >= threshold]
        rows.append(
            {
                "min_logprob": threshold,
                "shown_percent": _percent([case in shown for case in own]),
                "of_these_parse_percent": _percent([case.parses for case in shown]),
                "of_these_pass_percent": _percent([case.passed for case in shown]),
            }
        )
    return rows


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 1) if values else 0.0


def _percent(flags: Sequence[bool]) -> float:
    return round(100 * sum(flags) / len(flags), 1) if flags else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else 0.0


def sign_test(cases: Sequence[Scored], variant: str, floor: str) -> dict[str, Any]:
    """Compare two variants on the cases that both have: wins, losses, and how likely chance alone is (two-sided)."""
    passed = {(case.variant, case.task_id): case.passed for case in cases}
    pairs = [
        (passed[variant, name], passed[floor, name]) for v, name in passed if v == variant and (floor, name) in passed
    ]
    wins = sum(ours and not theirs for ours, theirs in pairs)
    losses = sum(theirs and not ours for ours, theirs in pairs)
    differing = wins + losses
    tail = sum(math.comb(differing, k) for k in range(min(wins, losses) + 1))
    return {
        "variant": variant,
        "floor": floor,
        "cases": len(pairs),
        "wins": wins,
        "losses": losses,
        "p": min(1.0, 2 * tail / 2**differing),
    }


def markdown(report: dict[str, Any]) -> str:
    """Lay a report out as Markdown."""
    lines = [
        "| variant | kind | cases | pass@1 % | exact % | parses % | answered % | model calls | p50 ms | p90 ms | tokens | shown |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in report["rows"]]
    for found in report["comparisons"]:
        verdict = f"{found['wins']} won, {found['losses']} lost, sign test p = {found['p']:.3g}"
        lines += [
            "",
            f"{found['variant']} against the floor '{found['floor']}' on the same {found['cases']} holes: {verdict}.",
        ]
    repairs = report["guidance"]
    if repairs["cases"]:
        lines += [
            "",
            f"Guidance ran on {repairs['cases']} holes, {repairs['ran_percent']} %; on these:",
            "",
            "| variant | parses % | pass@1 % | model calls |",
            "| --- | --- | --- | --- |",
            *(f"| {name} | " + " | ".join(map(str, row.values())) + " |" for name, row in repairs["variants"].items()),
        ]
    if report["thresholds"]:
        lines += [
            "",
            "Shown unasked, by the least mean log-probability per token:",
            "",
            "| min_logprob | shown % | of these parse % | of these pass % |",
            "| --- | --- | --- | --- |",
            *("| " + " | ".join(map(str, row.values())) + " |" for row in report["thresholds"]),
        ]
    return "\n".join(lines) + "\n"
