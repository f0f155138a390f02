"""Small line charts as SVG, for a page that fetches nothing.

In: named series of points. Out: an `<svg>` whose colours are the page's (`page.css`). Knows nothing of decodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 440, 270
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 14, 62
"""Room around the curves, for the numbers and the legend."""


@dataclass(frozen=True, slots=True)
class Series:
    """A curve, or dots."""

    name: str
    points: tuple[tuple[float, float], ...]
    joined: bool = True
    dots: bool = True
    colour: int = 0
    """0 to 3, as in the page's style."""


def chart(x_label: str, y_label: str, series: Sequence[Series], *, y_max: float | None = None) -> str:
    """Draw the series over common axes that begin at 0."""
    points = [point for each in series for point in each.points] or [(0.0, 0.0)]
    x_ticks = _ticks(max(x for x, _ in points))
    y_ticks = _ticks(max(y for _, y in points) if y_max is None else y_max)

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + x / x_ticks[-1] * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(HEIGHT - BOTTOM - y / y_ticks[-1] * (HEIGHT - TOP - BOTTOM), 1)

    parts = []
    for tick in y_ticks:
        left, at = place(0, tick)
        parts.append(f'<line class="grid" x1="{left}" y1="{at}" x2="{WIDTH - RIGHT}" y2="{at}"/>')
        parts.append(f'<text class="tick" x="{left - 6}" y="{at + 4}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        at, bottom = place(tick, 0)
        parts.append(f'<text class="tick" x="{at}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="label" x="{middle}" y="{HEIGHT - BOTTOM + 33}" text-anchor="middle">{escape(x_label)}</text>'
    )
    high = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="label" x="12" y="{high}" text-anchor="middle" transform="rotate(-90 12 {high})">{escape(y_label)}</text>'
    )
    for each in series:
        placed = [place(x, y) for x, y in each.points]
        if each.joined:
            parts.append(f'<polyline class="s{each.colour}" points="{" ".join(f"{x},{y}" for x, y in placed)}"/>')
        if each.dots:
            for (x, y), (at, up) in zip(each.points, placed, strict=True):
                told = f"<title>{escape(each.name)}: {x:g}, {y:.3g}</title>"
                parts.append(f'<circle class="s{each.colour}" cx="{at}" cy="{up}" r="3">{told}</circle>')
    across = float(LEFT)
    for each in series if len(series) > 1 else ():
        parts.append(f'<circle class="s{each.colour}" cx="{across + 4}" cy="{HEIGHT - 10}" r="4"/>')
        parts.append(f'<text class="label" x="{across + 13}" y="{HEIGHT - 6}">{escape(each.name)}</text>')
        across += 30 + 7 * len(each.name)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'


def _ticks(highest: float) -> list[float]:
    """Give four to seven round numbers from 0 to at least `highest`."""
    if highest <= 0:
        return [0.0, 1.0]
    size = 10.0 ** (len(f"{highest:.0f}") - 3)
    while highest / size > 6:
        size *= 2.5 if f"{size:e}"[0] == "2" else 2
    count = -(-highest // size)
    return [round(n * size, 9) for n in range(int(count) + 1)]
