"""Turns a training state into a model folder: safetensors in Hugging Face Dream layout, config, tokenizer, model card.

In: a run's state.pt, the config it was trained with, data/ (tokenizer, NOTICE). Out: a folder that `--model` takes.

    python -m training.export --size nano --out FOLDER               # bf16, what the authors' modeling_dream.py loads
    python -m training.export --size nano --out FOLDER --int8        # half the size, what the package ships

int8 is symmetric per output row: of a matrix NAME the file holds int8 under NAME and a float32 scale per row under
NAME_scale; the loader multiplies them back. Vectors (norms, biases) stay as they are.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from . import HERE
from .corrupt import READS
from .recipe import SIZES

CARD = HERE / "model_card.md"


def weights_of(state: Path) -> dict[str, Tensor]:
    """The trained weights by their checkpoint names, float32; a tied head is left out, as Hugging Face writes it."""
    saved = torch.load(state, weights_only=True, map_location="cpu")
    weights: dict[str, Tensor] = saved["weights"]
    if saved["config"]["tie_word_embeddings"]:
        weights = {name: weight for name, weight in weights.items() if name != "lm_head.weight"}
    return {name: weight.float().contiguous() for name, weight in weights.items()}


def int8_per_row(weight: Tensor) -> tuple[Tensor, Tensor]:  # [R, C] -> [R, C] int8, [R] float32
    """Round each row to 255 steps of its own largest magnitude."""
    scale = weight.abs().amax(dim=1).clamp_min(1e-12) / 127
    return (weight / scale[:, None]).round().to(torch.int8), scale


def quantised(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every matrix as int8 with its scales, every vector as it is."""
    small: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.ndim == 2:
            small[name], small[f"{name}_scale"] = int8_per_row(weight)
        else:
            small[name] = weight
    return small


def widened(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a loader makes of `quantised`: float32 again, as far as rounding allows."""
    return {
        name: weight.float() * weights[f"{name}_scale"][:, None] if weight.dtype == torch.int8 else weight
        for name, weight in weights.items()
        if not name.endswith("_scale")
    }


def export(run: Path, config: Path, data: Path, out: Path, *, int8: bool) -> str:
    """Write the folder of a run. Gives the SHA-256 of the weights."""
    state = torch.load(run / "state.pt", weights_only=True, map_location="cpu")
    weights = weights_of(run / "state.pt")
    written = json.loads(config.read_text())
    # Positions beyond the longest training canvas are noise to the model; the server cuts its window to this.
    written["max_canvas_tokens"] = max(length for phase in state["recipe"]["phases"] for length in phase["lengths"])
    written["reads"] = list(READS)
    progress = state["progress"]
    facts = {"steps": progress["step"], "tokens_m": progress["tokens"] / 1e6, "minutes": progress["seconds"] / 60}
    return write_model(
        out,
        weights,
        written,
        data / "tokenizer",
        notice=(data / "NOTICE").read_text("utf-8"),
        card=CARD.read_text("utf-8"),
        facts=facts,
        int8=int8,
    )


def write_model(
    out: Path,
    weights: dict[str, Tensor],
    config: dict[str, Any],
    tokenizer: Path,
    *,
    notice: str,
    card: str,
    facts: dict[str, object],
    int8: bool,
) -> str:
    """Write a model folder; weights last and by rename, so that a broken export is never loaded. Gives their SHA-256.

    `card` is filled in with `facts` and the SHA-256 as `sha256`.
    """
    config = {key: value for key, value in config.items() if key != "quantization"}
    if int8:
        weights = quantised(weights)
        config["quantization"] = "int8-per-row"
    else:
        weights = {name: weight.to(torch.bfloat16) for name, weight in weights.items()}
    out.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, out / name)
    (out / "NOTICE").write_text(notice, "utf-8")
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    beside = out / "model.safetensors.tmp"
    save_file(weights, beside, metadata={"format": "pt"})
    digest = hashlib.sha256(beside.read_bytes()).hexdigest()
    beside.chmod(0o644)  # save_file lets nobody else read it
    (out / "README.md").write_text(card.format(sha256=digest, **facts), "utf-8")
    beside.replace(out / "model.safetensors")
    return digest


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--size", choices=SIZES, default="nano", help="says the following three, where they are not given"
    )
    parser.add_argument("--run", type=Path, help="the run whose state.pt is exported")
    parser.add_argument("--config", type=Path, help="the config it was trained with")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--int8", action="store_true")
    arguments = parser.parse_args()
    size = SIZES[arguments.size]
    run, config, data = arguments.run or size.run, arguments.config or size.config, arguments.data or size.data
    digest = export(run, config, data, arguments.out, int8=arguments.int8)
    print(f"{arguments.out}: SHA-256 {digest}")


if __name__ == "__main__":
    main()
