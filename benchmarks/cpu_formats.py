"""What number formats cost and give on the CPU: their answers beside float32's, and their times beside those of unpacked weights.

    python -m benchmarks.cpu_formats single-line.jsonl multi-line.jsonl random-span.jsonl …

In: files of holes in the form of HumanEval Infilling. Out: benchmarks/results/cpu_formats.json. Compared are the logits of the first
call and of canvases whose holes are written in part: KL divergence in nats a masked row, the likeliest token, how often that is another
one where float32 is surer than the threshold. Timed, in turns, the least of many: a step for a hole of 24 rows beside a kept
context and a pass over all of 384, for the model and for the shape of `--shape` with random weights. Processor time on one thread,
which other work on the machine disturbs less than it does a clock.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import nn

from benchmarks.drift import CHARS_PER_TOKEN, Bench, drift, read_some, within
from benchmarks.machine import describe
from dlm_lsp.commands.cases import Case
from dlm_lsp.models.folders import find
from dlm_lsp.models.formats import EVERYTHING, EXACT, FASTER, HOLE, Trial
from dlm_lsp.models.loading import FAMILIES, build, load, parts_read, read_config, read_weights, unfilled
from dlm_lsp.models.transformer import NetworkDenoiser, compute
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.wire import Hello

OUT = Path(__file__).parent / "results" / "cpu_formats.json"
SHAPE = Path(__file__).parents[1] / "training" / "small.json"
UNPACKED = "float32, unpacked"
CPU = torch.device("cpu")


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("holes", nargs="*", type=Path)
    parser.add_argument("--model", default="nano")
    parser.add_argument(
        "--shape", type=Path, default=SHAPE, help="config.json of a model to be timed with random weights"
    )
    parser.add_argument("--count", type=int, default=24, help="holes of each file")
    parser.add_argument("--steps", type=int, default=40, help="how often a step is timed; a pass a fourth as often")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    like = load(options.model, device="cpu", dtype=EXACT, threads=1)
    assert isinstance(like, NetworkDenoiser), "a script has no number format"
    made = {dtype: load(options.model, device="cpu", dtype=dtype, threads=1) for dtype in (EXACT, *FASTER)}
    # Not those of an extra that is not installed.
    made = {dtype: denoiser for dtype, denoiser in made.items() if denoiser.dtype == dtype}
    bench = Bench(
        like,
        sort_pieces(like.tokenizer.piece_texts(), like.vocabulary.forbidden),
        Hello(max_tokens=like.max_tokens, chars_per_token=CHARS_PER_TOKEN, reads=parts_read(options.model)),
    )
    folder = find(options.model)
    config = read_config(folder)
    wanted = unfilled(FAMILIES[config["model_type"]], config).state_dict()
    shape = json.loads(options.shape.read_text(encoding="utf-8"))
    result = {
        **describe(),
        "model": options.model,
        "answers": compare(bench, made, read_some(options.holes, options.count)),
        "ms": {
            options.model: spend(
                list(made), config, read_weights(folder, config, wanted, torch.float32, CPU), like, options.steps
            ),
            options.shape.stem: spend(list(made), shape, random_weights(shape), like, options.steps),
        },
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    json.dump(result, sys.stdout, indent=1)


def compare(bench: Bench, made: dict[str, Any], cases: list[Case]) -> dict[str, Any]:
    """Compare each format's logits with float32's."""
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for case in cases:
        view = bench.view(bench.request(case))
        for asked in (view, *(written for _, written in within(view, case, bench))):
            masked = (asked.tokens[asked.rows] == bench.denoiser.vocabulary.mask_id).nonzero().flatten()
            said = {dtype: denoiser.predict([asked])[0][masked] for dtype, denoiser in made.items()}
            for dtype, logits in said.items():
                found[dtype].append(drift(said[EXACT], logits))
    return {
        dtype: {
            "canvases": len(values),
            "kl_mean": round(fmean(kl for kl, _, _ in values), 5),
            "top1_same_pct": round(100 * fmean(same for _, same, _ in values), 2),
            "sure_flips_pct": round(100 * fmean(flips for _, _, flips in values), 3),
        }
        for dtype, values in found.items()
        if dtype != EXACT
    }


def random_weights(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Draw the weights of a shape."""
    torch.manual_seed(0)
    network: nn.Module = FAMILIES[config["model_type"]].network(config)
    return network.state_dict()


def spend(
    formats: Sequence[str],
    config: dict[str, Any],
    weights: dict[str, torch.Tensor],
    like: NetworkDenoiser,
    steps: int,
) -> dict[str, Any]:
    """Time every format, and float32 as it was without packing."""
    family = FAMILIES[config["model_type"]]
    trials = {}
    for name in (UNPACKED, *formats):
        if name == UNPACKED:
            network, compute_rows = unfilled(family, config), compute
            network.load_state_dict(weights, assign=True)
        else:
            network, compute_rows, _ = build(family, config, weights, name, CPU)
        trials[name] = Trial.of(family.denoiser(network, like.vocabulary, like.tokenizer, compute_rows=compute_rows))
        trials[name].compute(EVERYTHING)
    least: dict[str, dict[str, float]] = {name: {} for name in trials}
    for what, rows, count in (("step", HOLE, steps), ("pass", EVERYTHING, max(steps // 4, 1))):
        for _ in range(count):
            for name, trial in trials.items():
                began = time.process_time()
                trial.compute(rows)
                spent_ms = (time.process_time() - began) * 1000
                least[name][what] = round(min(least[name].get(what, spent_ms), spent_ms), 2)
    return least


if __name__ == "__main__":
    main()
