"""How the cost of an answer grows with the work: longer documents, longer holes, more candidates, holes and open files.

    python -m benchmarks.growth                                       # under six minutes on two cores that do nothing else
    python -m benchmarks.growth --quick --out build/growth.json       # the small ends, to see that it works

In: nothing but this repository and Python's standard library. Out: results/growth.json, .md and .svg. A client asks over stdio and takes
the time until the answer is there; medians. How long a document is and how many are open must not matter, and is asked of the scripted
model and counted without the decode loop: the time is the server's own. Holes and candidates are tokens that have to be computed, so the
real model is asked; there the cost should be no worse than linear. The *exponent* is the slope over logarithmic axes: 1 is linear.
"""

import argparse
import itertools
import json
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import machine
from benchmarks.ladder import DEADLINE_MS, WINDOW_SLACK, configure, stretched, trained_tokens
from benchmarks.latency import TYPED, Document, Typist, around, resident_mib
from benchmarks.panels import Panel, draw
from benchmarks.stdlib_holes import cut_holes
from dlm_lsp.models.folders import find, model_hash
from dlm_lsp.models.tokenizer import read_tokenizer
from tests.e2e.action_editor import OLD, Editor
from tests.e2e.raw_client import RawClient

HERE = Path(__file__).parent
LINES = (100, 1_000, 10_000, 100_000)
HOLE_TOKENS = (8, 16, 32, 64, 128, 256, 512)
CANDIDATES = (1, 2, 4, 8)
STUBS = (1, 2, 4, 8, 16)
FILES = (1, 5, 50, 500)
KEYSTROKES = 40
LINES_OF_A_FILE = 200
CANVAS_TOKENS = 1_024
"""For all lengths of holes: the longest is half of it."""
CANDIDATE_TOKENS = 24
HOLES_EACH = 5
"""Holes of every length; of those that take long one is enough."""
LONG_MS = 10_000
WHOLE = {"filled", "empty"}
"""Outcomes that say that the time is that of all the work."""
STUB_DEADLINE_MS = 2_000
"""Whoever has chosen an action waits four times as long, or as many times as holes are filled together."""
MAX_FLAT_RATIO = 1.2
MAX_EXPONENT = 1.1
"""What is still called linear: a median is not exact."""
SCRIPT = {"rules": [], "default": "total = 1"}
SCRIPTED = {"device": "cpu", "threads": 1, "repairRounds": 0}
TASKS = ("sum", "product", "largest", "smallest", "mean", "count", "first", "last")
STUB = '''\
def {task}_of_{what}({what}):
    """Give the {task} of the {what}."""
    ...


'''


@dataclass(slots=True)
class Growth:
    """What was measured while one thing grew; the first curve is the one that is judged."""

    name: str
    model: str
    unit: str
    may_grow: bool
    curves: dict[str, list[tuple[float, float]]]

    @property
    def points(self) -> list[tuple[float, float]]:
        """What is judged."""
        return next(iter(self.curves.values()))

    def judged(self) -> dict[str, Any]:
        """Say how it grows."""
        (first_x, first), (last_x, last) = self.points[0], self.points[-1]
        found = {
            "from": first_x,
            "to": last_x,
            "first_ms": round(first, 2),
            "last_ms": round(last, 2),
            "ratio": round(last / first, 2),
            "exponent": round(exponent(self.points), 2),
            "exponent_at_the_end": round(exponent(self.points[-2:]), 2),
        }
        steepest = max(found["exponent"], found["exponent_at_the_end"])
        good = steepest <= MAX_EXPONENT if self.may_grow else found["ratio"] <= MAX_FLAT_RATIO
        return found | {"as_wanted": good}


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="nano")
    parser.add_argument("--settings", type=json.loads, default={}, help="of the real model's server, in JSON")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="the first two sizes of each")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "growth.json")
    options = parser.parse_args()
    settings = {"device": options.device, **options.settings}
    many = 2 if options.quick else None
    result: dict[str, Any] = {
        "model": options.model,
        "model_hash": model_hash(options.model),
        "settings": settings,
        **machine.describe(),
        "growth": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        script.write_text(json.dumps(SCRIPT), encoding="utf-8")
        runs = (
            lambda: by_lines(f"scripted:{script}", LINES[:many]),
            lambda: by_hole(options.model, settings, HOLE_TOKENS[:many]),
            lambda: by_candidates(options.model, settings, CANDIDATES[:many]),
            lambda: by_stubs(options.model, settings, STUBS[:many]),
            lambda: by_files(f"scripted:{script}", FILES[:many]),
        )
        growths: list[Growth] = []
        for run in runs:
            growths.append(run())
            print(growths[-1].name, growths[-1].judged(), file=sys.stderr)
            result["growth"].append({**asdict(growths[-1]), **growths[-1].judged()})
            result["load_after"] = machine.load()
            options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = as_table(result)
    options.out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)
    print(draw(list(map(panel, growths)), options.out.with_suffix(".svg"), columns=3), file=sys.stderr)


