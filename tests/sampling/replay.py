"""What replays of the authors' own decoders need: the tiny checkpoints, the traces, and a decode written down call by call."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dlm_lsp.models.denoiser import Denoiser, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.llada import LladaConfig, LladaModel
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.canvas import CONTEXT, Canvas
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.strategy import Sampler, Strategy
from tests.sampling.tiny import rng

DATA = Path(__file__).parents[1] / "data"
VOCAB, END_OF_TEXT, MASK, EXPAND = 264, 256, 262, 263


def traces(name: str) -> list:
    """The traces of a file, named for the test report."""
    return [pytest.param(t, id=t["id"]) for t in json.loads((DATA / "traces" / name).read_text())["traces"]]


def vocabulary(expand_id: int | None = None, delete_id: int | None = None) -> Vocabulary:
    """The tiny checkpoints' ids; the mask alone is forbidden, as in the references."""
    return Vocabulary(VOCAB, MASK, torch.arange(VOCAB) == MASK, expand_id, delete_id)


def dream_network(name: str) -> DreamModel:
    """A Dream-shaped checkpoint."""
    folder = DATA / "reference" / "checkpoints" / name
    made = DreamModel(DreamConfig.from_json(json.loads((folder / "config.json").read_text())))
    made.load_state_dict({name: weight.float() for name, weight in load_file(folder / "model.safetensors").items()})
    return made.eval().requires_grad_(requires_grad=False)


def llada_denoiser() -> NetworkDenoiser:
    """The tiny LLaDA."""
    folder = DATA / "reference" / "checkpoints" / "llada-tiny"
    made = LladaModel(LladaConfig.from_json(json.loads((folder / "config.json").read_text())))
    made.load_state_dict(load_file(folder / "model.safetensors"))
    return NetworkDenoiser(made, vocabulary(), tokenizer=None)


def canvas_of(tokens: list[int], start: int, stop: int, budget: int = 0) -> Canvas:
    """One hole: the masks between start and stop. Known ids inside the region are context, as in the references."""
    ids = torch.tensor(tokens)
    place = torch.arange(len(ids))
    inside = (start <= place) & (place < stop) & (ids == MASK)
    return Canvas(ids, torch.where(inside, 0, CONTEXT).to(torch.int8), (budget,), MASK)


def changes(
    canvas: Canvas, denoiser: Denoiser, sampler: Sampler, *, ban: bool, strategy: Strategy = denoise
) -> tuple[list[list[list[int]]], Canvas]:
    """Decode a hole of fixed length; per call the [place, id] pairs that it changed, and the end."""
    found = []
    for (now,) in strategy([canvas], denoiser, [sampler], [rng()], ban=ban):
        differ = (now.tokens != canvas.tokens).nonzero().flatten().tolist()
        found.append([[place, int(now.tokens[place])] for place in differ])
        canvas = now
    return found, canvas
