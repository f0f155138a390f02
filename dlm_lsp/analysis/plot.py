"""The picture of a decode, as a PNG: what the page of `page.py` shows, for papers and issues.

In: a `Scene`. Out: the bytes of a PNG. The one module of the package that needs more than the standard library: matplotlib, imported
when the picture is drawn. Everything is placed from the top down, in inches.
"""

import io
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlm_lsp.analysis.scene import MAX_K, Decode, Scene, mean_arness, visible
from dlm_lsp.analysis.trace import Cell, Event, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _EDGE = 14.0, 0.55
_ROW, _MAX_GRID = 0.19, 16.0
"""Of a step; many steps share the height of the grid."""
_LINE, _CHART, _GAP = 0.19, 2.1, 0.75
_MAX_CHARS = 12
"""Longer tokens are cut in the grid."""
_MONO_SHARE = 0.602
"""Width of a character of the monospaced font, in sizes of it."""
_MAX_SIZE, _MIN_SIZE = 9.0, 4.0
"""Of letters in the grid, in points; smaller ones are left out."""
_LEFT, _CHAR = 0.85, _MONO_SHARE * _MAX_SIZE / 72
"""Where texts begin behind their labels, and the width of a letter of them."""
_UNSURE, _SURE, _MASK, _SENSED = "#ffe29a", "#6fcbbb", "#f1ecf7", "#9c7fc0"
_LATE, _EARLY = "#eef3fa", "#7fb2ea"
_COLOURS = ("#1f6fb5", "#c4660c", "#2b8a57", "#8a4fb0")
_TEXT, _QUIET, _LOST, _NEW = "#1d2125", "#6b7177", "#c62f3b", "#14713f"


_LEGEND = (
    "violet: masked, stronger where the model is surer · yellow to teal: decided, unsure to sure · green line: new · "
    "red: taken back · pale: given up"
)


def draw(scene: Scene) -> bytes:
    """Draw the steps, the order of commits, the curves, and where there are several decodes how they compare."""
    from matplotlib.figure import Figure

    decode = scene.decodes[0]
    several = len(scene.decodes) > 1
    heights = [
        0.95,
        min(_ROW * len(decode.trace.frames), _MAX_GRID),
        _LINE * sum(_lines(each) for each in scene.decodes),
        _CHART,
        *([_CHART] if several else []),
    ]
    figure = Figure(figsize=(_WIDTH, sum(heights) + _GAP * len(heights) + 0.2), dpi=120, facecolor="white")
    sheet = _Sheet(figure)
    _head(sheet.band("", heights[0]), scene)
    _steps(sheet.band("Every step (down) and every place of the hole (across)", heights[1], _LEGEND), decode.trace)
    _orders(sheet.band("The finished text; strong colours came first", heights[2]), scene.decodes)
    _curves(sheet.charts(), decode)
    if several:
        _temperatures(sheet.charts(), scene.decodes)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font lacks is drawn as a box
        figure.savefig(file, format="png")
    return file.getvalue()


@dataclass(slots=True)
class _Sheet:
    """A figure that is filled from the top."""

    figure: "Figure"
    used: float = 0.0
    """Inches."""

    def axes(self, left: float, top: float, width: float, height: float) -> "Axes":
        """Place axes, in inches from the left and from the top."""
        all_of_it = self.figure.get_figheight()
        return self.figure.add_axes((left / _WIDTH, 1 - (top + height) / all_of_it, width / _WIDTH, height / all_of_it))

    def band(self, title: str, height: float, legend: str = "") -> "Axes":
        """Take the next band of the whole width; its units are inches, down from its top."""
        axes = self.axes(_EDGE, self.used + _GAP / 2, _WIDTH - 2 * _EDGE, height)
        axes.axis("off")
        axes.set(xlim=(0, _WIDTH - 2 * _EDGE), ylim=(height, 0))
        axes.set_title(title, loc="left", fontsize=11, color=_TEXT, pad=7)
        axes.set_title(legend, loc="right", fontsize=8.5, color=_QUIET, pad=7)
        self.used += height + _GAP
        return axes

    def charts(self) -> "list[Axes]":
        """Take the next band for four charts side by side."""
        step = (_WIDTH - 2 * _EDGE + 0.15) / 4
        made = [self.axes(_EDGE + n * step, self.used + _GAP / 2, step - 0.55, _CHART) for n in range(4)]
        for axes in made:
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=8, colors=_QUIET)
            axes.grid(visible=True, color="#e6e8ea", linewidth=0.7)
            axes.set_axisbelow(True)
        self.used += _CHART + _GAP
        return made


def _head(axes: "Axes", scene: Scene) -> None:
    """Write what was asked and what came of it."""
    axes.text(0, 0, _plain(scene.place), fontsize=15, weight="bold", color=_TEXT, va="center")
    facts = " · ".join(f"{name} {value}" for name, value in scene.facts)
    axes.text(0, 0.33, _plain(facts), fontsize=9.5, color=_QUIET, va="center")
    numbers = [f"{name}: {value}" for name, value in scene.numbers]
    for number, part in enumerate((numbers[:5], numbers[5:])):
        axes.text(0, 0.65 + 0.24 * number, _plain("     ".join(part)), fontsize=10.5, color=_TEXT, va="center")


