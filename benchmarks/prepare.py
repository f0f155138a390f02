"""What preparing the answer behind an offer costs, and how often it would be right.

    python benchmarks/prepare.py --limit 40 multi-line.jsonl

In: a file of holes of several lines in the form of HumanEval Infilling. Out: benchmarks/results/prepare.json. For each hole: the
model's answer, as a measure of cost; then, as if the first right line had been offered and accepted, the answer that is prepared
behind it. It is right if it begins with the next right line.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from dlm_lsp import __version__
from dlm_lsp.commands.cases import read_cases
from dlm_lsp.engine.gate import admit_all
from dlm_lsp.engine.local import LocalEngine
from dlm_lsp.engine.prepare import accept, next_line
from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, Snapshot, Trigger
from dlm_lsp.wire import Hello

RESULTS = Path(__file__).parent / "results" / "prepare.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One hole."""

    answer_calls: int
    prepared_calls: int
    offered: bool
    right: bool


async def measure(holes: Path, limit: int | None, settings: Settings, out: Path) -> None:
    """Ask twice per hole; what is measured is written after each, so that it may be stopped."""
    engine = LocalEngine(settings, on_log=lambda _: None)
    rows: list[Row] = []
    try:
        hello = await engine.ready()
        for case in read_cases([holes], limit):
            first, *others = [line for line in case.canonical.splitlines() if line.strip()]
            if not others:
                continue
            _, answer_calls = await ask(engine, hello, settings, case.snapshot)
            accepted = accept(case.snapshot, first)
            lead = next_line(accepted, request_for(hello, settings, accepted).holes[0])
            text, prepared_calls = await ask(engine, hello, settings, accept(accepted, lead))
            right = (lead + text).lstrip("\n").split("\n")[0] == others[0]
            rows.append(Row(answer_calls, prepared_calls, offered=bool(text), right=right))
            write_report(out, hello, rows)
            print(f"{len(rows)} holes", file=sys.stderr, flush=True)
    finally:
        await engine.stop()


def request_for(hello: Hello, settings: Settings, snapshot: Snapshot) -> InfillRequest:
    """Make the request of somebody who types."""
    return build_request(snapshot, settings, hello, request_id=1, trigger=Trigger.AUTOMATIC)


async def ask(engine: LocalEngine, hello: Hello, settings: Settings, snapshot: Snapshot) -> tuple[str, int]:
    """Give the text that would be offered, and the model calls as far as the worker tells of them."""
    request = request_for(hello, settings, snapshot)
    result = await engine.fill(request)
    shown = admit_all(snapshot, request, result, settings)
    return shown[0].text if shown else "", max((each.steps for each in result.candidates), default=0)


def write_report(out: Path, hello: Hello, rows: list[Row]) -> None:
    """Write down what is known so far; a mean of calls is over the answers that tell of theirs."""
    told = [row for row in rows if row.answer_calls and row.prepared_calls]
    report = {
        "script": "benchmarks/prepare.py",
        "version": __version__,
        "model": Path(hello.model).name,
        "model_hash": hello.model_hash,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "holes": len(rows),
        "mean_calls_of_an_answer": round(statistics.mean(row.answer_calls for row in told), 1) if told else None,
        "mean_calls_of_what_is_prepared": round(statistics.mean(row.prepared_calls for row in told), 1)
        if told
        else None,
        "prepared_with_something_to_offer": sum(row.offered for row in rows),
        "prepared_and_right": sum(row.right for row in rows),
    }
    out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Measure and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("holes", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    settings = Settings(threads=1, deadline_ms=600_000)
    asyncio.run(measure(options.holes, options.limit, settings, options.out))


if __name__ == "__main__":
    main()
