"""Where the time of a request goes in the worker: by stage, and within the model's calls by operation.

    python -m benchmarks.request_profile     # a minute; writes results/profile.json and .md

In: nothing but this repository and Python's standard library, of which holes are cut. Out: benchmarks/results/profile.json and .md.
Stages are what the worker itself tells of its time, medians over requests as they come while somebody types. Operations are those of
PyTorch's profiler by their own processor time, in requests of their own: it slows what is small, so that they are given as shares.
"""

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import machine
from benchmarks.drift import CHARS_PER_TOKEN, Bench
from benchmarks.stdlib_holes import cut_holes
from dlm_lsp.commands.cases import Case
from dlm_lsp.models.cached import keep_contexts
from dlm_lsp.models.folders import find
from dlm_lsp.models.loading import load, parts_read
from dlm_lsp.models.tokenizer import read_tokenizer
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.wire import Hello

OUT = Path(__file__).parent / "results" / "profile.json"
LEAST_TOKENS, MOST_TOKENS, AROUND_TOKENS = 4, 24, 400
STAGES = {
    "encode": "laid out: text to tokens, lengths",
    "forward": "in the model",
    "sampler": "in the decoder: what is forbidden, what is committed, the next canvas",
    "guide": "judged: what the text around is like, parsing, what is masked again",
}
OPERATIONS = 12


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="nano")
    parser.add_argument(
        "--dtype", default="auto", help="in onnx-int8 a step is no operation of PyTorch's, and not in that table"
    )
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    result: dict[str, Any] = {**machine.describe(), "model": options.model, "threads": options.threads}
    denoiser = load(options.model, device="cpu", dtype=options.dtype, threads=options.threads)
    assert isinstance(denoiser, NetworkDenoiser), "a script has no network"
    hello = Hello(max_tokens=denoiser.max_tokens, chars_per_token=CHARS_PER_TOKEN, reads=parts_read(options.model))
    bench = Bench(denoiser, sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden), hello)
    holes = cut_holes(read_tokenizer(find(options.model)), LEAST_TOKENS, MOST_TOKENS, AROUND_TOKENS, seed=8)
    cases = list(itertools.islice(holes, options.requests))
    result |= {"dtype": denoiser.dtype, "requests": len(cases)}
    result["stages"] = by_stage(bench, cases)
    result["operations"] = by_operation(bench, cases[: max(len(cases) // 6, 1)])
    result["load_after"] = machine.load()
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = as_table(result)
    options.out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)


def by_stage(bench: Bench, cases: Sequence[Case]) -> dict[str, Any]:
    """Ask about every hole twice: cold, and beside the context that was kept of that."""
    contexts = keep_contexts(bench.denoiser)
    found: dict[str, Any] = {}
    times: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
    calls = []
    for case in cases:
        for spent in times.values():
            result = bench.fill(bench.request(case), contexts)
            spent.append(result.spent_ms)
            calls.append(result.calls)
    for state, spent in times.items():
        found[state] = {name: round(median(each[name] for each in spent), 2) for name in (*STAGES, "total")}
    return found | {"calls": round(fmean(calls), 1)}


def by_operation(bench: Bench, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Give the operations that take most of the processor's time, as shares of all of it."""
    contexts = keep_contexts(bench.denoiser)
    spent: Counter[str] = Counter()
    count: Counter[str] = Counter()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for case in cases:
            bench.fill(bench.request(case), contexts)
    for event in profiled.key_averages():
        spent[event.key] += event.self_cpu_time_total
        count[event.key] += event.count
    total = sum(spent.values())
    return [
        {"operation": name, "share": round(time / total, 4), "times": count[name]}
        for name, time in spent.most_common(OPERATIONS)
    ]


def as_table(result: dict[str, Any]) -> str:
    """Lay the results out for people."""
    stages = result["stages"]
    lines = [
        (
            f"`python -m benchmarks.request_profile`, model `{result['model']}` in {result['dtype']}, {result['threads']} threads, "
            f"{result['requests']} holes of {LEAST_TOKENS} to {MOST_TOKENS} tokens, {stages['calls']} model calls a request; "
            f"{machine.where(result)}."
        ),
        "",
        "| in the worker, median ms | asked first | asked again |",
        "| --- | --- | --- |",
        *(f"| {what} | {stages['cold'][name]} | {stages['warm'][name]} |" for name, what in STAGES.items()),
        f"| all | {stages['cold']['total']} | {stages['warm']['total']} |",
        "",
        "| PyTorch's operation | % of the processor's time | times |",
        "| --- | --- | --- |",
        *(f"| `{row['operation']}` | {100 * row['share']:.1f} | {row['times']} |" for row in result["operations"]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
