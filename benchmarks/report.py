"""Writes the tables of the README, docs/quality.md and docs/performance.md from the result files, so that no number was typed by hand.

    python benchmarks/report.py            # rewrite them between their marks
    python benchmarks/report.py --check    # exit 1 if one would change

In: benchmarks/results/quality.json (`benchmarks/quality.py`), nano.json (`training/evaluate.py`) and, once it is measured, ladder.json
(`benchmarks/ladder.py`); for docs/performance.md whatever Markdown its marks name. Out: the pages.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
QUALITY = HERE.parent / "docs" / "quality.md"
PERFORMANCE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- numbers: written by benchmarks/report.py -->", "<!-- end of numbers -->"
INCLUDED = re.compile(r"(<!-- from benchmarks/results/(?P<name>[\w.-]+\.md) -->\n).*?(<!-- end -->)", re.DOTALL)
"""A place where a file of results stands as it is."""
COLUMNS = (
    *("exact_percent", "parses_percent", "answered_percent"),
    *("model_calls", "written_tokens", "shown_tokens", "p50_ms"),
)
NAMES = (
    "*unguided*: neither repaired nor withheld; *guided*: repaired; *gated*: repaired, then cut back or withheld, as the server "
    "answers; *resampled*: instead of each repair at least as many model calls on whole answers drawn at temperature 0.7, the first "
    "that fits is taken; the others are fillings without a model. *tokens*, *kept*: written for the answer, and left by the gate."
)
KINDS = ("single-line", "multi-line", "random-span", "random-span-light", "all")


def main() -> int:
    """Write, or check, the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a page is not up to date")
    options = parser.parse_args()
    stale = []
    for page, write in (
        (README, lambda old, results: with_numbers(old, short_numbers(results))),
        (QUALITY, lambda old, results: with_numbers(old, numbers(results))),
        (PERFORMANCE, with_results),
    ):
        old = page.read_text(encoding="utf-8")
        new = write(old, HERE / "results")
        if new == old:
            continue
        stale.append(page.name)
        if not options.check:
            page.write_text(new, encoding="utf-8")
    if options.check and stale:
        print(f"{' and '.join(stale)}: not what benchmarks/report.py writes", file=sys.stderr)
        return 1
    return 0


