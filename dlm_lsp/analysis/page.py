"""One HTML page about a decode, whole in itself: it fetches nothing, and works from a disk, by keyboard, in light and dark.

In: a `Scene`. Out: the page. All that comes from the user's text, or from the model, goes through `escape`. Knows no model; what the
page does when keys are pressed is `page.js`, how it looks `page.css`.
"""

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from dlm_lsp.analysis.charts import Series, chart
from dlm_lsp.analysis.scene import MAX_K, Decode, Scene, happenings, headline, mean_arness, percent, visible
from dlm_lsp.analysis.trace import Cell, Event, Frame

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(scene: Scene) -> str:
    """Write the page."""
    here = files("dlm_lsp.analysis")
    style, script = (here.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    decode = scene.decodes[0]
    sections = [_head(scene), _player(scene), _grid(decode), _heat_map(scene), _curves(decode)]
    if len(scene.decodes) > 1:
        sections.append(_comparison(scene.decodes))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(scene.place)} · dlm-lsp trace</title>\n<style>\n{style}</style></head>\n<body>\n"
        + "\n".join(sections)
        + f"\n<script>\n{script}</script>\n</body></html>\n"
    )


def _head(scene: Scene) -> str:
    facts = " · ".join(f"{escape(name)} <b>{escape(value)}</b>" for name, value in scene.facts)
    numbers = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in scene.numbers)
    return f'<header><h1>{escape(scene.place)}</h1><div class="facts">{facts}</div><dl>{numbers}</dl></header>'


def _player(scene: Scene) -> str:
    last = len(scene.decodes[0].trace.frames) - 1
    return f"""<section><h2>Step by step</h2>
<div class="bar"><button id="back" aria-label="one step back">◀</button><button id="play">▶ play</button>
<button id="on" aria-label="one step on">▶</button><input id="slider" type="range" min="0" max="{last}" value="0" aria-label="step">
<button id="guesses" aria-pressed="false">guesses</button></div>
<p id="told" aria-live="polite"></p>
<pre><span class="context">{escape(scene.before)}</span><span id="hole"></span><span class="context">{escape(scene.behind)}</span></pre>
<ul id="events"></ul>
<div class="legend"><span class="mask">░░</span> masked · <span class="token" style="--c:1">sure</span>
<span class="token" style="--c:.5">less</span> <span class="token" style="--c:0">unsure</span> when it was decided ·
<span class="token committed" style="--c:1">new</span> in this step · <s>taken back</s>, the reason on hover ·
<kbd>←</kbd> <kbd>→</kbd> step, <kbd>space</kbd> play, <kbd>g</kbd> what the model would put into the masks</div></section>"""


def _grid(decode: Decode) -> str:
    trace = decode.trace
    numbers = {place: position + 1 for position, place in enumerate(trace.answer.places)}
    head = "".join(f"<th>{numbers.get(place, '-')}</th>" for place in trace.columns)
    kept = trace.kept
    rows = "".join(_row(frame, number, trace.columns, kept=number in kept) for number, frame in enumerate(trace.frames))
    return f"""<section><h2>Every step, every place</h2>
<p>One row a step, one column a place that the hole had at some time (-: not in the end). Click a row to see it above. The
stronger the colour of a mask, the surer the model was of what belongs there. Pale rows were given up for an earlier text.</p>
<div class="scroll" id="scroller" tabindex="0"><table id="grid"><thead><tr><th>step</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>
</section>"""


