"""What a decode that starts from the last answer is worth after an edit nearby, against one that starts from masks alone.

    python benchmarks/warm.py --limit 20 single-line.jsonl multi-line.jsonl random-span.jsonl

In: files of holes in the form of HumanEval Infilling. Out: benchmarks/results/warm.json. For each hole: the server's answer, then an
edit that leaves the meaning of the program as it is, then the answer again, fresh and from the first answer. Three edits: a comment
on a line of its own above the hole; a parameter that the answer uses, renamed everywhere around it; the first word of the right text
typed, where the answer begins otherwise.
"""

import argparse
import asyncio
import json
import keyword
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dlm_lsp import __version__
from dlm_lsp.commands.cases import Case, read_cases
from dlm_lsp.commands.sandbox import run_untrusted
from dlm_lsp.engine.gate import admit_all
from dlm_lsp.engine.local import LocalEngine
from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.values import Snapshot, Trigger
from dlm_lsp.wire import Hello

RESULTS = Path(__file__).parent / "results" / "warm.json"
NEW_NAME = "values"


@dataclass(frozen=True, slots=True)
class Edited:
    """A hole after an edit."""

    edit: str
    prefix: str
    behind: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server would show, and what it took."""

    text: str
    calls: int
    ms: float
    passed: bool = False


def edits(case: Case, answer: str) -> Iterator[Edited]:
    """Give the edits that can be made around an answered hole."""
    prefix, behind = case.prefix, case.snapshot.text[len(case.prefix) :]
    line_start = prefix.rfind("\n") + 1
    indent = prefix[line_start:][: len(prefix[line_start:]) - len(prefix[line_start:].lstrip())]
    yield Edited("comment above", f"{prefix[:line_start]}{indent}# then\n{prefix[line_start:]}", behind)
    heads = re.findall(rf"^def {re.escape(case.entry_point)}\(([^)]*)\)", prefix, re.MULTILINE)
    parameters = re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", heads[-1] if heads else "")
    used = [name for name in parameters if re.search(rf"\b{name}\b", answer) and not keyword.iskeyword(name)]
    if used and not re.search(rf"\b{NEW_NAME}\b", case.snapshot.text):
        new = [re.sub(rf"\b{used[0]}\b", NEW_NAME, text) for text in (prefix, behind)]
        yield Edited("parameter renamed", *new)
    word = re.match(r"\s*\w+", case.canonical)
    if word and not answer.startswith(word[0]):
        yield Edited("word typed", prefix + word[0], behind)


async def measure(cases: list[Case], settings: Settings, out: Path) -> None:
    """Answer all holes, before and after the edits; what is measured is written after each, so that it may be stopped."""
    engine = LocalEngine(settings, on_log=lambda _: None)
    rows: list[dict[str, Any]] = []
    try:
        hello = await engine.ready()
        for number, case in enumerate(cases, start=1):
            behind = case.snapshot.text[len(case.prefix) :]
            first = await ask(engine, hello, settings, prefix=case.prefix, behind=behind)
            for edited in edits(case, first.text) if first.text else ():
                replies = []
                for draft in ("", first.text):
                    place = {"prefix": edited.prefix, "behind": edited.behind}
                    reply = await ask(engine, hello, settings, **place, draft=draft)
                    program = f"{edited.prefix}{reply.text}{edited.behind}\n{case.test}\ncheck({case.entry_point})\n"
                    trial = await asyncio.to_thread(run_untrusted, program) if reply.text.strip() else None
                    replies.append(replace(reply, passed=trial is not None and trial.passed))
                rows.append({"edit": edited.edit, "first": first.text, "fresh": replies[0], "warm": replies[1]})
            write_report(out, hello, rows, number)
            print(f"{number} of {len(cases)} holes", file=sys.stderr, flush=True)
    finally:
        await engine.stop()


def write_report(out: Path, hello: Hello, rows: list[dict[str, Any]], holes: int) -> None:
    """Write down what is known so far."""
    report = {
        "script": "benchmarks/warm.py",
        "version": __version__,
        "model": Path(hello.model).name,
        "model_hash": hello.model_hash,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "holes": holes,
        "edits": {
            name: summary([row for row in rows if name in (row["edit"], "all")])
            for name in (*dict.fromkeys(row["edit"] for row in rows), "all")
        },
    }
    out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


async def ask(
    engine: LocalEngine, hello: Hello, settings: Settings, *, prefix: str, behind: str, draft: str = ""
) -> Reply:
    """Ask as the server does for the key, from a draft if there is one."""
    snapshot = Snapshot("file:///benchmark/solution.py", "python", 1, prefix + behind, len(prefix))
    request = build_request(snapshot, settings, hello, request_id=1, trigger=Trigger.INVOKED)
    began = time.perf_counter()
    result = await engine.fill(replace(request, drafts=(draft,) if draft else ()))
    ms = (time.perf_counter() - began) * 1000
    shown = admit_all(snapshot, request, result, settings)
    return Reply(shown[0].text if shown else "", max((each.steps for each in result.candidates), default=0), ms)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare fresh and warm on the same edits; calls and times of those that both had an answer for."""
    both = [row for row in rows if row["fresh"].calls and row["warm"].calls]
    return {
        "cases": len(rows),
        **{
            start: {
                "passed": sum(row[start].passed for row in rows),
                "answered": sum(bool(row[start].text) for row in rows),
                "as_before_the_edit": sum(row[start].text == row["first"] for row in rows),
                "mean_calls": round(statistics.mean(row[start].calls for row in both), 1) if both else None,
                "median_ms": round(statistics.median(row[start].ms for row in both)) if both else None,
            }
            for start in ("fresh", "warm")
        },
        "same_text": sum(row["fresh"].text == row["warm"].text for row in rows),
        "passed_only_warm": sum(row["warm"].passed and not row["fresh"].passed for row in rows),
        "passed_only_fresh": sum(row["fresh"].passed and not row["warm"].passed for row in rows),
    }


def main() -> None:
    """Measure and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("holes", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, help="of each file")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    files = [read_cases([path], options.limit) for path in options.holes]
    cases = [case for several in zip_longest(*files) for case in several if case is not None]
    asyncio.run(measure(cases, Settings(threads=1, deadline_ms=600_000), options.out))


if __name__ == "__main__":
    main()
