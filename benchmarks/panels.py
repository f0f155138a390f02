"""Pictures of how times grow: panels of curves over logarithmic axes, as one SVG.

In: named curves. Out: a file. Needs matplotlib, which is not among the things that the server needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Points = Sequence[tuple[float, float]]

MIN_SPAN = 5
"""Of an axis, from its lower to its upper end."""
THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes."""

    title: str
    x_label: str
    curves: Mapping[str, Points]
    """By what the legend calls them; the first is drawn darkest."""
    dotted: Mapping[str, Points] = field(default_factory=dict)
    """What to compare with."""


def draw(panels: Sequence[Panel], file: Path, *, columns: int) -> str:
    """Draw the panels; say in a sentence what was done."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator
    except ImportError:
        return f"there is no picture {file}: it needs matplotlib (`pip install matplotlib`)."
    rows = -(-len(panels) // columns)
    with mpl.rc_context({"svg.hashsalt": "dlm-lsp", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(4.4 * columns, 3.4 * rows), layout="constrained")
        for number, panel in enumerate(panels, start=1):
            axes = figure.add_subplot(rows, columns, number)
            for shade, (name, points) in enumerate(panel.curves.items()):
                colour = mpl.colormaps["viridis"](shade / len(panel.curves))
                axes.plot(*zip(*points, strict=True), "o-", markersize=3.5, linewidth=1.2, color=colour, label=name)
            for name, points in panel.dotted.items():
                axes.plot(*zip(*points, strict=True), ":", linewidth=1, color="0.5", label=name)
            axes.set(xscale="log", yscale="log", xlabel=panel.x_label)
            axes.set_title(panel.title, fontsize=10, loc="left")
            axes.set_xticks(sorted({x for points in panel.curves.values() for x, _ in points}))
            low, high = axes.get_ylim()
            if high / low < MIN_SPAN:  # noise should not look like growth
                middle = (low * high) ** 0.5
                axes.set_ylim(middle / MIN_SPAN**0.5, middle * MIN_SPAN**0.5)
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(
                    lambda value, _: f"{value:g}" if value < THOUSAND else f"{value / THOUSAND:g}k"
                )
            axes.minorticks_off()
            axes.grid(visible=True, linewidth=0.3)
            axes.legend(fontsize=7.5, frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return f"the picture is {file}."