def with_numbers(page: str, told: str) -> str:
    """Put a page's numbers between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n\n" + told + "\n" + END + after


def with_results(page: str, results: Path) -> str:
    """Put whole files of results between the marks that name them."""

    def include(mark: re.Match[str]) -> str:
        file = results / mark["name"]
        text = file.read_text(encoding="utf-8").strip() if file.is_file() else "*Not measured yet.*"
        return f"{mark[1]}\n{text}\n\n{mark[3]}"

    return INCLUDED.sub(include, page)


def numbers(results: Path) -> str:
    """Lay out how good it is."""
    quality = json.loads((results / "quality.json").read_text(encoding="utf-8"))
    heldout = json.loads((results / "nano.json").read_text(encoding="utf-8"))
    return "\n".join([quality_table(quality), heldout_table(heldout)])


def short_numbers(results: Path) -> str:
    """Lay out what a newcomer wants to know: how good, and how fast."""
    tables = [short_table(json.loads((results / "quality.json").read_text(encoding="utf-8")))]
    if (results / "ladder.json").is_file():
        tables.append(speed_table(json.loads((results / "ladder.json").read_text(encoding="utf-8"))))
    return "\n".join(tables)


def short_table(result: dict[str, Any]) -> str:
    """Of the quality what the server does, beside what it would do without repairs and beside the best filling without a model."""
    rows = {(row["variant"], row["kind"]): row for row in result["rows"]}
    best = result["comparisons"][0]["floor"]
    lines = [
        (
            f"{rows['guided', 'all']['cases']} holes of HumanEval-Infilling, length unknown, model `{result['model']}`; "
            "docs/quality.md has all rows and what they mean."
        ),
        "",
        "| | pass@1 % single-line | all | parses % | answered % | model calls | p50 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for variant, name in (
        ("gated", "as the server answers"),
        ("unguided", "without repairs"),
        ("resampled", "drawn anew instead of repaired"),
        (best, f"`{best}` in every hole, no model"),
    ):
        row = rows[variant, "all"]
        values = [rows[variant, "single-line"]["pass_percent"], row["pass_percent"], row["parses_percent"]]
        values += [row["answered_percent"], *([row["model_calls"], row["p50_ms"]] if row["model_calls"] else ["", ""])]
        lines.append(f"| {name} | " + " | ".join(map(str, values)) + " |")
    return "\n".join(lines) + "\n"


def quality_table(result: dict[str, Any]) -> str:
    """Holes with tests: what passes, parses and is answered, beside fillings that need no model."""
    rows = {(row["variant"], row["kind"]): row for row in result["rows"]}
    variants = dict.fromkeys(row["variant"] for row in result["rows"])
    holes = ", ".join(f"{rows['guided', kind]['cases']} {kind}" for kind in KINDS[:-1])
    lines = [
        (
            f"`benchmarks/quality.py`, model `{result['model']}` ({result['model_hash']}), {result['machine']}, threshold "
            f"{result['settings']['threshold']}, {result['settings']['repair_rounds']} repair rounds. Holes of HumanEval-Infilling "
            f"({holes}), length unknown, greedy, invoked. An empty or withheld answer counts as not passing and not parsing. "
            f"{NAMES}"
        ),
        "",
        "| | pass@1 % single-line | multi-line | random-span | light | all | exact % | parses % | answered % | calls | tokens | kept | p50 ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for variant in variants:
        passed = [f"{rows[variant, kind]['pass_percent']}" for kind in KINDS]
        row = rows[variant, "all"]
        rest = [row[key] if row["model_calls"] or "percent" in key else "" for key in COLUMNS]
        lines.append(f"| {variant} | {' | '.join(passed)} | {' | '.join(map(str, rest))} |")
    lines += [
        f"\n{found['variant']} against the best floor, '{found['floor']}', on the same {found['cases']} holes: {found['wins']} won, "
        f"{found['losses']} lost (sign test p = {found['p']:.2g})."
        for found in result["comparisons"]
    ]
    return "\n".join(lines) + "\n" + repairs_table(result)


def repairs_table(result: dict[str, Any]) -> str:
    """What guidance does where it runs, and what is right of what would be shown unasked."""
    repairs = result["guidance"]
    lines = [
        f"\nGuidance ran on {repairs['ran_percent']} % of the holes ({repairs['cases']}). On these:",
        "",
        "| | parses % | pass@1 % | calls |",
        "| --- | --- | --- | --- |",
        *(f"| {name} | " + " | ".join(map(str, row.values())) + " |" for name, row in repairs["variants"].items()),
        "\nUnasked answers are shown from a mean log-probability per token on (setting `minLogprob`). Of these holes:",
        "",
        "| minLogprob | shown % | of these parse % | pass % |",
        "| --- | --- | --- | --- |",
        *("| " + " | ".join(map(str, row.values())) + " |" for row in result["thresholds"]),
    ]
    return "\n".join(lines) + "\n"


def speed_table(result: dict[str, Any]) -> str:
    """How soon a user sees an answer, from the ladder's targets."""
    lines = [
        (
            f"`benchmarks/ladder.py`, model `{result['model']}` ({result['model_hash']}), {result['machine']}, torch {result['torch']}, "
            f"commit {result['commit']}, load {result['load_before']} before and {result['load_after']} after. Milliseconds over stdio, "
            "asked while somebody types; window as trained. *Known*: asked again or typed through, no model call. More in "
            "docs/performance.md."
        ),
        "",
        "| hole | asked | cold p50 | warm p50 | p95 | known p50 | model calls per token written | parses % | pass@1 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for cell in (each for each in result["cells"] if each["group"] != "grid"):
        cold, warm, known = (cell["states"].get(state, {}) for state in ("cold", "warm", "repeated"))
        values = [
            cell["cases"],
            cold.get("p50"),
            warm.get("p50"),
            warm.get("p95"),
            known.get("p50"),
            cold.get("calls_per_written_token"),
        ]
        values += [cell["parses_percent"], cell["pass_percent"]]
        told = " | ".join("" if value is None else str(value) for value in values)
        lines.append(f"| {cell['group']}, ≤ {cell['hole_tokens']} tokens | {told} |")
    return "\n".join(lines) + "\n"


def heldout_table(result: dict[str, Any]) -> str:
    """Files and packages that training never saw: nats per hidden token, beside a bigram model."""
    lines = [
        (
            "`training/evaluate.py`, weights as shipped, 1 thread. *Any share hidden*: nats per hidden token of windows of 256 tokens. "
            "*One line*: upper bound of the nats per token of one line. The bigram model (interpolated Kneser-Ney over the same "
            "training tokens) sees either what the model sees of the left neighbour, or always the true one."
        ),
        "",
        "| held out | hidden | nano | bigram, same view | bigram, true neighbour | line exact at true length |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for split, name in (("valid-files", "files"), ("valid-packages", "packages")):
        row = result["nano"][split]
        for key, what in (("dense", "any share"), ("line", "one line")):
            nats = [row[f"{key}_nats_per_token"], row[f"{key}_bigram_same_view"], row[f"{key}_bigram_true_neighbour"]]
            exact = f"{100 * row['line_exact_at_true_length']:.1f} %" if key == "line" else ""
            lines.append(f"| {name} | {what} | {' | '.join(f'{value:.2f}' for value in nats)} | {exact} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
