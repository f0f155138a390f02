"""The latency ladder of infilling: how long an answer takes by the length of the hole and of the canvas, cold, warm and known.

    python -m benchmarks.ladder                                            # under ten minutes on two cores that do nothing else
    python -m benchmarks.ladder --quick --out build/ladder.json            # under one, to see that it works
    python -m benchmarks.ladder --cases single-line.jsonl multi-line.jsonl --settings '{"cache": "hole"}'

In: Python files of the standard library with holes cut at whole statements, and, if given, holes with tests in the form of HumanEval
Infilling. Out: results/ladder.json, .md and .svg; every answer is written down as it comes, and an interrupted run goes on.

A client asks a real server over stdio, as an editor does while somebody types, and takes the time until the answer is there. Each
hole is asked about several times:

    cold      in a document that was opened just now: nothing of its window was ever seen
    warm      again, with another seed: the answer has to be found anew, what was kept of the window may be used
    edited    after one word of a line above the hole was changed
    repeated  once more, unchanged: a known answer
    typed     after each of the first characters of what was offered was typed: a known answer

The *grid* fixes lengths and repairs nothing, on windows cut to each canvas; canvases beyond the length that the model was trained for
tell of time alone. The *targets* are what a user gets: the model and its window as they are, and in all but one the server's own
settings. *Own share* is the time outside of the decode loop. Tokens count if they stand in the text that was offered.
"""

import argparse
import itertools
import json
import keyword
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import machine, roofline
from benchmarks.ladder_report import BODY_TOKENS, GRID, LINE_TOKENS, Cell, Row, as_table, draw, is_of, summary
from benchmarks.latency import Document
from benchmarks.stdlib_holes import cut_holes
from dlm_lsp.commands.cases import Case, read_cases
from dlm_lsp.commands.ledger import Ledger
from dlm_lsp.commands.sandbox import run_untrusted
from dlm_lsp.models.folders import CONFIG, find, model_hash, read_json
from dlm_lsp.models.tokenizer import BpeTokenizer, read_tokenizer
from dlm_lsp.syntax.strict import check_python
from dlm_lsp.values import Context, Snippet
from tests.e2e.raw_client import Message, RawClient

HERE = Path(__file__).parent
HOLES, CANVASES = (8, 16, 32, 64, 128), (256, 512, 1024, 2048)
GPU_CANVASES = (*CANVASES, 4096)
DEADLINE_MS = 55_000
"""An answer of the grid is timed, not cut."""
WINDOW_SLACK = 1.15
"""The server counts a window in characters, and this text has fewer tokens than it believes: with so much more a canvas is as long as it
is called, on average."""
REPEATS, TYPED_CHARS = 3, 5
MIN_SHARE = 3 / 4
"""What is cut out is at least as long as this share of the length that is asked for."""
MOST_CASES = 100
"""Of a cell; more would tell nothing."""


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="nano")
    parser.add_argument("--cases", nargs="+", type=Path, default=[], help="holes with tests, for the targets' pass@1")
    parser.add_argument(
        "--settings", type=json.loads, default={}, help="what is measured, as the server's settings in JSON"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--minutes", type=float, default=7.5, help="from start to end, but for the last answers")
    parser.add_argument("--quick", action="store_true", help="a corner of the grid, to see that it works")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "ladder.json")
    options = parser.parse_args()
    settings = {"device": options.device, **options.settings}
    holes, canvases = ((8, 32), (256, 512)) if options.quick else (HOLES, CANVASES)
    if options.device != "cpu" and not options.quick:
        canvases = GPU_CANVASES
    minutes = min(options.minutes, 0.5) if options.quick else options.minutes
    folder = find(options.model)
    about = machine.describe()
    setup = {
        "model": options.model,
        "model_hash": model_hash(options.model),
        "settings": settings,
        "cases": [path.name for path in options.cases],
        "holes": holes,
        "canvases": canvases,
        "trained_tokens": trained_tokens(folder),
        **{key: about[key] for key in ("commit", "machine", "torch", "python")},
    }
    file = options.out.with_suffix(".cases.jsonl")
    ladder = Ladder(
        Ledger(file, setup, Row), read_tokenizer(folder), settings, file_tokens=max(canvases), for_s=60 * minutes
    )
    shape = roofline.shape_of(options.model)
    rates = roofline.measure(shape, (*holes, *canvases), options.device, int(settings.get("threads", 0)))
    cells = grid(holes, canvases)
    goals = targets(trained_tokens(folder))
    ladder.cells_left = len(cells) + 3 * len(goals)  # people look at these
    tested = read_cases(options.cases)
    for cell in goals:  # each with a server of its own, which has not seen the others' holes
        ladder.climb(options.model, [(cell, ladder.holes_for(cell, tested))], weight=3)
    for canvas in canvases:
        with stretched(folder, round(canvas * WINDOW_SLACK)) as copy:
            ladder.climb(str(copy), [(cell, ladder.holes_for(cell)) for cell in cells if cell.canvas_tokens == canvas])
    result = {
        **setup,
        "load_before": about["load_before"],
        "load_after": machine.load(),
        "roofline": asdict(rates),
        "cells": [summary(cell, ladder.ledger.rows, shape, rates) for cell in (*goals, *cells)],
    }
    write(result, options.out, roofline.as_table(shape, rates))
    file.unlink()