def by_lines(model: str, sizes: Sequence[int]) -> Growth:
    """Type the same in documents of all lengths, in turn."""
    with real(model, SCRIPTED) as client:
        typists = {lines: Typist(client, f"file:///lines/{lines}.py", lines) for lines in sizes}
        for typist in typists.values():
            typist.ask()
        until_idle(client)
        times: dict[int, list[float]] = defaultdict(list)
        for char in TYPED[:KEYSTROKES]:
            for lines, typist in typists.items():
                times[lines] += own_ms(typist, char)
    curves = {"the server's share": medians(times)}
    return Growth("document", "scripted", "lines of the document", may_grow=False, curves=curves)


def by_hole(model: str, settings: dict[str, Any], sizes: Sequence[int]) -> Growth:
    """Fill holes of given lengths in windows of one length."""
    times: dict[int, list[float]] = defaultdict(list)
    call_times: dict[int, list[float]] = defaultdict(list)
    window = round(CANVAS_TOKENS * WINDOW_SLACK)
    with stretched(find(model), window) as copy, real(str(copy), settings) as client:
        for tokens in sizes:
            configure(client, {**settings, **fixed(tokens), "maxWindowTokens": window})
            for document in holes(client, model, tokens):
                ms, told = ask(document)
                if told["outcome"] in WHOLE:
                    times[tokens].append(ms)
                    calls = max((each["steps"] for each in told["candidates"]), default=0)
                    call_times[tokens] += [told["spentMs"]["denoise"] / calls] if calls else []
                if ms > LONG_MS:
                    break
    curves = {"an answer": medians(times), "a step of its decode loop": medians(call_times)}
    return Growth("hole", model, "tokens of the hole", may_grow=True, curves=curves)


def by_candidates(model: str, settings: dict[str, Any], sizes: Sequence[int]) -> Growth:
    """Ask for more and more answers to the same questions, whose windows are known."""
    times: dict[int, list[float]] = defaultdict(list)
    with real(model, settings) as client:
        given = {**settings, **fixed(CANDIDATE_TOKENS)}
        for number, document in enumerate(holes(client, model, CANDIDATE_TOKENS)):
            configure(client, {**given, "seed": number + 1})
            document.ask()
            for count in sizes:
                configure(client, {**given, "candidates": count, "seed": 0})
                ms, told = ask(document)
                times[count] += [ms] if told["outcome"] in WHOLE else []
    return Growth("candidates", model, "candidates", may_grow=True, curves={"an answer": medians(times)})


