"""Tables and a plot of what `benchmarks.gpu` measured.

In: its result. Out: Markdown, and an SVG. It measures nothing and imports no library: it runs where the numbers are taken.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Row = Mapping[str, Any]
PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "full step": (
        "A model call that computes all rows of a canvas, logits of the hole, ms",
        ("model", "canvas", "hole"),
    ),
    "hole step": ("A model call that computes the rows of a hole over kept context, ms", ("model", "canvas", "hole")),
    "infill warm": (
        "An infill with forced commits, its context kept from before, ms; but for *sampler inside* by the server's own loop",
        ("model", "canvas", "hole", "commits"),
    ),
    "infill cold": (
        "An infill with forced commits, its context computed in the first call, ms",
        ("model", "canvas", "hole", "commits"),
    ),
    "infill, nothing kept": (
        "An infill that computes all rows in every call, ms",
        ("model", "canvas", "hole", "commits"),
    ),
    "lanes": ("One call about several canvases over kept context, ms", ("model", "canvas", "hole", "lanes")),
    "formats": (
        "Layers in narrower numbers, ms; the weights are random, so this says nothing about what they cost in quality",
        ("model", "weights", "canvas", "hole"),
    ),
    "start": ("Start, ms", ("model", "what")),
    "peer": ("The code of others, random weights of the same shape, ms", ("model", "what", "canvas", "hole")),
}
"""Heading and columns of every part."""
BARS = (
    ("full step", "eager", "all rows", "#b0653a"),
    ("hole step", "eager", "rows of the hole", "#c9a227"),
    ("hole step", "graphed", "the same by a CUDA graph", "#3a7cb0"),
)
LEFT, WIDTH, BAR, GAP = 110, 560, 16, 26
LEAST_MS, MOST_MS = 0.1, 100.0


def as_tables(result: Mapping[str, Any]) -> str:
    """Lay out all numbers."""
    card, machine = result["card"], result["machine"]
    about = ", ".join(f"{key} {value}" for key, value in machine.items())
    lines = [
        f"`benchmarks/gpu.py`: {about}.",
        "",
        (
            f"Measured here: {card['copy_gb_per_s']} GB/s copied (read and written), {card['gemm_tflops']} TFLOP/s in large bf16 products, "
            f"{card['launch_us']} µs for a launch and its end. Limits follow from the first two; *ratio* is the fastest column to its limit."
        ),
    ]
    if result["tiny"]:
        lines += ["", "**Toy sizes: these numbers show that the program runs, and nothing else.**"]
    for part, (heading, keys) in PARTS.items():
        rows = [row for row in result["rows"] if row["part"] == part]
        if rows:
            lines += ["", f"### {heading}", "", *pivot(rows, keys)]
    memory = [row for row in result["rows"] if row["part"] == "memory"]
    if memory:
        lines += ["", "### Memory at most, GiB", "", "| model | used | reserved |", "| --- | --- | --- |"]
        lines += [f"| {row['model']} | {gib(row['bytes'])} | {gib(row['reserved_bytes'])} |" for row in memory]
    weights = [row for row in result["rows"] if row["part"] == "weights"]
    if weights:
        lines += ["", "### What the weights take, GiB", "", "| model | weights | GiB |", "| --- | --- | --- |"]
        lines += [f"| {row['model']} | {row['weights']} | {gib(row['bytes'])} |" for row in weights]
    checks = [row for row in result["rows"] if row["part"] == "check"]
    if checks:
        lines += ["", "### Graphs against the same network without", ""]
        lines += [
            "Random weights hardly prefer one token to another: that some differ in bf16 is no fault, a large difference is.",
            "",
        ]
        lines += [
            "| model | largest difference of a logit, in standard deviations | same tokens in an infill |",
            "| --- | --- | --- |",
        ]
        lines += [f"| {row['model']} | {row['difference']:.5f} | {100 * row['same_tokens']:.0f} % |" for row in checks]
    if result["notes"]:
        lines += ["", "### Not measured", "", *(f"- {note}" for note in result["notes"])]
    return "\n".join(lines) + "\n"


def gib(count: float) -> str:
    """Write bytes."""
    return f"{count / 2**30:.2f}"


def pivot(rows: Sequence[Row], keys: Sequence[str]) -> list[str]:
    """Give the lines of a table with a column for each way in which something was done."""
    ways = list(dict.fromkeys(row.get("how", "ms") for row in rows))
    limited = any("limit_ms" in row for row in rows)
    head = [*keys, *ways, *(("limit", "ratio") if limited else ())]
    groups: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key, "") for key in keys), {})[row.get("how", "ms")] = row
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for key, found in groups.items():
        cells = [*map(str, key), *(f"{found[way]['ms']:.2f}" if way in found else "" for way in ways)]
        if limited:
            best = min(found.values(), key=lambda row: row["ms"])
            cells += [f"{best['limit_ms']:.2f}", f"{best['ratio']:.2f}"] if "limit_ms" in best else ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def as_svg(result: Mapping[str, Any]) -> str:
    """Draw a call of every network at the first canvas and hole that was measured, on a logarithmic axis; a line is the limit."""
    rows = [row for row in result["rows"] if row["part"] in {"full step", "hole step"}]
    models = list(dict.fromkeys(row["model"] for row in rows))
    parts: list[str] = []
    top = 40
    for model in models:
        own = [row for row in rows if row["model"] == model]
        size = (own[0]["canvas"], own[0]["hole"])
        parts.append(text(0, top + BAR * 2 - 4, model))
        for part, how, _, colour in BARS:
            for row in own:
                if (row["part"], row["how"], (row["canvas"], row["hole"])) == (part, how, size):
                    end, limit = place(row["ms"]), place(row["limit_ms"])
                    parts += [
                        f'<rect x="{LEFT}" y="{top}" width="{end - LEFT:.1f}" height="{BAR - 3}" fill="{colour}"/>',
                        f'<path d="M{limit:.1f} {top - 2}v{BAR + 1}" stroke="#777" stroke-width="2"/>',
                        text(end + 6, top + BAR - 5, f"{row['ms']:.2f} ms"),
                    ]
            top += BAR
        top += GAP - BAR
    legend = [
        f'<rect x="{LEFT + 170 * k}" y="8" width="12" height="12" fill="{colour}"/>{text(LEFT + 170 * k + 18, 18, name)}'
        for k, (*_, name, colour) in enumerate(BARS)
    ]
    ticks = [text(place(ms), top + 14, f"{ms:g} ms") for ms in (LEAST_MS, 1, 10, MOST_MS)]
    body = "\n".join([*legend, *parts, *ticks])
    size = f'width="{LEFT + WIDTH + 110}" height="{top + 24}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">\n{body}\n</svg>\n'


def place(ms: float) -> float:
    """Give the place of a time on the axis."""
    within = min(max(ms, LEAST_MS), MOST_MS)
    return LEFT + WIDTH * math.log(within / LEAST_MS) / math.log(MOST_MS / LEAST_MS)


def text(x: float, y: float, what: str) -> str:
    """Write."""
    return f'<text x="{x:.1f}" y="{y}" fill="#777">{escape(what)}</text>'
