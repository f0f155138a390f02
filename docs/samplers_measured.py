"""The measured part of docs/samplers.md: a table for every result of `dlm-lsp bench decoders`, who wins where, and which sampler the default ought to be.

In: benchmarks/results/decoders*.json. Out: Markdown. Every sentence here is made of numbers or chosen by them: none has to be mended when the
numbers change.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dlm_lsp.commands.compare import RESAMPLES
from dlm_lsp.commands.decoder_tables import COLUMNS, OWN, WAYS_HEAD, table
from dlm_lsp.decoders import DECODERS

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
ON_TESTS, ON_CORPUS, LIKELIHOOD = "decoders-dev", "decoders-corpus", "decoders"
TITLES = {
    ON_TESTS: "Samplers, on holes with tests",
    ON_CORPUS: "Samplers, on files that were held out of training",
    LIKELIHOOD: "Samplers, how likely they find what really stood there",
    "decoders-strategies": "Strategies, on holes with tests",
    "decoders-caches": "Caches, on holes with tests",
    "decoders-lengths": "Lengths, on holes with tests",
}
"""By file, in the page's order; what else there is comes behind."""
NAMES = {
    "exact": "exact answers, points",
    "nats": "log-likelihood, nats/token",
    "passed": "pass@1, points",
    "parses": "answers that parse, points",
}
COSTS = {OWN: "as they are", "calls": "at as many calls", "ms": "in as much time"}
RANKED_HOLES = 1000
"""So many held-out holes a ranking needs."""
FEWER_CALLS = 3
"""So many times fewer calls than Dream's own sampler the default is meant to need."""

Report = Mapping[str, Any]


def measured() -> str:
    """Lay out every result there is."""
    reports = {
        file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("decoders*.json"))
    }
    parts = [
        "## Measured",
        "By `make bench-decoders`, whose lines in the Makefile are the commands of the tables, one each.",
    ]
    if not reports:
        parts.append("Nothing yet: it has not been run.")
    else:
        parts += ["### The default", ranking(reports.get(ON_CORPUS), reports.get(LIKELIHOOD))]
    if ON_TESTS in reports:
        parts.append(beside_dream(reports[ON_TESTS]))
    ordered = [*(stem for stem in TITLES if stem in reports), *(stem for stem in reports if stem not in TITLES)]
    titled = {TITLES.get(stem, stem): reports[stem] for stem in ordered}
    if reports:
        parts.append(winners(titled))
    for stem, (title, report) in zip(ordered, titled.items(), strict=True):
        parts += [f"### {title}", result(report, stem)]
    return "\n\n".join(part for part in parts if part)


def ranking(answers: Report | None, likelihood: Report | None) -> str:
    """Say by which rule the default is chosen, and what it comes to."""
    default = next(iter(DECODERS))
    rule = (
        f"The rule: by exact answers and by the likelihood of what really stood there, on at least {RANKED_HOLES:,} holes of files that were held "
        "out of training, a sampler takes the default's place if at as many model calls as it needs itself it is better in one and worse in "
        "neither, and as it is, whatever the calls, worse in neither. Worse is what the paired bootstrap shows with 95 %; better, as so many "
        f"are compared, what every single one of its {RESAMPLES:,} draws shows. Whatever is no more than a tie leaves `{default}` where it is."
    )
    if answers is None or likelihood is None or answers["model_hash"] != likelihood["model_hash"]:
        return f"{rule} It has not been applied: there are not both measurements of one model."
    if min(answers["cases"], likelihood["cases"]) < RANKED_HOLES:
        return f"{rule} It has not been applied: {answers['cases']} and {likelihood['cases']} holes are too few."
    words = by_sampler(answers, likelihood)
    able = [sampler for sampler, found in words.items() if takes_place(found)]
    rest = [name for name, decoder in DECODERS.items() if not decoder.is_strategy and name not in {default, *words}]
    unknown = f" Not ranked, for want of a measurement: {code(rest)}." if rest else ""
    if not able:
        return f"{rule} **None of {len(words)} does: `{default}` stays.**{unknown}"
    exact = {row["sampler"]: row["exact_percent"] for row in answers["rows"] if not row["is_swept"]}
    best = max(able, key=lambda sampler: exact[sampler])
    also = f" So do {code(each for each in able if each != best)}, with no more exact answers." if len(able) > 1 else ""
    return f"{rule} **By it `{best}` takes the place of `{default}`**, which `dlm_lsp/decoders.py` still has first.{also}{unknown}"


def by_sampler(answers: Report, likelihood: Report) -> dict[str, dict[tuple[str, str], Report]]:
    """Collect by sampler, and by measure and cost, the comparisons with the default; of those that are in both."""
    found: dict[str, dict[tuple[str, str], Report]] = {}
    for report, measure in ((answers, "exact"), (likelihood, "nats")):
        for row in report["comparisons"]:
            if row["measure"] == measure and row["at_calls"] is None:
                found.setdefault(row["way"].partition(" / ")[0], {})[measure, row["cost"]] = row
    found.pop(next(iter(DECODERS)), None)  # with another cache or length
    return {sampler: each for sampler, each in found.items() if {("exact", OWN), ("nats", OWN)} <= each.keys()}


def takes_place(comparisons: Mapping[tuple[str, str], Report]) -> bool:
    """Whether a sampler takes the default's place."""
    rows = comparisons.values()
    return any(wins(row) and row["is_certain"] for row in rows) and not any(
        row["verdict"].startswith("worse") for row in rows
    )