def _steps(axes: "Axes", trace: Trace) -> None:
    """Draw the grid of steps and places."""
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.colors import to_rgba

    widths = [_column_chars(trace, place) for place in trace.columns]
    height = axes.get_ylim()[0] / len(trace.frames)
    room = axes.get_xlim()[1] - _LEFT
    size = min(_MAX_SIZE, height * 72 * 0.68, room * 72 / (_MONO_SHARE * sum(widths)))
    char = min(_MONO_SHARE * max(size, _MIN_SIZE) / 72, room / sum(widths))
    labelled = math.ceil(9 / 72 / height)  # every how many steps there is room for a number
    kept = trace.kept
    boxes, grounds, lost, new = [], [], [], []
    for number, frame in enumerate(trace.frames):
        across, top, bottom = _LEFT, number * height, (number + 1) * height
        end = _LEFT  # of the last place that the hole has
        middle = top + height / 2
        colour = _LOST if frame.reasons else _QUIET
        label = f"{'repair ' if frame.reasons else ''}{number}"
        if frame.reasons or number % labelled == 0:
            axes.text(_LEFT - 0.1, middle, label, fontsize=8, color=colour, ha="right", va="center")
        for place, chars in zip(trace.columns, widths, strict=True):
            width, cell = chars * char, frame.cells.get(place)
            if cell is not None:
                ground, text, style = _look(cell)
                boxes.append([(across, top), (across + width, top), (across + width, bottom), (across, bottom)])
                grounds.append(to_rgba(ground, 1.0 if number in kept else 0.4))
                if cell.was is not None:
                    lost.append([(across + 0.1 * width, middle), (across + 0.9 * width, middle)])
                elif cell.event is Event.COMMITTED:
                    new.append([(across, top + 0.93 * height), (across + width, top + 0.93 * height)])
                if size >= _MIN_SIZE and text:
                    at = across + width / 2
                    axes.text(at, middle, text, fontsize=size, ha="center", va="center", family="monospace", **style)
                end = across + width
            across += width
        if frame.reasons:
            said = _plain("; ".join(frame.reasons))
            if end + 0.1 + len(said) * 8 * 0.5 / 72 < axes.get_xlim()[1]:
                axes.text(end + 0.1, middle, said, fontsize=8, color=_LOST, va="center")
            else:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                axes.text(axes.get_xlim()[1], middle, said, fontsize=8, color=_LOST, ha="right", va="center", bbox=box)
    axes.add_collection(PolyCollection(boxes, facecolors=grounds, edgecolors="white", linewidths=min(0.6, size / 10)))
    axes.add_collection(LineCollection(new, colors=_NEW, linewidths=min(1.4, size / 6)))
    axes.add_collection(LineCollection(lost, colors=_LOST, linewidths=min(1.1, size / 7)))


def _column_chars(trace: Trace, place: int) -> float:
    """Give the width of a column, in characters."""
    texts = [
        text for frame in trace.frames if (cell := frame.cells.get(place)) for text in (cell.text, cell.was) if text
    ]
    return max((len(_short(text)) for text in texts), default=0.8) + 0.8


def _look(cell: Cell) -> tuple[Any, str, dict[str, Any]]:
    """Choose background, text and its style."""
    if cell.was is not None:
        ground = (
            "white"
            if cell.event is Event.DROPPED
            else _MASK
            if cell.text is None
            else _mix(_UNSURE, _SURE, cell.confidence)
        )
        return ground, _short(cell.was), {"color": _LOST}
    if cell.event is Event.DROPPED:
        return "white", "", {}
    if cell.text is None:
        return _mix(_MASK, _SENSED, 0.75 * cell.guess_share), "", {}
    weight = "bold" if cell.event is Event.COMMITTED else "normal"
    return _mix(_UNSURE, _SURE, cell.confidence), _short(cell.text), {"color": _TEXT, "weight": weight}


def _orders(axes: "Axes", decodes: Sequence[Decode]) -> None:
    """Write each finished text, its tokens coloured by the order of their commits."""
    from matplotlib.patches import Rectangle

    first = 0
    for decode in decodes:
        if len(decodes) > 1:
            label = f"T {decode.temperature:g}, seed {decode.seed}"
            axes.text(_LEFT - 0.1, (first + 0.5) * _LINE, label, fontsize=7.5, color=_QUIET, ha="right", va="center")
        for line, column, text, share in _pieces(decode):
            left, top = _LEFT + column * _CHAR, (first + line) * _LINE
            ground = _mix(_EARLY, _LATE, share)
            axes.add_patch(Rectangle((left, top), len(text) * _CHAR, _LINE * 0.94, facecolor=ground, linewidth=0))
            middle = top + _LINE / 2
            axes.text(left, middle, _plain(text), fontsize=_MAX_SIZE, color=_TEXT, family="monospace", va="center")
        first += _lines(decode)