def by_stubs(model: str, settings: dict[str, Any], sizes: Sequence[int]) -> Growth:
    """Fill all stubs of files that have more and more of them."""
    times: dict[int, list[float]] = defaultdict(list)
    with real(model, {**settings, "deadlineMs": STUB_DEADLINE_MS}, capabilities=OLD) as client:
        for count, what in itertools.product(sizes, ("numbers", "prices")):
            others = (f"{what}_{number}" for number in range(-(-count // len(TASKS))))
            stubs = [STUB.format(task=task, what=each) for each in others for task in TASKS][:count]
            editor = Editor(client, f"file:///stubs/{what}{count}.py", "".join(stubs))
            start = {"line": 0, "character": 0}
            begin = time.perf_counter()
            editor.execute("dlm-lsp.fillStubs", {"uri": editor.uri, "range": {"start": start, "end": start}})
            times[count].append((time.perf_counter() - begin) * 1000)
            client.notify("textDocument/didClose", {"textDocument": {"uri": editor.uri}})
    return Growth("holes", model, "stubs of the file", may_grow=True, curves={"all of them": medians(times)})


def by_files(model: str, sizes: Sequence[int]) -> Growth:
    """Type in one file while others are open."""
    times: dict[int, list[float]] = defaultdict(list)
    memory_mib = {}
    before, behind = around(LINES_OF_A_FILE)
    with real(model, SCRIPTED) as client:
        opened = 1
        for files in sizes:
            while opened < files:
                opened += 1
                text = before + behind.replace("def ", f"def in_{opened}_")
                client.open(f"file:///files/other{opened}.py", text)
            typist = Typist(client, f"file:///files/asked{files}.py", LINES_OF_A_FILE)
            typist.ask()
            until_idle(client)
            for char in TYPED[:KEYSTROKES]:
                times[files] += own_ms(typist, char)
            memory_mib[files] = resident_mib(client.process.pid)
            client.notify("textDocument/didClose", {"textDocument": {"uri": typist.uri}})
    print("memory of the front, MiB:", memory_mib, file=sys.stderr)
    curves = {"the server's share": medians(times)}
    return Growth("open files", "scripted", "open files", may_grow=False, curves=curves)


def real(model: str, settings: dict[str, Any], **params: Any) -> RawClient:
    """Start a server and wait for its model."""
    client = RawClient("--model", model)
    client.initialize({**settings, "deadlineMs": settings.get("deadlineMs", DEADLINE_MS)}, **params)
    client.wait_until(lambda: client.ask("dlm-lsp/status", {})["result"]["state"] == "ready")
    return client


def fixed(tokens: int) -> dict[str, Any]:
    """Give the settings that fix a hole's length and repair nothing."""
    length = {"length": f"fixed:tokens={tokens}", "maxHoleTokens": tokens}
    return {**length, "repairRounds": 0, "deadlineMs": DEADLINE_MS}


def holes(client: RawClient, model: str, tokens: int) -> Iterator[Document]:
    """Open one document after another with a hole of about so many tokens; the one before is closed."""
    tokenizer = read_tokenizer(find(model))
    file_tokens = max(trained_tokens(find(model)), CANVAS_TOKENS)
    cases = cut_holes(tokenizer, tokens * 3 // 4, tokens, file_tokens, seed=tokens)
    for number, case in enumerate(itertools.islice(cases, HOLES_EACH)):
        uri = f"file:///holes/{tokens}_{number}.py"
        yield Document(client, uri, case.prefix, case.suffix)
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def ask(document: Document) -> tuple[float, dict[str, Any]]:
    """Give the time of an answer, and what the server tells of it."""
    ms, _ = document.ask()
    return ms, document.last()


def own_ms(typist: Typist, char: str) -> list[float]:
    """Type a character and give what the answer costs without the decode loop; nothing where it was known."""
    typist.type(char)
    ms, told = ask(typist)
    return [] if told["known"] else [ms - told["spentMs"]["denoise"]]


def until_idle(client: RawClient) -> None:
    """Wait until the front has read what it reads while nobody waits."""
    front = psutil.Process(client.process.pid)
    time.sleep(1)  # it begins after a pause

    def is_idle() -> bool:
        before = sum(front.cpu_times()[:2])
        time.sleep(0.7)
        return sum(front.cpu_times()[:2]) - before < 0.02

    client.wait_until(is_idle, timeout_s=120)


def medians(times: dict[int, list[float]]) -> list[tuple[float, float]]:
    """Give size and median, in order."""
    return [(size, statistics.median(values)) for size, values in sorted(times.items()) if values]


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Fit a power: the slope over logarithmic axes."""
    return statistics.linear_regression(*zip(*((math.log(x), math.log(y)) for x, y in points), strict=True)).slope


def panel(growth: Growth) -> Panel:
    """Draw what was measured, beside what it may be."""
    x, y = growth.points[0]
    last = growth.points[-1][0]
    allowed = (
        {"linear": [(x, y), (last, y * last / x)]}
        if growth.may_grow
        else {f"{MAX_FLAT_RATIO} ×": [(x, MAX_FLAT_RATIO * y), (last, MAX_FLAT_RATIO * y)]}  # noqa: RUF001
    )
    return Panel(f"{growth.name}, ms ({Path(growth.model).name})", growth.unit, growth.curves, allowed)


def as_table(result: dict[str, Any]) -> str:
    """Lay out how each grows."""
    lines = [
        (
            f"`python -m benchmarks.growth`, model `{result['model']}` ({result['model_hash']}), settings "
            f"`{json.dumps(result['settings'])}`, {machine.where(result)}. Medians, ms."
        ),
        "",
        "| what grows | model | from | to | ms | ms | ratio | exponent | at the end | wanted | is so |",
        "| --- |" + " --- |" * 10,
    ]
    for row in result["growth"]:
        wanted = "linear" if row["may_grow"] else f"ratio ≤ {MAX_FLAT_RATIO}"
        cells = [
            row["unit"],
            row["model"],
            f"{row['from']:,}",
            f"{row['to']:,}",
            row["first_ms"],
            row["last_ms"],
            row["ratio"],
        ]
        cells += [row["exponent"], row["exponent_at_the_end"], wanted, "yes" if row["as_wanted"] else "**no**"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
