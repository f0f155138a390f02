"""What keeping a context across keystrokes does to the model: its answers after an edit beside those of a full pass.

    python -m benchmarks.drift single-line.jsonl multi-line.jsonl random-span.jsonl …

In: files of holes in the form of HumanEval Infilling. Out: benchmarks/results/drift.json. Typing is simulated by a document that lacks
the last characters before the hole: its canvas is computed, then the hole's own canvas begins with what is kept of that. Two things
are compared with a full pass: the logits of all hole rows in the first call (KL divergence in nats, the likeliest token, and
how often that differs where it is surer than the threshold), and finished answers. The yardstick is the same drift within one decode,
where part of the hole is written and the context has not seen it. Small holes, small model: a drift, not a quality.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from torch import Tensor

from benchmarks import machine
from dlm_lsp.commands.cases import Case, read_cases
from dlm_lsp.engine.request import build_request
from dlm_lsp.models.cached import Cached, Hole
from dlm_lsp.models.denoiser import View
from dlm_lsp.models.kept_context import Contexts
from dlm_lsp.models.loading import load, parts_read
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.healing import Pieces, sort_pieces
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, InfillResult, Trigger
from dlm_lsp.wire import Hello
from dlm_lsp.worker.lane import begin
from dlm_lsp.worker.lengths import lay_out
from dlm_lsp.worker.pipeline import fill

OUT = Path(__file__).parent / "results" / "drift.json"
TYPED_CHARS = (1, 4, 16, 64)
NEIGHBOURS = (0, 8, 16)
WRITTEN = (0.25, 0.5, 0.75)
"""Shares of a hole that are written, for the yardstick."""
LAZY = Hole(steps=10_000, share=1)
WAYS = {
    "none": ("none", 0),
    "often computed anew": ("hole:steps=8,share=0.25,across=false", 0),
    "hole, one request": ("hole:across=false", 0),
    "hole, after 4 typed characters": ("hole", 4),
}
"""By name: the cache, and how many characters were typed since what it begins with was computed."""
CHARS_PER_TOKEN = 3.2


@dataclass(frozen=True, slots=True)
class Bench:
    """The model and what asking it needs."""

    denoiser: NetworkDenoiser
    pieces: Pieces
    hello: Hello

    def request(self, case: Case, missing_chars: int = 0, **settings: Any) -> InfillRequest:
        """Make the request for a hole, before so many characters were typed in front of it."""
        snapshot, start = case.snapshot, case.snapshot.cursor
        text = snapshot.text[: start - missing_chars] + snapshot.text[start:]
        snapshot = replace(snapshot, text=text, cursor=start - missing_chars)
        chosen = Settings(**{"deadline_ms": 60_000, **settings})
        return build_request(snapshot, chosen, self.hello, request_id=1, trigger=Trigger.INVOKED)

    def view(self, request: InfillRequest) -> View:
        """Make the first question about a request."""
        plans, draft = lay_out(request, self.denoiser, self.pieces, None, until=0)
        canvas = begin(plans[0], 0, draft, request, self.denoiser).canvas
        return View(canvas.tokens, canvas.rows)

    def fill(self, request: InfillRequest, contexts: Contexts | None = None) -> InfillResult:
        """Answer a request."""
        return fill(
            request,
            self.denoiser,
            self.pieces,
            arrived=time.monotonic(),
            cancelled=lambda: False,
            contexts=contexts,
        )


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("holes", nargs="+", type=Path)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--logits", type=int, default=22, help="holes of each kind whose logits are compared")
    parser.add_argument("--answers", type=int, default=34, help="holes of each kind whose answers are compared")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    denoiser = load(options.model, device="cpu", threads=1)
    assert isinstance(denoiser, NetworkDenoiser), "a script keeps no keys"
    hello = Hello(max_tokens=denoiser.max_tokens, chars_per_token=CHARS_PER_TOKEN, reads=parts_read(options.model))
    bench = Bench(denoiser, sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden), hello)
    result: dict[str, Any] = {
        **machine.describe(),
        "model": options.model,
        "holes": [path.name for path in options.holes],
    }
    if options.logits:
        result["logits"] = compare_logits(bench, read_some(options.holes, options.logits))
    if options.answers:
        result["answers"] = compare_answers(bench, read_some(options.holes, options.answers))
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    json.dump(result, sys.stdout, indent=1)


def read_some(paths: list[Path], count: int) -> list[Case]:
    """Read so many holes of each kind, spread over the problems."""
    cases: list[Case] = []
    for path in paths:
        every = read_cases([path])
        cases += every[:: max(len(every) // count, 1)][:count] if count else []
    return cases


def compare_logits(bench: Bench, cases: list[Case]) -> dict[str, Any]:
    """Compare the logits of the first call, by characters typed and neighbours computed again; and those within a decode."""
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    rows: dict[str, list[int]] = defaultdict(list)
    for case in cases:
        request = bench.request(case)
        view = bench.view(request)
        (truth,) = bench.denoiser.predict([view])
        for chars in TYPED_CHARS:
            before = bench.view(bench.request(case, chars)) if chars <= case.snapshot.cursor else None
            if before is None or (
                len(before.tokens) == len(view.tokens) and bool((before.tokens == view.tokens).all())
            ):
                continue  # nothing was typed that the model sees: healing hides the word at the cursor
            for neighbours in NEIGHBOURS:
                contexts = Contexts(bench.denoiser, neighbours=neighbours)
                Cached(bench.denoiser, LAZY, contexts).predict([before])
                known = contexts.begin(view.tokens, torch.isin(torch.arange(len(view.tokens)), view.rows))
                name = f"typed {chars}, neighbours {neighbours}"
                rows[name].append(len(view.tokens) if known is None else int(known[1].sum()))
                found[name].append(drift(truth, Cached(bench.denoiser, LAZY, contexts).predict([view])[0]))
        for share, written in within(view, case, bench):
            cached = Cached(bench.denoiser, LAZY)
            cached.predict([view])
            left = (written.tokens[written.rows] == bench.denoiser.vocabulary.mask_id).nonzero().flatten()
            (now,), (later,) = bench.denoiser.predict([written]), cached.predict([written])
            found[f"within a decode, {share:.0%} written"].append(drift(now[left], later[left]))
    return {
        name: {
            "holes": len(values),
            "kl_mean": round(fmean(kl for kl, _, _ in values), 4),
            "kl_median": round(median(kl for kl, _, _ in values), 4),
            "top1_same_pct": round(100 * fmean(same for _, same, _ in values), 1),
            "sure_flips_pct": round(100 * fmean(flips for _, _, flips in values), 2),
        }
        | ({"rows_computed": round(fmean(rows[name]), 1)} if name in rows else {})
        for name, values in found.items()
    }


def within(view: View, case: Case, bench: Bench) -> Iterator[tuple[float, View]]:
    """Give the canvas with shares of its hole written from the left, with the truth as far as it goes."""
    ids = bench.denoiser.tokenizer.encode(case.truth)
    for share in WRITTEN:
        count = min(int(len(view.rows) * share), len(ids), len(view.rows) - 1)
        if count:
            tokens = view.tokens.index_copy(0, view.rows[:count], torch.tensor(ids[:count]))
            yield share, replace(view, tokens=tokens)


def drift(expected: Tensor, actual: Tensor) -> tuple[float, float, float]:  # [H, V], [H, V]
    """Give the mean KL divergence, the share of rows with the same likeliest token, and that of sure rows with another."""
    log_expected, log_actual = expected.log_softmax(-1), actual.log_softmax(-1)
    kl = (log_expected.exp() * (log_expected - log_actual)).sum(-1).mean()
    same = (expected.argmax(-1) == actual.argmax(-1)).float()
    sure = log_expected.amax(-1).exp() > Settings().threshold
    return float(kl), float(same.mean()), float((sure & (same == 0)).float().mean())


def compare_answers(bench: Bench, cases: list[Case]) -> dict[str, Any]:
    """Compare finished answers of the first round: with everything computed at every call, and with what `WAYS` keep."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number, case in enumerate(cases, 1):
        reference: InfillResult | None = None
        for name, (cache, missing_chars) in WAYS.items():
            contexts = Contexts(bench.denoiser)
            if missing_chars:
                before = bench.view(bench.request(case, min(missing_chars, case.snapshot.cursor)))
                Cached(bench.denoiser, LAZY, contexts).predict([before])
            request = bench.request(case, cache=cache, repair_rounds=0)
            began = time.process_time()
            result = bench.fill(request, contexts)
            spent_ms = (time.process_time() - began) * 1000
            reference = reference or result
            first, expected = result.candidates[:1], reference.candidates[:1]
            way = found[name]
            way["same"].append([each.texts for each in first] == [each.texts for each in expected])
            way["parses"].append(any(each.parses for each in first))
            way["calls"].append(first[0].steps if first else 0)
            way["logprob"].append(first[0].mean_logprob if first else 0.0)
            way["cpu_ms"].append(spent_ms)
        if number % 20 == 0:
            print(json.dumps(sum_up(found), indent=1), file=sys.stderr, flush=True)
    return sum_up(found)


def sum_up(found: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Give means and medians by way."""
    return {
        name: {
            "holes": len(way["same"]),
            "same_as_none_pct": round(100 * fmean(way["same"]), 1),
            "parses_pct": round(100 * fmean(way["parses"]), 1),
            "calls": round(fmean(way["calls"]), 1),
            "mean_logprob": round(fmean(way["logprob"]), 3),
            "cpu_ms_mean": round(fmean(way["cpu_ms"]), 1),
            "cpu_ms_median": round(median(way["cpu_ms"]), 1),
        }
        for name, way in found.items()
    }


if __name__ == "__main__":
    main()
