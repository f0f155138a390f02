"""The measured part of docs/samplers.md: a table for every result of `dlm-lsp bench decoders`, who wins where, and which sampler the default ought to be.

In: benchmarks/results/decoders*.json. Out: Markdown. Every sentence here is made of numbers or chosen by them: none has to be mended when the
numbers change.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dlm_lsp.commands.compare import LEVEL, RESAMPLES
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
    "exact": "exact answers",
    "nats": "log-likelihood",
    "passed": "pass@1",
    "parses": "answers that parse",
}
UNITS = {"exact": "points", "nats": "nats/token", "passed": "points", "parses": "points"}
COSTS = {"calls": "at as many calls", "ms": "in as much time", OWN: "as they are, whatever they cost"}
"""The fair comparison first."""
FAIR = ("calls", "ms")
"""Costs of which every way has one, by which it is compared at equal cost."""
RANKED_HOLES = 1000
"""So many held-out holes a ranking needs."""
FEWER_CALLS = 3
"""So many times fewer calls than Dream's own sampler the default is meant to need."""

SURE = f"{100 * LEVEL:g} %"
READING = f"""Every table is made by one line of `make bench-decoders`: all its rows filled the same holes with the same model. *calls* are model
calls a hole, what decoding costs; *exact %* of the answers are what really stood there, *pass@1 %* pass the hole's test, *parses %* parse where
they stand; *nats/token* is how unlikely a sampler finds what really stood there when it has to write it, less is better.

Calls cost, so samplers are compared at as many calls: with the default at the threshold that spends as much, interpolated linearly
between two measured ones. *With more calls* means that it has no such threshold: it is compared at its dearest (*with fewer
calls*: at its cheapest). *Better* and *worse* is only what the paired bootstrap over documents shows with {SURE}; all else is a tie, however
the columns look."""
"""What a reader must know who has not seen such a table."""

Report = Mapping[str, Any]


def measured() -> str:
    """Lay out every result there is: what it comes to, the rule that it comes to that by, the tables."""
    reports = {
        file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("decoders*.json"))
    }
    if not reports:
        return "## Measured\n\nNothing yet: it has not been run."
    ordered = [*(stem for stem in TITLES if stem in reports), *(stem for stem in reports if stem not in TITLES)]
    titled = {TITLES.get(stem, stem): reports[stem] for stem in ordered}
    short = [
        f"- {ranking(reports.get(ON_CORPUS), reports.get(LIKELIHOOD))}",
        f"- {beside_dream(reports[ON_TESTS])}" if ON_TESTS in reports else "",
        winners(titled),
    ]
    parts = ["## Measured", "### In short", "\n".join(filter(None, short)), "### How to read the tables", READING]
    parts += ["### How the default is chosen", rule()]
    for stem, (title, report) in zip(ordered, titled.items(), strict=True):
        parts += [f"### {title}", result(report, stem)]
    return "\n\n".join(parts)


def rule() -> str:
    """Say by which rule the default is chosen."""
    return (
        f"On at least {RANKED_HOLES:,} holes of files that were held out of training, by exact answers and by the likelihood of what really stood "
        "there. A sampler takes the default's place if\n\n"
        "- at as many model calls as it needs itself it is better in one of the two and worse in neither, and\n"
        "- as it is, whatever the calls, it is worse in neither.\n\n"
        f"Worse is what the paired bootstrap shows with {SURE}; better, as so many are compared, what every single one of its {RESAMPLES:,} draws "
        "shows. A tie leaves the default where it is."
    )