def _row(frame: Frame, number: int, columns: Sequence[int], *, kept: bool) -> str:
    about = f"model call {frame.calls}, {frame.ms:.0f} ms" + (f", repair round {frame.round}" if frame.round else "")
    told = f"Step {number}: {about}: {headline(frame, number)}."
    events = json.dumps(happenings(frame))
    label = f"repair {number}" if frame.reasons else str(number)
    cells = "".join(_cell(frame.cells.get(place)) for place in columns)
    given_up = "" if kept else ' class="given-up"'
    return f'<tr{given_up} data-told="{escape(told)}" data-events="{escape(events)}"><th>{label}</th>{cells}</tr>'


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    kinds = [] if cell.event is Event.DROPPED else ["mask" if cell.text is None else "token"]
    if cell.event is not Event.NOTHING:
        kinds.append(cell.event.replace(" ", "-"))
    data = f' data-text="{escape(cell.text)}"' if cell.text is not None else ""
    if cell.was is not None:
        data += f' data-was="{escape(visible(cell.was))}"'
    if cell.guess:
        data += f' data-guess="{escape(visible(cell.guess))}"'
    style = f"--c:{cell.confidence:.3g}" if cell.text is not None else f"--g:{cell.guess_share:.3g}"
    shown = "" if cell.text is None else escape(visible(cell.text))
    struck = "" if cell.was is None else f"<s>{escape(visible(cell.was))}</s>"
    return f'<td class="{" ".join(kinds)}" style="{style}" title="{escape(_title(cell))}"{data}>{struck}{shown}</td>'


def _title(cell: Cell) -> str:
    """Say on hover what is known of a cell."""
    lines = [] if cell.text is None else [f"{cell.text!r}, confidence {cell.confidence:.3f}"]
    if cell.event is not Event.NOTHING:
        lines.append(f"{cell.event}{f' by {cell.why}' if cell.why else ''}" + (f": {cell.was!r}" if cell.was else ""))
    if cell.guess:
        lines.append(f"likeliest: {cell.guess!r} ({cell.guess_share:.3f})")
    return "\n".join(lines)


def _heat_map(scene: Scene) -> str:
    decode = scene.decodes[0]
    return f"""<section><h2>In which order</h2>
<p>The finished text as the model wrote it; strong colours came first. The numbers count the commits; within a step the surest comes first.</p>
<pre><span class="context">{escape(scene.before)}</span>{_ordered(decode, numbered=True)}<span class="context">{escape(scene.behind)}</span></pre>
<p>An editor is given: <span class="sample">{escape(visible(decode.answer)) or "nothing"}</span></p></section>"""


def _ordered(decode: Decode, *, numbered: bool) -> str:
    """Write the text of an answer, coloured by the order of its commits."""
    made = {commit.position: commit for commit in decode.trace.commits}
    most = max(len(made) - 1, 1)
    parts = []
    for position, rank in sorted(decode.ranks.items()):
        commit = made[position]
        told = f"{rank + 1} of {len(made)}, step {commit.frame}, confidence {commit.confidence:.3f}"
        if commit.guess and commit.guess != commit.text:
            told += f", likeliest was {commit.guess!r}"
        number = f"<sup>{rank + 1}</sup>" if numbered else ""
        line_ends = commit.text[: len(commit.text) - len(commit.text.lstrip("\r\n"))]  # the number stands behind them
        token = (
            f"{escape(line_ends)}{number}{escape(commit.text[len(line_ends) :])}"
            if line_ends
            else f"{escape(commit.text)}{number}"
        )
        parts.append(f'<span class="rank" style="--r:{rank / most:.3f}" title="{escape(told)}">{token}</span>')
    return "".join(parts)