def write(result: dict[str, Any], out: Path, limits: str) -> None:
    """Write the numbers, the tables and the picture."""
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = as_table(result) + "\n" + limits
    out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)
    print(draw(result, out.with_suffix(".svg")), file=sys.stderr)


# What is asked.


def grid(holes: Sequence[int], canvases: Sequence[int]) -> list[Cell]:
    """Give the cells of fixed lengths; a hole takes half of its canvas at most."""
    return [
        Cell(
            GRID,
            hole,
            canvas,
            {
                "length": f"fixed:tokens={hole}",
                "maxHoleTokens": hole,
                "maxWindowTokens": round(canvas * WINDOW_SLACK),
                "repairRounds": 0,
                "deadlineMs": DEADLINE_MS,
            },
        )
        for canvas, hole in itertools.product(canvases, holes)
        if 2 * hole <= canvas
    ]


def targets(canvas: int) -> list[Cell]:
    """Give what a user meets, and the line once more with its length given."""
    alone = {"length": f"fixed:tokens={LINE_TOKENS}", "maxHoleTokens": LINE_TOKENS, "repairRounds": 0}
    return [
        Cell("line, as set", LINE_TOKENS, canvas, {}),
        Cell(f"line, {LINE_TOKENS} tokens, no repairs", LINE_TOKENS, canvas, alone),
        Cell("body, as set", BODY_TOKENS, canvas, {"maxHoleTokens": BODY_TOKENS}),
    ]


def trained_tokens(folder: Path) -> int:
    """Give the longest canvas that a checkpoint was trained for."""
    config = read_json(folder / CONFIG)
    names = ("max_canvas_tokens", "max_sequence_length", "max_position_embeddings")
    return next(config[name] for name in names if name in config)


@contextmanager
def stretched(folder: Path, tokens: int) -> Iterator[Path]:
    """Make a copy of a checkpoint that takes canvases of another length, whatever it was trained for."""
    config = read_json(folder / CONFIG)
    name = "max_sequence_length" if config["model_type"] == "llada" else "max_canvas_tokens"
    with tempfile.TemporaryDirectory() as made:
        copy = Path(made) / folder.name
        copy.mkdir()
        for file in folder.iterdir():
            if file.name != CONFIG:
                (copy / file.name).symlink_to(file.resolve())
        (copy / CONFIG).write_text(json.dumps({**config, name: tokens}), encoding="utf-8")
        yield copy


# Asking.


