"""What the server costs beside the model: time and memory, seen from a client over stdio. Medians and ratios, not tests.

    python -m benchmarks.latency            # about four minutes on two cores; writes results/latency.json and latency.md

In: nothing but this repository. Out: benchmarks/results/latency.json and .md. *Own cost* is the time from sending a request to
reading its answer, less what the worker says that it spent in the decode loop (model and sampler). Every number comes with the
load that the machine had, because most of them are a few milliseconds.
"""

import argparse
import itertools
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks import machine
from dlm_lsp.syntax.strict import check_python
from tests.e2e.raw_client import Message, RawClient, replace

HERE = Path(__file__).parent
SIZES = (200, 2_000, 20_000)
DEADLINE_MS = 1_000
"""How long an answer takes is not measured here: a machine that is busy should not take an hour for what is."""
HOLE = '''\
def summarise(rows, limit):
    """Count the rows that are short enough, and give the longest of them."""
    total = 0
    longest = None
'''
TYPED = """\
    for row in rows:
        if len(row) < limit:
            total += 1
"""
"""What is typed in the hole, character by character, with a request behind each."""
SCRIPT = {"rules": [{"after": HOLE, "answer": TYPED}, {"after": "total = ", "answer": "total + 1"}]}


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="nano")
    parser.add_argument(
        "--keystrokes", type=int, default=len(TYPED), help="after which an answer is timed, per document"
    )
    parser.add_argument("--requests", type=int, default=10_000, help="of the run with random cancels")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "latency.json")
    options = parser.parse_args()
    result: dict[str, Any] = {
        "model": options.model,
        **machine.describe(),
    }
    with server(options.model) as client:
        result["start"] = first_and_second(client)
        result["own_cost"] = own_cost(client, TYPED[: options.keystrokes])
        print("own cost:", result["own_cost"], file=sys.stderr)
        result["cancel_ms"] = spread(cancel_to_answer(client))
        print("cancel:", result["cancel_ms"], file=sys.stderr)
    with server(options.model) as client:
        result["memory_mib"] = memory(client)
        print("memory:", result["memory_mib"], file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        script.write_text(json.dumps(SCRIPT), encoding="utf-8")
        with server(f"scripted:{script}") as client:  # what is measured here needs answers, and no model
            result["typed_through_ms"] = spread(typed_through(client))
            result["many"] = many_requests(client, options.requests)
    # The client has counted the responses: closing it fails where a request had two.
    result["load_after"] = machine.load()
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = as_table(result)
    options.out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)


