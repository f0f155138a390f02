"""What replays of the authors' own decoders need: the tiny checkpoints, the traces, and a decode written down call by call."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.sampling.canvas import CONTEXT, Canvas
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.strategy import Sampler
from tests.sampling.tiny import rng

DATA = Path(__file__).parents[1] / "data"
VOCAB, END_OF_TEXT, MASK, EXPAND = 264, 256, 262, 263


def traces(name: str) -> list:
    """The traces of a file, named for the test report."""
    return [pytest.param(t, id=t["id"]) for t in json.loads((DATA / "traces" / name).read_text())["traces"]]


def vocabulary(expand_id: int | None = None, delete_id: int | None = None) -> Vocabulary:
    """The tiny checkpoints' ids; the mask alone is forbidden, as in the references."""
    return Vocabulary(VOCAB, MASK, torch.arange(VOCAB) == MASK, expand_id, delete_id)


def network(folder: Path, config: dict[str, object], weights: dict[str, Tensor]) -> DreamModel:
    """A network with weights in float32."""
    assert folder.is_dir()
    made = DreamModel(DreamConfig.from_json(config))
    made.load_state_dict({name: weight.float() for name, weight in weights.items()})
    return made.eval().requires_grad_(requires_grad=False)


def dream_network(name: str) -> DreamModel:
    """A Dream-shaped checkpoint."""
    folder = DATA / "reference" / "checkpoints" / name
    return network(folder, json.loads((folder / "config.json").read_text()), load_file(folder / "model.safetensors"))


LLADA_BLOCK = {
    "attn_norm": "input_layernorm",
    "q_proj": "self_attn.q_proj",
    "k_proj": "self_attn.k_proj",
    "v_proj": "self_attn.v_proj",
    "attn_out": "self_attn.o_proj",
    "ff_norm": "post_attention_layernorm",
    "ff_proj": "mlp.gate_proj",
    "up_proj": "mlp.up_proj",
    "ff_out": "mlp.down_proj",
}
LLADA_OUTER = {"wte": "model.embed_tokens", "ln_f": "model.norm", "ff_out": "lm_head"}


class LladaDenoiser:
    """LLaDA's block is Dream's under other names, with zero biases and without the shift; enough for these replays."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        weights = {}
        for name, weight in load_file(folder / "model.safetensors").items():
            parts = name.removeprefix("model.transformer.").removesuffix(".weight").split(".")
            inner = (
                f"model.layers.{parts[1]}.{LLADA_BLOCK[parts[2]]}" if parts[0] == "blocks" else LLADA_OUTER[parts[0]]
            )
            weights[f"{inner}.weight"] = weight
            if parts[-1] in {"q_proj", "k_proj", "v_proj"}:
                weights[f"{inner}.bias"] = torch.zeros(len(weight))
        renamed = {
            "vocab_size": config["vocab_size"],
            "hidden_size": config["d_model"],
            "intermediate_size": config["mlp_hidden_size"],
            "num_hidden_layers": config["n_layers"],
            "num_attention_heads": config["n_heads"],
            "num_key_value_heads": config["n_kv_heads"],
            "rms_norm_eps": config["rms_norm_eps"],
            "rope_theta": config["rope_theta"],
            "max_position_embeddings": config["max_sequence_length"],
        }
        self._network = network(folder, renamed, weights)
        self.vocabulary = vocabulary()
        self.tokenizer = None
        self.max_tokens = config["max_sequence_length"]

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        return [self._network(view.tokens[None])[0, view.rows] for view in views]


def canvas_of(tokens: list[int], start: int, stop: int, budget: int = 0) -> Canvas:
    """One hole: the masks between start and stop. Known ids inside the region are context, as in the references."""
    ids = torch.tensor(tokens)
    place = torch.arange(len(ids))
    inside = (start <= place) & (place < stop) & (ids == MASK)
    return Canvas(ids, torch.where(inside, 0, CONTEXT).to(torch.int8), (budget,), MASK)


def changes(canvas: Canvas, denoiser: Denoiser, sampler: Sampler, *, ban: bool) -> tuple[list[list[list[int]]], Canvas]:
    """Decode a hole of fixed length; per call the [place, id] pairs that it changed, and the end."""
    found = []
    for (now,) in denoise([canvas], denoiser, [sampler], [rng()], ban=ban):
        differ = (now.tokens != canvas.tokens).nonzero().flatten().tolist()
        found.append([[place, int(now.tokens[place])] for place in differ])
        canvas = now
    return found, canvas