def _pieces(decode: Decode) -> Iterator[tuple[int, int, str, float]]:
    """Give line, column and text of every token of an answer, and how late it came, from 0 to 1; long lines are broken."""
    made = sorted(decode.trace.commits, key=lambda commit: commit.position)
    most = int((_WIDTH - 2 * _EDGE - _LEFT) / _CHAR)
    line = column = 0
    for commit in made:
        for number, text in enumerate(commit.text.replace("\t", "    ").split("\n")):
            if number or (column and column + len(text) > most):
                line, column = line + 1, 0
            yield line, column, text[:most], decode.ranks[commit.position] / max(len(made) - 1, 1)
            column += len(text)


def _lines(decode: Decode) -> int:
    return max((line for line, *_ in _pieces(decode)), default=0) + 1


def _curves(axes: "Sequence[Axes]", decode: Decode) -> None:
    """Draw confidence, the first look, AR-ness, and masks over model calls."""
    sure, first_look, arness, masks = axes
    trace = decode.trace
    sure.plot(
        range(1, len(trace.commits) + 1), [commit.confidence for commit in trace.commits], "o", color=_COLOURS[0], ms=4
    )
    sure.set_xlim(0, len(trace.commits) + 1)  # of a single one, too, the axis counts
    _name(sure, "Confidence of each commit", "commit", top=1.03)
    looks = trace.first_look
    first_look.plot([number for number, _ in looks], [share for _, share in looks], "o-", color=_COLOURS[0], ms=3)
    first_look.set_xlim(0, max((number for number, _ in looks), default=0) + 1)
    _name(first_look, "First look: probability of the likeliest", "place", top=1.03)
    for name, values, colour in (("local", decode.local, _COLOURS[0]), ("global", decode.global_, _COLOURS[1])):
        known = [(k, value) for k, value in enumerate(values, start=1) if value is not None]
        arness.plot([k for k, _ in known], [value for _, value in known], "o-", color=colour, ms=4, label=name)
    _name(arness, "AR-ness@k", "k", top=1.03)
    arness.set_xlim(0.7, MAX_K + 0.3)
    arness.legend(fontsize=8, frameon=False)
    masks.plot([len(frame.places) for frame in trace.frames], color=_COLOURS[1], label="places")
    masks.plot([frame.masked for frame in trace.frames], color=_COLOURS[0], label="masked")
    times = masks.twinx()
    times.plot([frame.ms for frame in trace.frames], color=_QUIET, linewidth=1, linestyle=":")
    times.tick_params(labelsize=8, colors=_QUIET)
    times.set_ylabel("ms (dotted)", fontsize=8, color=_QUIET)
    times.spines[["top", "left"]].set_visible(False)
    _name(masks, "Length, masks and time", "step", top=None)
    masks.legend(fontsize=8, frameon=False, loc="upper center")  # masks fall from the left, time rises to the right


def _temperatures(axes: "Sequence[Axes]", decodes: Sequence[Decode]) -> None:
    """Draw what temperature does to the order and to what is chosen."""
    order, chosen, local, whole = axes
    curves = (
        (order, "local@1", [each.local[0] for each in decodes], 0),
        (order, "global@1", [each.global_[0] for each in decodes], 1),
        (chosen, "mean confidence", [each.confidence for each in decodes], 2),
        (chosen, "not the likeliest", [each.drawn.value for each in decodes], 3),
    )
    for where, name, values, colour in curves:
        known = [(each.temperature, value) for each, value in zip(decodes, values, strict=True) if value is not None]
        where.plot(
            [t for t, _ in known], [v for _, v in known], "o", color=_COLOURS[colour], ms=5, alpha=0.75, label=name
        )
    _name(order, "AR-ness@1 of each decode", "temperature", top=1.03)
    _name(chosen, "What is chosen", "temperature", top=1.03)
    for where, name, means in (
        (local, "Local", mean_arness(decodes, whole=False)),
        (whole, "Global", mean_arness(decodes, whole=True)),
    ):
        for number, (temperature, curve) in enumerate(means.items()):
            shares = [math.nan if share is None else share for share in curve]
            where.plot(range(1, MAX_K + 1), shares, "o-", ms=4, color=_COLOURS[number % 4], label=f"T {temperature:g}")
        _name(where, f"{name} AR-ness@k, mean of the draws", "k", top=1.03)
    for each in axes:
        each.legend(fontsize=8, frameon=False)


def _name(axes: "Axes", title: str, x_label: str, *, top: float | None) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=_TEXT)
    axes.set_xlabel(x_label, fontsize=8, color=_QUIET)
    axes.locator_params(axis="x", integer=x_label != "temperature")
    axes.set_ylim(-0.03 if top else 0, top)


def _short(text: str) -> str:
    """Cut a token to what a column has room for."""
    text = visible(text)
    return _plain(text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…")


def _plain(text: str) -> str:
    """Keep matplotlib from reading formulas in code."""
    return text.replace("$", r"\$")


def _mix(low: str, high: str, share: float) -> tuple[float, ...]:
    """Give the colour between two."""
    from matplotlib.colors import to_rgb

    return tuple(a + (b - a) * min(max(share, 0.0), 1.0) for a, b in zip(to_rgb(low), to_rgb(high), strict=True))