def ranking(answers: Report | None, likelihood: Report | None) -> str:
    """Say which sampler the default ought to be by the rule."""
    default = next(iter(DECODERS))
    kept = f"`{default}` is the default; the rule by which another would take its place has not been applied"
    if answers is None or likelihood is None or answers["model_hash"] != likelihood["model_hash"]:
        return f"{kept}: there are not both measurements of one model."
    if min(answers["cases"], likelihood["cases"]) < RANKED_HOLES:
        return f"{kept}: {answers['cases']} and {likelihood['cases']} holes are too few."
    words = by_sampler(answers, likelihood)
    able = [sampler for sampler, found in words.items() if takes_place(found)]
    rest = [name for name, decoder in DECODERS.items() if not decoder.is_strategy and name not in {default, *words}]
    unknown = f" Not ranked, for want of a measurement: {code(rest)}." if rest else ""
    if not able:
        return f"**`{default}` stays the default: none of {len(words)} others takes its place** by the rule below.{unknown}"
    exact = {row["sampler"]: row["exact_percent"] for row in answers["rows"] if not row["is_swept"]}
    best = max(able, key=lambda sampler: exact[sampler])
    also = (
        f" So does {code(each for each in able if each != best)}, with no more exact answers." if len(able) > 1 else ""
    )
    return f"**By the rule below `{best}` takes the place of `{default}`**, which `dlm_lsp/decoders.py` still has first.{also}{unknown}"


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
        f"Dream's own sampler, on {report['tested_cases']} holes with tests, passes {dream['pass_percent']} % with {dream['calls']} calls a hole; "
        f"`{default}` passes {own['pass_percent']} % with {own['calls']}."
    )
    if cheapest is None:
        return f"{told} No measured setting of `{default}` passes as many."
    times = dream["calls"] / cheapest["calls"]
    met = "met" if times >= FEWER_CALLS else "not met"
    return (
        f"{told} The cheapest setting that passes as many as Dream's is `{cheapest['sampler']}` ({cheapest['pass_percent']} %, {cheapest['calls']} "
        f"calls): Dream's needs {times:.2f} times its calls. The aim, at least {FEWER_CALLS} times, is {met}."
    )


def winners(titled: Mapping[str, Report]) -> str:
    """Say in one place who beats the default where, at as many calls."""
    lines = []
    for title, report in titled.items():
        by_measure: dict[str, list[str]] = {}
        for row in filter(wins, fair(report)):
            gain = f"{row['difference']:+.3g} {UNITS[row['measure']]}"
            by_measure.setdefault(NAMES[row["measure"]], []).append(f"`{short_name(row)}` ({gain})")
        told = [f"{name}: {', '.join(found)}" for name, found in by_measure.items()]
        if fair(report):
            lines.append(f"  - {title}: {'; '.join(told) or 'nobody'}.")
    return "- Better than the default at as many calls or fewer:\n" + "\n".join(lines) if lines else ""


def fair(report: Report) -> list[Report]:
    """Give the comparisons at what each costs itself: at as many calls, or in as much time where there is a drafter."""
    return [row for row in report["comparisons"] if row["cost"] in FAIR and row["at_calls"] is None]


def wins(row: Report) -> bool:
    """Whether a comparison at equal cost shows somebody to be better, at as many calls or fewer."""
    return row["cost"] in FAIR and row["verdict"].startswith("better") and "with more" not in row["verdict"]


def result(report: Report, stem: str) -> str:
    """Lay out one result: what was measured on what, what it shows, the rows, and every difference from the default."""
    own = [row for row in report["rows"] if not row["is_swept"]]
    about = (
        f"{report['cases']} holes of {', '.join(report['holes'])}, {report['tested_cases']} of them with tests; model `{report['model']}` "
        f"({report['model_hash']}, {report.get('dtype') or report['settings']['dtype']}), {report['settings']['repair_rounds']} repair rounds, "
        f"{report['machine']}, {report['jobs']} at a time: [`{stem}.json`](../benchmarks/results/{stem}.json)."
    )
    legend = [
        f"*{COLUMNS[key]}*: {text}" for key, text in LEGEND.items() if any(row.get(key) is not None for row in own)
    ]
    parts = [about, shown(report), "\n".join(table(own, WAYS_HEAD, COLUMNS)), " ".join(legend)]
    refused: dict[str, list[str]] = {}
    for way, why in report["refused"].items():
        refused.setdefault(why, []).append(way)
    parts += [f"Left out: {code(ways)}: {why}." for why, ways in refused.items()]
    if (RESULTS / f"{stem}.svg").is_file():
        parts.append(f"![quality by calls](../benchmarks/results/{stem}.svg)")
    return "\n\n".join(filter(None, [*parts, differences(report)]))