def beside_dream(report: Report) -> str:
    """Say how many calls the default needs beside Dream's own sampler, and what either passes."""
    default = next(iter(DECODERS))
    rows = {row["sampler"]: row for row in report["rows"]}
    if not {default, "dream"} <= rows.keys():
        return ""
    dream, own = rows["dream"], rows[default]
    points = [row for row in report["rows"] if row["family"] == own["family"] and row["pass_percent"] is not None]
    good = [row for row in points if row["pass_percent"] >= (dream["pass_percent"] or 0)]
    cheapest = min(good, key=lambda row: row["calls"], default=None)
    told = (
        f"Beside Dream's own sampler, on {report['tested_cases']} holes with tests: `dream` needs {dream['calls']} calls a hole and passes "
        f"{dream['pass_percent']} %, `{default}` needs {own['calls']} and passes {own['pass_percent']} %."
    )
    if cheapest is None:
        return f"{told} No measured setting of `{default}` passes as many."
    times = dream["calls"] / cheapest["calls"]
    met = "met" if times >= FEWER_CALLS else "not met"
    return (
        f"{told} The cheapest of its settings that passes at least as many is `{cheapest['sampler']}`, with {cheapest['calls']} calls and "
        f"{cheapest['pass_percent']} %: Dream's needs {times:.2f} times as many. The aim, at least {FEWER_CALLS} times as many, is {met}."
    )


def winners(titled: Mapping[str, Report]) -> str:
    """Say in one place who beats the default where, at as many calls."""
    lines = []
    for title, report in titled.items():
        by_measure = {
            name: [described(row) for row in report["comparisons"] if row["measure"] == measure and wins(row)]
            for measure, name in NAMES.items()
        }
        told = [f"{name}: {', '.join(found)}" for name, found in by_measure.items() if found]
        if any(row["cost"] == "calls" for row in report["comparisons"]):
            lines.append(f"- {title}: {'; '.join(told) or 'nobody'}.")
    return "Better than the default at as many calls, or fewer:\n\n" + "\n".join(lines) if lines else ""


def wins(row: Report) -> bool:
    """Whether a comparison shows somebody to be better at as many calls, or fewer."""
    is_equal = row["cost"] == "calls" and row["at_calls"] is None
    return is_equal and row["verdict"].startswith("better") and "with more" not in row["verdict"]


def result(report: Report, stem: str) -> str:
    """Lay out one result: what was measured on what, the rows, and who is better or worse than the default."""
    own = [row for row in report["rows"] if not row["is_swept"]]
    told = [
        (
            f"[`{stem}.json`](../benchmarks/results/{stem}.json): {report['cases']} holes of {', '.join(report['holes'])}, "
            f"{report['tested_cases']} of them with tests; model `{report['model']}` ({report['model_hash']}, "
            f"{report.get('dtype') or report['settings']['dtype']}), {report['settings']['repair_rounds']} repair rounds, {report['machine']}, "
            f"{report['jobs']} at a time."
        ),
        *(f"*{COLUMNS[key]}*: {text}" for key, text in LEGEND.items() if any(row.get(key) is not None for row in own)),
    ]
    parts = [" ".join(told), "\n".join(table(own, WAYS_HEAD, COLUMNS)), *differences(report)]
    parts += [f"Left out: {code([way])}: {why}." for way, why in report["refused"].items()]
    if (RESULTS / f"{stem}.svg").is_file():
        parts.append(f"![quality by calls](../benchmarks/results/{stem}.svg)")
    return "\n\n".join(parts)


LEGEND = {
    "nats_per_token": "of what really stood there, written in the order of the sampler; less is better.",
    "forced_calls": "the model calls of that.",
    "draft_calls": "calls of a drafter, which are not among the others.",
    "tokens_per_call": "those that are left in the answer.",
    "guided_exact_percent": "this and what follows: after repairs.",
}
"""What columns mean that do not say so themselves."""


def differences(report: Report) -> list[str]:
    """Say by measure and cost who is better, worse, or no different from what it is compared with (paired bootstrap)."""
    rows = [row for row in report["comparisons"] if row["at_calls"] is None]
    lines = []
    for measure, name in NAMES.items():
        for cost, where in COSTS.items():
            by_verdict: dict[str, list[str]] = {}
            for row in rows:
                if (row["measure"], row["cost"]) == (measure, cost):
                    by_verdict.setdefault(row["verdict"], []).append(described(row))
            told = [f"*{verdict}*: {', '.join(by_verdict[verdict])}" for verdict in sorted(by_verdict, key=place_of)]
            if told:
                won = [] if told[0].startswith("*better") else ["nobody is better"]
                lines.append(f"- {name[0].upper()}{name[1:]}, {where}: {'; '.join([*won, *told])}.")
    if not lines:
        return []
    against = code(dict.fromkeys(row["rival"] for row in rows))
    return [f"Against {against}; positive is better, with 95 % of the paired bootstrap:\n\n" + "\n".join(lines)]


def place_of(verdict: str) -> tuple[int, str]:
    """Sort what is better first, then what is worse."""
    return 0 if verdict.startswith("better") else 1 if verdict.startswith("worse") else 2, verdict


def described(row: Report) -> str:
    """Name what was compared, by what is not the other's too, with the difference and its interval where one is shown."""
    parts, others = row["way"].split(" / "), row["rival"].split(" / ")
    name = f"`{' / '.join(part for part, other in zip(parts, others, strict=True) if part != other)}`"
    if row["verdict"].startswith("no difference"):
        return name
    return f"{name} ({row['difference']:+.3g}, {row['low']:+.3g} to {row['high']:+.3g})"


def code(names: Iterable[str]) -> str:
    """List names as code."""
    return ", ".join(f"`{name}`" for name in names)