@contextmanager
def server(model: str) -> Iterator[RawClient]:
    """Start a server, with threads for half the cores: an editor runs beside it."""
    with RawClient("--model", model, "--device", "cpu", "--threads", str(max((os.cpu_count() or 2) // 2, 1))) as client:
        client.initialize({"deadlineMs": DEADLINE_MS})
        yield client


class Document:
    """An open document with a cursor, at which somebody types."""

    def __init__(self, client: RawClient, uri: str, before: str, behind: str) -> None:
        self.client = client
        self.uri = uri
        self.line = before.count("\n")
        self.column = len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
        self.version = 1
        client.open(uri, before + behind)

    def type(self, text: str) -> None:
        """Type, a change for each character."""
        for char in text:
            self.version += 1
            place = (self.line, self.column)
            self.client.change(self.uri, self.version, replace(place, place, char))
            self.line, self.column = (self.line + 1, 0) if char == "\n" else (self.line, self.column + 1)

    def edit_above(self, line: int, column: int, text: str) -> None:
        """Insert a piece of a line above the cursor's."""
        assert line < self.line, "the cursor would have to move"
        self.version += 1
        self.client.change(self.uri, self.version, replace((line, column), (line, column), text))

    def send(self) -> int:
        """Ask as an editor does at each keystroke."""
        return self.client.request_inline(self.uri, self.line, self.column, trigger=2)

    def ask(self) -> tuple[float, list[Message]]:
        """Ask; give the milliseconds until the answer and the items."""
        begin = time.perf_counter()
        answer = self.client.answer(self.send())
        return (time.perf_counter() - begin) * 1000, answer["result"]["items"]

    def last(self) -> Message:
        """Give what the server tells of its last answer here."""
        return self.client.ask("dlm-lsp/lastAnswer", {"textDocument": {"uri": self.uri}})["result"]


class Typist(Document):
    """Somebody who types in the same hole, in documents of any length."""

    def __init__(self, client: RawClient, uri: str, lines: int) -> None:
        before, behind = around(lines)
        super().__init__(client, uri, before + HOLE, "\n\n" + behind)


def around(lines: int) -> tuple[str, str]:
    """Give so many lines of this package's own source, half of them before the hole; near it all sizes have the same."""
    files = sorted((HERE.parent / "dlm_lsp").rglob("*.py"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    pieces = [each for each in re.split(r"^(?=def |class )", text, flags=re.MULTILINE) if check_python(each) is None]
    half: list[str] = []
    count = 0
    for piece in itertools.cycle(pieces):
        half.append(piece)
        count += piece.count("\n")
        if count >= lines // 2:
            break
    return "".join(reversed(half)), "".join(half)


def first_and_second(client: RawClient) -> dict[str, float]:
    """Measure the first answer of a server whose model is loaded, and the same question in another document."""
    first, second = (Typist(client, f"file:///{name}/start.py", 200) for name in ("first", "second"))
    client.wait_until(lambda: client.ask("dlm-lsp/status", {})["result"]["state"] == "ready")
    return {"first_ms": round(first.ask()[0], 1), "second_ms": round(second.ask()[0], 1)}


def own_cost(client: RawClient, typed: str) -> dict[str, Any]:
    """Measure what an answer costs beside the decode loop, in documents of all sizes in turn, at the same keystrokes."""
    typists = {lines: Typist(client, f"file:///own/{lines}.py", lines) for lines in SIZES}
    own: dict[int, list[float]] = {lines: [] for lines in SIZES}
    cpu: dict[int, list[float]] = {lines: [] for lines in SIZES}
    sampler: list[float] = []
    front = psutil.Process(client.process.pid)
    for typist in typists.values():
        typist.ask()
    for char in typed:
        for lines, typist in typists.items():
            before = sum(front.cpu_times()[:2])
            typist.type(char)
            ms, _ = typist.ask()
            cpu[lines].append(1000 * (sum(front.cpu_times()[:2]) - before))
            answer = typist.last()
            if answer["known"]:
                continue
            spent = answer["spentMs"]
            own[lines].append(ms - spent["denoise"])
            steps = max((each["steps"] for each in answer["candidates"]), default=0)
            if steps:
                sampler.append(spent["sampler"] / steps)
    ratios = [large / small for large, small in zip(own[SIZES[-1]], own[SIZES[0]], strict=False)]
    return {
        "by_lines": {lines: spread(values) for lines, values in own.items()},
        "front_cpu_ms": {lines: round(statistics.mean(values), 2) for lines, values in cpu.items()},
        "largest_to_smallest": round(statistics.median(own[SIZES[-1]]) / statistics.median(own[SIZES[0]]), 2),
        "median_of_ratios": round(statistics.median(ratios), 2),
        "sampler_ms_per_step": spread(sampler),
    }


def cancel_to_answer(client: RawClient) -> list[float]:
    """Measure how soon a request that is taken back, at some moment of its work, is answered."""
    typist, found = Typist(client, "file:///cancel.py", 1_000), []
    rng = random.Random(0)
    while len(found) < 100:
        for char in TYPED:
            typist.type(char)
            request = typist.send()
            time.sleep(rng.uniform(0.005, 0.06))
            begin = time.perf_counter()
            client.cancel(request)
            if "error" in client.answer(request):
                found.append((time.perf_counter() - begin) * 1000)
    return found


def typed_through(client: RawClient) -> list[float]:
    """Measure how soon the rest of an answer is there while the user types what it says."""
    found = []
    for number in range(5):
        typist = Typist(client, f"file:///through/{number}.py", 1_000)
        _, items = typist.ask()
        while items and len(items[0]["insertText"]) > 1:
            typist.type(items[0]["insertText"][0])
            ms, items = typist.ask()
            if typist.last()["known"]:
                found.append(ms)
    return found


def memory(client: RawClient) -> dict[str, float]:
    """Measure both processes with ten open files of 1,000 lines, each of which was asked about."""
    for number in range(10):
        typist = Typist(client, f"file:///memory/{number}.py", 1_000)
        for char in TYPED[:3]:
            typist.type(char)
            typist.ask()
    time.sleep(2)  # what is read while nobody waits
    typist.ask()
    (worker,) = client.worker_ids()
    return {"front": resident_mib(client.process.pid), "worker": resident_mib(worker)}


def many_requests(client: RawClient, count: int) -> dict[str, Any]:
    """Send many requests while somebody types, take some of them back, and look at the memory."""
    rng = random.Random(0)
    typist = Typist(client, "file:///many.py", 200)
    memory_mib: list[tuple[float, float]] = []
    begin = time.perf_counter()
    sent = answered = cancelled = 0
    while sent < count:
        batch = []
        for _ in range(20):
            typist.type(rng.choice("abc(). \n"))
            batch.append(typist.send())
            if rng.random() < 0.3:
                client.cancel(rng.choice(batch))
        for request in batch:
            cancelled += "error" in client.answer(request)
            answered += client.answers[request] == 1
        sent += len(batch)
        if sent % 1_000 == 0 or sent >= count:
            (worker,) = client.worker_ids()
            memory_mib.append((resident_mib(client.process.pid), resident_mib(worker)))
    return {
        "requests": sent,
        "answered_once": answered,
        "cancelled_or_superseded": cancelled,
        "requests_per_second": round(sent / (time.perf_counter() - begin)),
        "front_mib": [front for front, _ in memory_mib],
        "worker_mib": [worker for _, worker in memory_mib],
    }


def resident_mib(pid: int) -> float:
    """Give the memory of a process that is in use."""
    return round(psutil.Process(pid).memory_info().rss / 2**20, 1)


def spread(values: list[float]) -> dict[str, float]:
    """Give count, median and tail."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    tail = ordered[min(int(0.99 * len(ordered)), len(ordered) - 1)]
    return {"count": len(ordered), "p50": round(statistics.median(ordered), 2), "p99": round(tail, 2)}


def as_table(result: dict[str, Any]) -> str:
    """Lay out what was measured beside what is wanted."""
    own, many, memory_mib = result["own_cost"], result["many"], result["memory_mib"]

    def row(what: str, values: dict[str, float], wanted: str) -> str:
        return f"| {what} | {values.get('p50', '')} | {values.get('p99', '')} | {wanted} |"

    lines = [
        f"`python -m benchmarks.latency`, model `{result['model']}`, {machine.where(result)}.",
        "",
        "| over stdio, ms | p50 | p99 | wanted |",
        "| --- | --- | --- | --- |",
        *(row(f"own cost, {n} lines", values, "≤ 5, ≤ 20") for n, values in own["by_lines"].items()),
        *(
            row(f"processor time of the front, {n} lines (mean)", {"p50": ms}, "")
            for n, ms in own["front_cpu_ms"].items()
        ),
        row("sampler per step", own["sampler_ms_per_step"], ""),
        row("cancel to answer", result["cancel_ms"], "p99 ≤ 10"),
        row("typed through", result["typed_through_ms"], "p99 ≤ 5"),
        "",
        "| | measured | wanted |",
        "| --- | --- | --- |",
        f"| own cost, {SIZES[-1]} ÷ {SIZES[0]} lines (ratio of medians) | {own['largest_to_smallest']} | ≤ 1.2 |",
        f"| first answer, second answer, ms | {result['start']['first_ms']}, {result['start']['second_ms']} | not slower |",
        f"| front, 10 files of 1,000 lines, MiB | {memory_mib['front']} | ≤ 80 |",
        f"| worker, MiB | {memory_mib['worker']} | ≤ 600 |",
        f"| {many['requests']} requests, answered once each | {many['answered_once']} | all |",
        f"| memory of the front after 1,000 and after all, MiB | {many['front_mib'][0]}, {many['front_mib'][-1]} | flat |",
        f"| memory of the worker after 1,000 and after all, MiB | {many['worker_mib'][0]}, {many['worker_mib'][-1]} | flat |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
