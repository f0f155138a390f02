"""Draws a run's curves: training loss, held-out loss and learning rate over tokens, as one SVG picture.

In: history.jsonl of one or more runs. Out: an SVG file. Needs nothing but the standard library.

    python -m training.curves runs/nano-2 --out curves.svg
"""

import argparse
import json
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 760, 420, 60
SERIES = {"loss": "#9bbbd4", "held_out_dense": "#1f5f8b", "held_out_holes": "#c0522d"}
"""What is drawn, by its name in the history, and in which colour."""

Point = tuple[float, float]


def points(history: list[dict[str, float]], name: str) -> list[Point]:
    """One series over millions of tokens; most rows lack the held-out ones."""
    return [(row["tokens"] / 1e6, row[name]) for row in history if name in row]


def picture(histories: dict[str, list[dict[str, float]]]) -> str:
    """The SVG of some runs by their names, in one frame; the rate's fall is the grey line, its full height the warm rate."""
    every = [point for history in histories.values() for name in SERIES for point in points(history, name)]
    right = max(x for x, _ in every)
    low, high = min(y for _, y in every), max(y for _, y in every)

    def place(x: float, y: float) -> str:
        across = MARGIN + x / right * (WIDTH - 2 * MARGIN)
        down = MARGIN + (high - y) / max(high - low, 1e-9) * (HEIGHT - 2 * MARGIN)
        return f"{across:.1f},{down:.1f}"

    def line(path: list[Point], colour: str, more: str = "") -> str:
        corners = " ".join(place(x, y) for x, y in path)
        return f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="1.5" {more}/>'

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for step in range(5):
        y = low + (high - low) * step / 4
        label = place(0, y).split(",")
        parts.append(f'<text x="{MARGIN - 8}" y="{label[1]}" text-anchor="end" font-size="11">{y:.2f}</text>')
        x = place(right * step / 4, low).split(",")[0]
        parts.append(
            f'<text x="{x}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle" font-size="11">{right * step / 4:.1f}</text>'
        )
    for number, (name, history) in enumerate(histories.items()):
        rate = [(x, low + y * (high - low)) for x, y in points(history, "rate")]
        parts.append(line(rate, "#cccccc", 'stroke-dasharray="4 3"'))
        dashes = 'stroke-dasharray="6 3"' if number % 2 else ""
        parts += [line(points(history, series), colour, dashes) for series, colour in SERIES.items()]
        legend = f"{name}: " + ", ".join(SERIES)
        parts.append(f'<text x="{MARGIN}" y="{20 + 16 * number}" font-size="12">{escape(legend)}</text>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle" font-size="12">'
        "million tokens; nats per hidden token; grey: learning rate</text>"
    )
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">\n{body}\n</svg>\n'


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    histories = {run.name: [json.loads(row) for row in (run / "history.jsonl").open()] for run in arguments.runs}
    arguments.out.write_text(picture(histories))


if __name__ == "__main__":
    main()