class Ladder:
    """A run: what was answered so far, and how much time is left."""

    def __init__(
        self,
        ledger: Ledger[Row],
        tokenizer: BpeTokenizer,
        settings: dict[str, Any],
        *,
        file_tokens: int,
        for_s: float,
    ) -> None:
        self.ledger = ledger
        self.cells_left = 1
        self._tokenizer = tokenizer
        self._settings = settings
        self._file_tokens = file_tokens
        self._until_s = time.monotonic() + for_s - sum(row.ms for row in ledger.rows) / 1000

    def holes_for(self, cell: Cell, tested: Sequence[Case] = ()) -> Iterator[Case]:
        """Give the holes of a cell's length: those with tests if there are any, mixed but always in the same order."""
        least = 1
        if cell.group == GRID:
            least = int(cell.hole_tokens * MIN_SHARE)
        elif cell.hole_tokens == BODY_TOKENS:
            least = LINE_TOKENS + 1
        if not tested:
            # As long for all canvases, so that the holes are the same.
            return cut_holes(self._tokenizer, least, cell.hole_tokens, self._file_tokens, seed=cell.hole_tokens)
        sizes = ((case, len(self._tokenizer.encode(case.truth))) for case in tested)
        fitting = [case for case, size in sizes if least <= size <= cell.hole_tokens and case.truth.strip()]
        return iter(random.Random(cell.hole_tokens).sample(fitting, len(fitting)))

    def climb(self, model: str, cells: Sequence[tuple[Cell, Iterator[Case]]], weight: int = 1) -> None:
        """Ask one server about all cells, each within its share of the time that is left."""
        with RawClient("--model", model) as client:
            client.initialize(self._settings)
            self._settle(client)
            for cell, cases in cells:
                rows = [row for row in self.ledger.rows if is_of(row, cell)]
                before, spent_s = {row.task_id for row in rows}, sum(row.ms for row in rows) / 1000
                left_s = max(self._until_s - time.monotonic() + spent_s, 0)
                until_s = time.monotonic() + left_s / self.cells_left * weight - spent_s
                for case in itertools.islice(cases, MOST_CASES):
                    if case.task_id not in before:
                        for row in self._ask_about(client, cell, case):
                            self.ledger.add(row)
                    if time.monotonic() > until_s:
                        break
                self.cells_left -= weight
                print(f"{cell.group}, hole {cell.hole_tokens}, canvas {cell.canvas_tokens}: done", file=sys.stderr)

    def _settle(self, client: RawClient) -> None:
        """Wait for the model, and ask something that is not measured."""
        client.wait_until(lambda: client.ask("dlm-lsp/status", {})["result"]["state"] == "ready")
        Document(client, "file:///ladder/first.py", "def first(a, b):\n    return ", "\n").ask()

    def _ask_about(self, client: RawClient, cell: Cell, case: Case) -> Iterator[Row]:
        """Open a document with a hole, ask about it in all states, and close it: open ones are told to the model for others."""
        text, cursor = case.snapshot.text, case.snapshot.cursor
        uri = f"file:///ladder/{re.sub('[^a-zA-Z0-9]+', '_', case.task_id)}.py"
        configure(client, {**self._settings, **cell.settings, "seed": 0})
        document = Document(client, uri, text[:cursor], text[cursor:])
        yield from self._ask_in(document, cell, case)
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def _ask_in(self, document: Document, cell: Cell, case: Case) -> Iterator[Row]:
        """Ask in all states."""
        yield self._ask(document, cell, case, "cold")
        configure(document.client, {**self._settings, **cell.settings, "seed": 1})
        yield self._ask(document, cell, case, "warm")
        if document.last()["outcome"] == "late":
            return  # nothing is remembered of what was cut off
        for _ in range(REPEATS):
            yield self._ask(document, cell, case, "repeated")
        if place := word_above(case.prefix):
            document.edit_above(*place, "_")
            yield self._ask(document, cell, case, "edited")
        for _ in range(TYPED_CHARS):
            told = document.last()
            shown = told["shown"] if told["outcome"] != "late" else []
            if not shown or len(shown[0]) < 2 or shown[0][0] == "\n":
                break
            document.type(shown[0][0])
            yield self._ask(document, cell, case, "typed")

    def _ask(self, document: Document, cell: Cell, case: Case, state: str) -> Row:
        """Take the time of one answer; what else is known of it is asked for afterwards."""
        before = counts(document.client)
        ms, items = document.ask()
        after, told = counts(document.client), document.last()
        shown = items[0]["insertText"] if items else ""
        completion = case.completion(shown)
        passed = None
        if state == "cold" and case.test:
            passed = bool(shown) and run_untrusted(case.program(completion)).passed
        spent = {} if told["known"] else told["spentMs"]
        best = told["candidates"][0] if told["candidates"] and not told["known"] else {}
        return Row(
            *(cell.group, cell.hole_tokens, cell.canvas_tokens, state, case.task_id),
            ms=round(ms, 3),
            denoise_ms=round(spent.get("denoise", 0.0), 3),
            forward_ms=round(spent.get("forward", 0.0), 3),
            calls=after.get("calls", 0) - before.get("calls", 0) if not told["known"] else 0,
            known=told["known"],
            rows=self._rows(told["request"], cell),
            written_tokens=len(best.get("tokenConfidence", ())),
            shown_tokens=len(self._tokenizer.encode(shown)),
            outcome=told["outcome"],
            exact=shown == case.truth,
            parses=bool(shown) and check_python(case.prefix + completion + case.suffix) is None,
            passed=passed,
        )

    def _rows(self, request: Message, cell: Cell) -> int:
        """Count what the model saw."""
        from dlm_lsp.worker.layout import head_ids

        told, window = request["context"], request["window"]
        snippets = tuple(Snippet(**piece) for piece in told["snippets"])
        start, head = head_ids(Context(told["path"], told["imports"], tuple(told["names"]), snippets), self._tokenizer)
        around = len(self._tokenizer.encode(window["prefix"])) + len(self._tokenizer.encode(window["suffix"]))
        most = cell.settings.get("maxWindowTokens", cell.canvas_tokens)
        return min(len(start) + len(head) + around + request["maxHoleTokens"], most)


def configure(client: RawClient, settings: dict[str, Any]) -> None:
    """Push settings."""
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": settings}})


def counts(client: RawClient) -> dict[str, int]:
    """Give what the server has counted."""
    return client.ask("dlm-lsp/status", {})["result"]["counts"]


def word_above(before: str) -> tuple[int, int] | None:
    """Give line and column behind a name that stands a little above the end of a text, where a letter more breaks nothing."""
    lines = before.split("\n")
    for line in range(len(lines) - 4, max(len(lines) - 30, -1), -1):
        for word in re.finditer(r"\b[a-z_]{3,}\b", lines[line]):
            if not keyword.iskeyword(word[0]):
                return line, word.end()
    return None


if __name__ == "__main__":
    main()
