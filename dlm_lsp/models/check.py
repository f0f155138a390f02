"""Is a checkpoint whole, do its parts belong together, and does it know any code: `dlm-lsp models check`.

In: a model's name, and where it would run. Out: findings in words, all faults of the files at once and not only the first. It runs
no code of the checkpoint and changes nothing.
"""

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlm_lsp.errors import ModelError
from dlm_lsp.findings import Finding, Level, fail, note, ok
from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.models.folders import CURVE, SCRIPTED, find, model_hash, read_header, weight_files
from dlm_lsp.models.loading import FAMILIES, SCALE, Undrawn, load, read_config, read_vocabulary
from dlm_lsp.models.tokenizer import BpeTokenizer, read_tokenizer

PROBE_TOKENS = 256
HIDE_EVERY = 8
WORTHLESS_SHARE = 0.9
"""A model that needs more than this share of log V nats for a hidden token knows nothing of code."""
MANY = 5


def check(model: str, *, device: str, dtype: str, threads: int) -> Iterator[Finding]:
    """Look at the files, then at what the model makes of some Python."""
    folder = find(model)
    yield ok(f"{model} is {folder}")
    if model.startswith(SCRIPTED):
        yield note("a script answers, there are no weights to check")
        return
    try:
        config = read_config(folder)
        yield ok(f"config.json: a {config['model_type']} model")
        tokenizer = read_tokenizer(folder)
        yield from _tokenizer(config, tokenizer)
        if (folder / CURVE).is_file():
            yield ok(f"{CURVE}: lengths are calibrated")
        whole = True
        for finding in _files(folder, config):
            whole = whole and finding.level is not Level.FAIL
            yield finding
        if whole:
            yield from _answers(model, device=device, dtype=dtype, threads=threads)
    except ModelError as error:
        yield fail(str(error))


def _tokenizer(config: Mapping[str, Any], tokenizer: BpeTokenizer) -> Iterator[Finding]:
    """Whether the tokenizer is this model's, as far as ids tell."""
    vocabulary = read_vocabulary(config, tokenizer)
    text = Path(__file__).read_text(encoding="utf-8")
    if tokenizer.decode(tokenizer.encode(text)) != text:
        yield fail("the tokenizer changes a Python file that it takes apart", "download the tokenizer's files again")
    elif vocabulary.mask_id not in tokenizer.special_ids:
        yield fail(
            f"the mask is the token {vocabulary.mask_id}, which is no special token of the tokenizer",
            "the tokenizer's files belong to another model: download the folder again",
        )
    else:
        yield ok(f"tokenizer: {len(tokenizer.ids)} tokens of {vocabulary.size}, the mask is {vocabulary.mask_id}")
    if vocabulary.expand_id is not None and vocabulary.delete_id is not None:
        yield ok("its holes grow and shrink")
    else:
        yield note("its holes keep their length", "`dlm-lsp models calibrate` fits how it finds the length of a hole")


def _files(folder: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether every shard is there and whole, and every tensor has its place and its shape."""
    shapes: dict[str, list[int]] = {}
    whole = True
    for file in weight_files(folder):
        try:
            header = read_header(file)
        except ModelError as error:
            whole = False
            yield fail(str(error))
        else:
            shapes |= {name: facts["shape"] for name, facts in header.items()}
            yield ok(f"{file.name}: {len(header)} tensors, {file.stat().st_size / 1e6:.1f} MB")
    if not whole:
        return
    with torch.device("meta"), Undrawn():
        wanted = FAMILIES[config["model_type"]].network(dict(config)).state_dict()
    faults = list(_misfits(shapes, wanted, config))
    for fault in faults[:MANY]:
        yield fail(
            fault, "config.json and weights belong to different models, or a file is missing: download them again"
        )
    if faults[MANY:]:
        yield fail(f"and {len(faults) - MANY} tensors more")
    if not faults:
        yield ok(f"all {len(wanted)} tensors have their shape")


def _misfits(shapes: Mapping[str, list[int]], wanted: Mapping[str, Tensor], config: Mapping[str, Any]) -> Iterator[str]:
    tied = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    for name, tensor in wanted.items():
        if name not in shapes:
            if name not in tied:
                yield f"the tensor {name} is missing"
        elif shapes[name] != list(tensor.shape):
            yield f"the tensor {name} has the shape {shapes[name]} instead of {list(tensor.shape)}"
    for name in shapes:
        scale = name.endswith(SCALE) and name.removesuffix(SCALE) in shapes
        if name not in wanted and not scale and not name.endswith("rotary_emb.inv_freq"):
            yield f"the tensor {name} has no place in a {config['model_type']} model"


def _answers(model: str, *, device: str, dtype: str, threads: int) -> Iterator[Finding]:
    """Load it as the server would, and let it guess hidden tokens of this file."""
    began = time.perf_counter()
    denoiser = load(model, device=device, dtype=dtype, threads=threads)
    spent_ms = (time.perf_counter() - began) * 1000
    yield ok(f"loaded on {denoiser.device} in {spent_ms:.0f} ms; hash {model_hash(model)}")
    began = time.perf_counter()
    nats = nats_per_hidden_token(denoiser, Path(__file__).read_text(encoding="utf-8"))
    spent_ms = (time.perf_counter() - began) * 1000
    chance = math.log(denoiser.vocabulary.size)
    said = f"{nats:.2f} nats for a hidden token of Python, where blind guessing takes {chance:.2f}; {spent_ms:.0f} ms"
    if nats < WORTHLESS_SHARE * chance:
        yield ok(said)
    else:
        yield fail(
            said, "it knows no code: weights, tokenizer or config.json belong to another model, or it is untrained"
        )


def nats_per_hidden_token(denoiser: Denoiser, text: str) -> float:
    """Hide every eighth token of the beginning of a text, ask once, and give the mean surprise; not a number where it breaks."""
    ids = torch.tensor(denoiser.tokenizer.encode(text)[: min(PROBE_TOKENS, denoiser.max_tokens)])  # [L]
    rows = torch.arange(HIDE_EVERY, len(ids), HIDE_EVERY)  # [R]
    hidden = ids.clone()
    hidden[rows] = denoiser.vocabulary.mask_id
    (logits,) = denoiser.predict([View(hidden, rows)])  # [R, V]
    return float(torch.nn.functional.cross_entropy(logits.cpu(), ids[rows]))
