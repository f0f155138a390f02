"""Writes a checkpoint anew in one plain number format: what the authors' own code of a family loads.

In: a model's name, a folder that is not there yet. Out: config.json without our quantisation, one safetensors file, the tokenizer's
files. The bundled model is stored as int8 rows with scales, which nobody else reads; widened, its logits stay the same.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from dlm_lsp.errors import ModelError
from dlm_lsp.models.folders import CONFIG, COPY_PRIOR, CURVE, SCRIPTED, TRAINED_ON, WEIGHTS, find
from dlm_lsp.models.loading import DTYPES, FAMILIES, read_config, read_weights, unfilled

KEPT = ("*token*.json", "vocab.json", "merges.txt", CURVE, COPY_PRIOR, TRAINED_ON, "LICENSE*", "NOTICE*")


def widen(model: str, out: Path, dtype: str) -> int:
    """Write `model` to the folder `out` in the number format `dtype`; give the size of its weights in bytes."""
    if model.startswith(SCRIPTED):
        raise ModelError("a script has no weights to export; name a checkpoint")
    if dtype not in DTYPES:
        raise ModelError(f"{dtype!r} is no format that other programs load; set dtype to one of {', '.join(DTYPES)}")
    if out.exists():
        raise ModelError(f"{out} is there already; name a folder that is not")
    folder = find(model)
    config = read_config(folder)
    wanted = unfilled(FAMILIES[config["model_type"]], config).state_dict()
    weights = read_weights(folder, config, wanted, DTYPES[dtype], torch.device("cpu"))
    if config.get("tie_word_embeddings"):
        del weights["lm_head.weight"]
    config = {key: value for key, value in config.items() if key != "quantization"} | {"torch_dtype": dtype}
    unfinished = out.with_name(out.name + ".unfinished")
    try:
        unfinished.mkdir(parents=True)
        for file in {file for pattern in KEPT for file in folder.glob(pattern)}:
            shutil.copyfile(file, unfinished / file.name)
        (unfinished / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        save_file(
            {name: tensor.contiguous() for name, tensor in weights.items()}, unfinished / WEIGHTS, {"format": "pt"}
        )
        (unfinished / WEIGHTS).chmod(0o644)  # save_file lets nobody else read it
        unfinished.rename(out)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise ModelError(f"{out} cannot be written: {error.strerror or error}") from error
    return (out / WEIGHTS).stat().st_size
