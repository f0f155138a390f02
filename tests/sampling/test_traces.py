"""Replays of what the authors' own decoders did; see tests/data/traces/README.md."""

import hashlib
import json

import pytest
import torch
from torch import Tensor

from dlm_lsp.models.dream import DreamModel
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.eb import Eb
from dlm_lsp.sampling.samplers.threshold import Threshold
from tests.sampling.replay import (
    DATA,
    END_OF_TEXT,
    EXPAND,
    VOCAB,
    canvas_of,
    changes,
    dream_network,
    llada_denoiser,
    traces,
    vocabulary,
)
from tests.sampling.tiny import rng

ONE_A_STEP = Threshold(torch.inf)


@pytest.fixture(scope="module")
def llada() -> NetworkDenoiser:
    """The tiny LLaDA."""
    return llada_denoiser()


@pytest.fixture(scope="module")
def dream() -> DreamModel:
    """The tiny Dream."""
    return dream_network("dream-tiny")


@pytest.fixture(scope="module")
def dreamon() -> DreamModel:
    """The tiny DreamOn."""
    return dream_network("dreamon-tiny")


@pytest.mark.parametrize("trace", traces("fast-dllm-llada.json"))
def test_fast_dllm_on_llada(trace, llada):
    """Fails if the threshold rule, its at-least-one, its blocks, the banned mask or the order of equals is not Fast-dLLM's."""
    tau = torch.inf if trace["settings"]["threshold"] is None else trace["settings"]["threshold"]
    canvas = canvas_of(trace["canvas"], *trace["region"])
    sampler = Threshold(tau, block=trace["settings"]["block_length"])
    steps, end = changes(canvas, llada, sampler, ban=trace["mask_token_banned"])
    assert trace["changes"] == steps
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(steps)


@pytest.mark.parametrize("trace", traces("fast-dllm-dream.json"))
def test_fast_dllm_on_dream(trace, dream):
    """Fails if the shift, the suffix or a hole at either end is treated otherwise than in Fast-dLLM's port to Dream."""
    denoiser = NetworkDenoiser(dream, vocabulary(), tokenizer=None)
    canvas = canvas_of(trace["canvas"], *trace["region"])
    steps, end = changes(canvas, denoiser, Threshold(trace["settings"]["threshold"]), ban=trace["mask_token_banned"])
    assert trace["changes"] == steps
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(steps)


NARROWEST = Eb(gamma=0.0)
"""DreamOn's `entropy`: one token a step, where the distribution is narrowest."""


@pytest.mark.parametrize("trace", traces("dreamon.json"))
def test_dreamon(trace, dreamon):
    """Fails if a token of growth or shrinkage acts on another row, at another time or against another budget than DreamOn's."""
    options = trace["settings"]
    growing = trace["form"] == "infill-growing"
    delete_id = END_OF_TEXT if growing and options["delete_eos_token"] else None
    denoiser = NetworkDenoiser(dreamon, vocabulary(EXPAND, delete_id), tokenizer=None)

    def longest(canvas: Canvas, logits: Tensor) -> Tensor:
        """The reference's buffer ends where the hole has max_gen_len rows."""
        full = growing and len(canvas.rows) >= options["max_gen_len"]
        return torch.where(torch.arange(VOCAB) == EXPAND, -torch.inf, logits) if full else logits

    sampler = NARROWEST if options["alg"] == "entropy" else ONE_A_STEP
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


@pytest.mark.parametrize("name", ["dreamon.json", "fast-dllm-dream.json", "fast-dllm-llada.json", "wino-llada.json"])
def test_the_weights_are_those_the_traces_were_made_with(name):
    """Fails if a weight file was replaced and the traces were not, or nobody can tell any more what made them."""
    about = json.loads((DATA / "traces" / name).read_text())
    for model, files in about["weights_sha256"].items():
        folder = DATA / "reference" / "checkpoints" / model
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
