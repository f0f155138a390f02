"""Replays of what the authors' own decoders did; see tests/data/traces/README.md."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamDenoiser, DreamModel
from dlm_lsp.sampling.canvas import CONTEXT, Canvas, Move
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategy import Sampler
from tests.sampling.tiny import rng

DATA = Path(__file__).parents[1] / "data"
VOCAB, END_OF_TEXT, MASK, EXPAND = 264, 256, 262, 263
ONE_A_STEP = Threshold(torch.inf)


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


@pytest.fixture(scope="module")
def llada() -> LladaDenoiser:
    """The tiny LLaDA."""
    return LladaDenoiser(DATA / "traces" / "llada-tiny")


@pytest.fixture(scope="module")
def dream() -> DreamModel:
    """The tiny Dream."""
    return dream_network("dream-tiny")


@pytest.fixture(scope="module")
def dreamon() -> DreamModel:
    """The tiny DreamOn."""
    return dream_network("dreamon-tiny")


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


@pytest.mark.parametrize("trace", traces("fast-dllm-llada.json"))
def test_fast_dllm_on_llada(trace, llada):
    """Fails if the threshold rule, its at-least-one, the banned mask or the order of equals is not Fast-dLLM's.

    A block is a hole; the masks behind it are context until their turn comes.
    """
    sampler = Threshold(torch.inf if trace["settings"]["threshold"] is None else trace["settings"]["threshold"])
    tokens, actual = trace["canvas"], []
    start, stop = trace["region"]
    for block in range(start, stop, trace["settings"]["block_length"]):
        hole = canvas_of(tokens, block, block + trace["settings"]["block_length"])
        steps, end = changes(hole, llada, sampler, ban=trace["mask_token_banned"])
        tokens, actual = end.tokens.tolist(), actual + steps
    assert trace["changes"] == actual
    assert trace["final"] == tokens
    assert trace["nfe"] == len(actual)


@pytest.mark.parametrize("trace", traces("fast-dllm-dream.json"))
def test_fast_dllm_on_dream(trace, dream):
    """Fails if the shift, the suffix or a hole at either end is treated otherwise than in Fast-dLLM's port to Dream."""
    denoiser = DreamDenoiser(dream, vocabulary(), tokenizer=None)
    canvas = canvas_of(trace["canvas"], *trace["region"])
    steps, end = changes(canvas, denoiser, Threshold(trace["settings"]["threshold"]), ban=trace["mask_token_banned"])
    assert trace["changes"] == steps
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(steps)


def surest_by_entropy(canvas: Canvas, logits: Tensor, _: torch.Generator) -> Move:
    """DreamOn's `entropy`: one token a step, where the distribution is narrowest."""
    probabilities = logits.softmax(-1)  # [H, V]
    narrowness = (probabilities * torch.log(probabilities + 1e-10)).sum(-1)  # [H]
    masked = canvas.masked[canvas.holes]
    best = torch.zeros_like(masked)
    best[torch.where(masked, narrowness, -torch.inf).argmax()] = True
    return canvas.commit(best, logits.argmax(-1), probabilities.amax(-1))


@pytest.mark.parametrize("trace", traces("dreamon.json"))
def test_dreamon(trace, dreamon):
    """Fails if a token of growth or shrinkage acts on another row, at another time or against another budget than DreamOn's."""
    options = trace["settings"]
    growing = trace["form"] == "infill-growing"
    delete_id = END_OF_TEXT if growing and options["delete_eos_token"] else None
    denoiser = DreamDenoiser(dreamon, vocabulary(EXPAND, delete_id), tokenizer=None)

    def longest(canvas: Canvas, logits: Tensor) -> Tensor:
        """The reference's buffer ends where the hole has max_gen_len rows."""
        full = growing and len(canvas.rows) >= options["max_gen_len"]
        return torch.where(torch.arange(VOCAB) == EXPAND, -torch.inf, logits) if full else logits

    sampler = surest_by_entropy if options["alg"] == "entropy" else ONE_A_STEP
    canvas = canvas_of(trace["canvas"], *trace["region"], options["max_gen_len"] if growing else 0)
    states = [
        now.tokens.tolist()
        for (now,) in denoise(
            [canvas], denoiser, [sampler], [rng()], adjust=[longest], ban=trace["mask_token_banned"], min_rows=0
        )
    ]
    if growing:
        assert trace["states_full"] == states
        assert trace["nfe"] == len(states)
    else:
        assert trace["final"] == states[-1]
        assert trace["nfe"] - 1 == len(states), "the reference looks once more when nothing is masked"


@pytest.mark.parametrize("name", ["dreamon.json", "fast-dllm-dream.json", "fast-dllm-llada.json"])
def test_the_weights_are_those_the_traces_were_made_with(name):
    """Fails if a weight file was replaced and the traces were not, or nobody can tell any more what made them."""
    about = json.loads((DATA / "traces" / name).read_text())
    for model, files in about["weights_sha256"].items():
        folder = DATA / "traces" / model if model == "llada-tiny" else DATA / "reference" / "checkpoints" / model
        for file, digest in files.items():
            assert digest == hashlib.sha256((folder / file).read_bytes()).hexdigest()
    for source in about["reference"].values():
        assert {"repository", "commit", "files"} <= set(source)
    assert {"torch", "transformers", "python"} <= set(about)


def test_dreamon_traces_grow_and_shrink():
    """Fails if the file was thinned until nothing of interest happens in it."""
    kept = [trace.values[0] for trace in traces("dreamon.json")]
    assert sum(trace.get("expansions", 0) for trace in kept) > 20
    assert sum(trace.get("deletions", 0) for trace in kept) > 5