def _curves(decode: Decode) -> str:
    trace = decode.trace
    commits = tuple((n + 1.0, commit.confidence) for n, commit in enumerate(trace.commits))
    masked = tuple((float(n), float(frame.masked)) for n, frame in enumerate(trace.frames))
    places = tuple((float(n), float(len(frame.places))) for n, frame in enumerate(trace.frames))
    times = tuple((float(n), frame.ms) for n, frame in enumerate(trace.frames))
    sensed = tuple((float(number), share) for number, share in trace.first_look)
    charts = [
        (
            "Confidence",
            "of every token that stayed, in the order of the commits",
            chart("commit", "confidence", [Series("confidence", commits, joined=False)], y_max=1),
        ),
        (
            "The first look",
            "how sure the model was of each place before anything was written",
            chart("place", "probability", [Series("likeliest token", sensed)], y_max=1),
        ),
        (
            "AR-ness@k",
            "1 is left to right; local: right neighbours in a row, global: among the k leftmost masks",
            chart("k", "share", _arness(decode), y_max=1),
        ),
        (
            "Length and masks",
            "places of the hole, and those still masked",
            chart(
                "step",
                "tokens",
                [Series("places", places, dots=False, colour=1), Series("masked", masked, dots=False)],
            ),
        ),
        ("Time", "since decoding began", chart("step", "ms", [Series("time", times, dots=False)])),
    ]
    figures = "".join(
        f"<figure>{drawn}<figcaption><b>{name}</b> {told}</figcaption></figure>" for name, told, drawn in charts
    )
    return f'<section><h2>Curves</h2><div class="charts">{figures}</div></section>'


def _arness(decode: Decode) -> list[Series]:
    return [
        Series("local", _known(enumerate(decode.local, start=1))),
        Series("global", _known(enumerate(decode.global_, start=1)), colour=1),
    ]


def _by_temperature(decodes: Sequence[Decode], *, whole: bool) -> list[Series]:
    means = mean_arness(decodes, whole=whole)
    return [
        Series(f"T {temperature:g}", _known(enumerate(values, start=1)), colour=number % 4)
        for number, (temperature, values) in enumerate(means.items())
    ]


def _known(points: Iterable[tuple[float, float | None]]) -> tuple[tuple[float, float], ...]:
    """Leave out what has no value."""
    return tuple((float(x), y) for x, y in points if y is not None)


def _comparison(decodes: Sequence[Decode]) -> str:
    local = Series("local@1", _known((each.temperature, each.local[0]) for each in decodes), joined=False)
    whole = Series("global@1", _known((each.temperature, each.global_[0]) for each in decodes), joined=False, colour=1)
    drawn = Series(
        "not the likeliest", _known((each.temperature, each.drawn.value) for each in decodes), joined=False, colour=3
    )
    sure = Series(
        "mean confidence", _known((each.temperature, each.confidence) for each in decodes), joined=False, colour=2
    )
    curves = [
        (name, chart("k", "share", _by_temperature(decodes, whole=whole), y_max=1))
        for name, whole in (("Local", False), ("Global", True))
    ]
    more = "".join(
        f"<figure>{drawn}<figcaption><b>{name} AR-ness@k</b> by temperature, the mean of its draws</figcaption></figure>"
        for name, drawn in curves
    )
    rows = "".join(
        f'<tr><td class="number">{each.temperature:g}</td><td class="number">{each.seed}</td>'
        f'<td class="number">{percent(each.local[0])}</td><td class="number">{percent(each.global_[0])}</td>'
        f'<td class="number">{percent(each.global_[MAX_K // 2 - 1])}</td><td class="number">{percent(each.drawn.value)}</td>'
        f'<td class="number">{each.calls}</td><td>{escape(each.verdict)}</td><td><pre>{_ordered(each, numbered=False)}</pre></td></tr>'
        for each in decodes
    )
    return f"""<section><h2>Temperature</h2>
<p>The same hole at several temperatures: what is chosen, and in which order. Strong colours came first. Above 0 each seed is one draw.</p>
<div class="charts"><figure>{chart("temperature", "share", [local, whole], y_max=1)}<figcaption><b>AR-ness@1</b> of each decode</figcaption></figure>
<figure>{chart("temperature", "share", [sure, drawn], y_max=1)}<figcaption><b>What is chosen</b> confidence, and tokens that
were not the likeliest when they were committed</figcaption></figure>{more}</div>
<div class="scroll"><table class="compared"><thead><tr><th>temperature</th><th>seed</th><th>local@1</th><th>global@1</th>
<th>global@{MAX_K // 2}</th><th>drawn</th><th>calls</th><th>verdict</th><th>text, by order of commits</th></tr></thead><tbody>{rows}</tbody></table></div></section>"""
