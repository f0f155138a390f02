"""Pictures of what quality costs: every sampler's points, and the line of those that nobody beats, which are named.

In: a report of `bench decoders`. Out: an SVG file. Needs matplotlib, which is not among the things that the server needs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlm_lsp.commands.compare import front

PANELS = (
    ("forced_calls", "model calls a hole", "nats_per_token", "nats per token of the truth"),
    ("calls", "model calls a hole", "exact_percent", "exact answers, %"),
    ("ms", "ms an answer, before guidance", "exact_percent", "exact answers, %"),
    ("calls", "model calls a hole", "parses_percent", "answers that parse, %"),
    ("calls", "model calls a hole", "pass_percent", "pass@1, %"),
    ("ms", "ms an answer, before guidance", "pass_percent", "pass@1, %"),
)
"""Cost and quality; panels without a point are left out."""


def draw_fronts(report: dict[str, Any], file: Path) -> str:
    """Draw one panel for each pair of cost and quality; say in a sentence what was done."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        return f"there is no picture {file}: it needs matplotlib (`pip install matplotlib`)."
    rows = report["rows"]
    panels = [panel for panel in PANELS if _points(rows, panel[0], panel[2])]
    if not panels:
        return f"there is no picture {file}: there is nothing to draw yet."
    families = list(dict.fromkeys(row["family"] for row in rows))
    styles: dict[str, dict[str, Any]] = {
        family: {"color": mpl.colormaps["tab20"](number % 20), "marker": "os^Dv"[number % 5], "label": _short(family)}
        for number, family in enumerate(families)
    }
    across = min(len(panels), 3)
    down = -(-len(panels) // across)
    with mpl.rc_context({"svg.hashsalt": "dlm-lsp", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6 * across + 2, 5 * down), layout="constrained")
        shown: dict[str, Any] = {}
        for number, (cost, cost_name, quality, quality_name) in enumerate(panels, start=1):
            axes = figure.add_subplot(down, across, number)
            for family, style in styles.items():
                points = sorted(_points([row for row in rows if row["family"] == family], cost, quality))
                if points:
                    (shown[family],) = axes.plot(*zip(*points, strict=True), linewidth=0.8, markersize=4, **style)
            able = [row for row in rows if _points([row], cost, quality)]
            sign = -1 if quality == "nats_per_token" else 1
            best = [able[k] for k in front([row[cost] for row in able], [sign * row[quality] for row in able])]
            line = [(row[cost], row[quality]) for row in best]
            axes.step(*zip(*line, strict=True), where="post", color="black", linewidth=0.8, linestyle=":")
            for row, place in zip(best, line, strict=True):
                axes.annotate(_short(row["way"]), place, (4, -8), textcoords="offset points", fontsize=6)
            axes.set(xscale="log", xlabel=cost_name, ylabel=quality_name)
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("{x:g}")
            axes.tick_params(axis="x", which="minor", labelsize=6)
            axes.grid(visible=True, linewidth=0.3)
        figure.legend(handles=list(shown.values()), loc="outside right upper", fontsize=7)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return f"the picture is {file}."


def _points(rows: Sequence[dict[str, Any]], cost: str, quality: str) -> list[tuple[float, float]]:
    return [(row[cost], row[quality]) for row in rows if row[cost] and row[quality] is not None]


def _short(family: str) -> str:
    """Leave out of a name what is as usual."""
    return family.removesuffix(" / auto").removesuffix(" / none")