LEGEND = {
    "forced_calls": "the model calls of writing what really stood there. None of it is taken back: rules whose plan would, `p2` above all, "
    "also make calls that change nothing.",
    "draft_calls": "calls of a drafter, which are not among the others.",
    "tokens_per_call": "those that are left in the answer.",
    "guided_exact_percent": "this and what follows: after repairs.",
}
"""What columns mean that neither they nor READING say."""


def shown(report: Report) -> str:
    """Say by measure who is better and who is worse at as many calls, before any number."""
    rows = fair(report)
    lines = []
    for measure, name in NAMES.items():
        asked = [row for row in rows if row["measure"] == measure]
        who = {
            word: [f"`{short_name(row)}`{unequal(row)}" for row in asked if row["verdict"].startswith(word)]
            for word in ("better", "worse", "no difference")
        }
        told = [f"{word}: {', '.join(who[word]) or 'nobody'}" for word in ("better", "worse")]
        if asked:
            ties = f"{len(who['no difference'])} of {len(asked)} tie"
            lines.append(f"- {name[0].upper()}{name[1:]}: {'; '.join(told)}; {ties}.")
    drafters = ", with a drafter in as much time" if any(row["cost"] == "ms" for row in rows) else ""
    return f"What it shows, against the default at as many calls{drafters}:\n\n" + "\n".join(lines) if lines else ""


def differences(report: Report) -> str:
    """Lay out every difference from the default with its interval, a table for each cost."""
    tables = []
    for cost, where in COSTS.items():
        rows = [row for row in report["comparisons"] if row["cost"] == cost and row["at_calls"] is None]
        measures = [measure for measure in NAMES if any(row["measure"] == measure for row in rows)]
        cells = {(row["way"], row["measure"]): cell(row) for row in rows}
        if rows:
            heads = [f"{NAMES[measure]}, {UNITS[measure]}" for measure in measures]
            lines = [
                f"{where[0].upper()}{where[1:]}:",
                "",
                f"| | against | {' | '.join(heads)} |",
                f"|{' --- |' * (2 + len(heads))}",
            ]
            for row in {row["way"]: row for row in rows}.values():
                found = [cells.get((row["way"], measure), "") for measure in measures]
                lines.append(f"| `{short_name(row)}` | `{row['rival']}` | {' | '.join(found)} |")
            tables.append("\n".join(lines))
    if not tables:
        return ""
    head = f"<summary>Every difference from the default with its interval of {SURE}; positive is better, <b>bold</b> is shown</summary>"
    return "\n\n".join([f"<details>{head}", *tables, "</details>"])


def cell(row: Report) -> str:
    """Write a difference."""
    mark = "" if row["verdict"].startswith("no difference") else "**"
    return f"{mark}{row['difference']:+.3g}{mark} [{row['low']:+.3g}, {row['high']:+.3g}]{unequal(row)}"


def unequal(row: Report) -> str:
    """Say where the default has no setting that costs as much."""
    word = row["verdict"].partition(", ")[2]
    return f" ({word})" if word else ""


def short_name(row: Report) -> str:
    """Name what was compared, by what is not the other's too."""
    parts, others = row["way"].split(" / "), row["rival"].split(" / ")
    return " / ".join(part for part, other in zip(parts, others, strict=True) if part != other)


def code(names: Iterable[str]) -> str:
    """List names as code."""
    return ", ".join(f"`{name}`" for name in names)
