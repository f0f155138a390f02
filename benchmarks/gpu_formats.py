"""What the 8-bit formats of a GPU cost in quality: a model's answers in each of them beside those in float32.

    python -m benchmarks.gpu_formats single-line.jsonl multi-line.jsonl random-span.jsonl … --model nano --device cuda

In: files of holes in the form of HumanEval Infilling, a model with trained weights. Out: benchmarks/results/gpu_formats.json: KL divergence in
nats a masked row, the likeliest token, how often that is another one where float32 is surer than the threshold, as `cpu_formats` counts
them. On the CPU, which has no unit for fp8, the same numbers are widened and multiplied: what rounding costs is the same there, and no
time is taken. What the formats give in time is told by `benchmarks.gpu`.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from benchmarks.cpu_formats import CPU, compare
from benchmarks.drift import CHARS_PER_TOKEN, Bench, read_some
from benchmarks.machine import describe
from dlm_lsp.models.folders import find, model_hash
from dlm_lsp.models.formats import EXACT
from dlm_lsp.models.loading import DTYPES, FAMILIES, load, parts_read, read_config, read_weights, unfilled
from dlm_lsp.models.narrow import NARROW, narrow_weights
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.wire import Hello

OUT = Path(__file__).parent / "results" / "gpu_formats.json"
WIDE = "bfloat16"
"""What the server takes on CUDA, and what all but the layers of a narrow network is in."""


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("holes", nargs="+", type=Path)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--count", type=int, default=24, help="holes of each file")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    like = load(options.model, device="cpu", dtype=EXACT, threads=1)
    assert isinstance(like, NetworkDenoiser), "a script has no number format"
    bench = Bench(
        like,
        sort_pieces(like.tokenizer.piece_texts(), like.vocabulary.forbidden),
        Hello(max_tokens=like.max_tokens, chars_per_token=CHARS_PER_TOKEN, reads=parts_read(options.model)),
    )
    place = torch.device(options.device)
    made = {dtype: in_format(find(options.model), dtype, place, like) for dtype in (EXACT, WIDE, *NARROW)}
    result = {
        **describe(),
        "device": options.device,
        "model": options.model,
        "model_hash": model_hash(options.model),
        "answers": compare(bench, made, read_some(options.holes, options.count)),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    json.dump(result, sys.stdout, indent=1)


def in_format(folder: Path, dtype: str, place: torch.device, like: NetworkDenoiser) -> NetworkDenoiser:
    """Load a model as the server does on a GPU, wherever it is to run."""
    config = read_config(folder)
    network = unfilled(FAMILIES[config["model_type"]], config)
    weights = read_weights(folder, config, network.state_dict(), DTYPES.get(dtype, DTYPES[WIDE]), CPU)
    network.load_state_dict(weights, assign=True)
    if dtype in NARROW:
        narrow_weights(network, dtype, place)
    return NetworkDenoiser(network.to(place), like.vocabulary, like.tokenizer)


if __name__ == "__main__":
    main()
