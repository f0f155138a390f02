"""Replays of Saber, KLASS, and Fast-dLLM's threshold with a budget, as their authors' code decodes; see tests/data/traces/README.md.

Saber's references know no hole: here the whole canvas is one, of which all but the masks were decided before the start.
"""

import hashlib
import json

import pytest
import torch

from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.samplers.klass import Klass
from dlm_lsp.sampling.samplers.saber import Saber
from dlm_lsp.sampling.samplers.threshold_dream import ThresholdDream
from tests.sampling.replay import (
    DATA,
    END_OF_TEXT,
    MASK,
    canvas_of,
    changes,
    dream_network,
    llada_denoiser,
    traces,
    vocabulary,
)

FILES = ["fast-dllm-dream-budget.json", "klass-dream.json", "saber-dream.json", "saber-llada.json"]


@pytest.fixture(scope="module")
def dream() -> NetworkDenoiser:
    """The tiny Dream."""
    return NetworkDenoiser(dream_network("dream-tiny"), vocabulary(), tokenizer=None)


@pytest.fixture(scope="module")
def llada() -> NetworkDenoiser:
    """The tiny LLaDA."""
    return llada_denoiser()


def one_hole(tokens: list[int]) -> Canvas:
    """The whole canvas as one hole."""
    ids = torch.tensor(tokens)
    return Canvas(ids, torch.zeros(len(ids), dtype=torch.int8), (0,), MASK)


@pytest.mark.parametrize("trace", traces("fast-dllm-dream-budget.json"))
def test_budget(trace, dream):
    """Fails if a step commits more or less than the plan and what was left over allow, or the steps after the plan are others."""
    settings = trace["settings"]
    sampler = ThresholdDream(settings["threshold"], settings["steps"])
    steps, end = changes(canvas_of(trace["canvas"], *trace["region"]), dream, sampler, ban=trace["mask_token_banned"])
    assert trace["changes"] == steps
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(steps)


@pytest.mark.parametrize("trace", traces("klass-dream.json"))
def test_klass(trace, dream):
    """Fails if a row is ready before as many still steps as the history is long, or a divergence is measured the other way round."""
    settings = trace["settings"]
    sampler = Klass(settings["conf_threshold"], settings["kl_threshold"], settings["kl_history_length"])
    steps, end = changes(canvas_of(trace["canvas"], *trace["region"]), dream, sampler, ban=trace["mask_token_banned"])
    assert trace["changes"] == steps
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(steps)


@pytest.mark.parametrize("trace", traces("saber-dream.json"))
def test_saber_on_dream(trace, dream):
    """Fails if a threshold, what is drafted, or how much or what is taken back differs from Saber's form for Dream.

    The penalty for the end-of-text token changed no decision in these runs: they equal those without it.
    """
    steps, end = changes(one_hole(trace["canvas"]), dream, Saber("dream"), ban=trace["mask_token_banned"])
    assert trace["changes"] == steps
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(steps)


@pytest.mark.parametrize("trace", traces("saber-llada.json"))
def test_saber_on_llada(trace, llada):
    """Fails if any decision differs from Saber's form for LLaDA, its fault included: what it writes anew where masks are few."""
    settings = trace["settings"]
    block = settings["block_length"]
    sampler = Saber("llada", settings["n"], block=block, faithful=True)
    steps, end = changes(one_hole(trace["canvas"]), llada, sampler, ban=trace["mask_token_banned"])
    assert trace["changes"] == steps
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(steps)


def test_the_faults_are_off_by_default(dream, llada):
    """Fails if the switch changes nothing, or what stood there at the start is touched without it."""
    differ = 0
    for trace in (value.values[0] for value in traces("saber-llada.json")):
        settings = trace["settings"]
        sampler = Saber("llada", settings["n"], block=settings["block_length"])
        steps, end = changes(one_hole(trace["canvas"]), llada, sampler, ban=True)
        differ += steps != trace["changes"]
        assert not bool(end.masked.any())
    assert 0 < differ
    taken = 0
    for trace in (value.values[0] for value in traces("saber-dream.json") if value.values[0]["form"] == "infill-hooks"):
        canvas = one_hole(trace["canvas"])
        given = ~canvas.masked
        for faithful in (False, True):
            steps, end = changes(canvas, dream, Saber("dream", faithful=faithful), ban=True)
            touched = {place for step in steps for place, _ in step} & set(given.nonzero().flatten().tolist())
            assert faithful or not touched
            assert not any(place < trace["region"][0] for place in touched), "the text before the first mask is safe"
            taken += len(touched)
    assert 0 < taken


@pytest.mark.parametrize("name", FILES)
def test_the_weights_are_those_the_traces_were_made_with(name):
    """Fails if a weight file was replaced and the traces were not, or nobody can tell any more what made them."""
    about = json.loads((DATA / "traces" / name).read_text())
    for model, files in about["weights_sha256"].items():
        for file, digest in files.items():
            path = DATA / "reference" / "checkpoints" / model / file
            assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    for source in about["reference"].values():
        assert {"repository", "commit", "files"} <= set(source)
    assert {"torch", "transformers", "python"} <= set(about)


def test_the_traces_take_back_and_write_anew():
    """Fails if the files were thinned until nothing of interest happens in them."""
    masks = sum(
        token == MASK for t in traces("saber-dream.json") for step in t.values[0]["changes"] for _, token in step
    )
    assert 50 < masks
    assert 5 < sum(bool(t.values[0].get("rewritten")) for t in traces("saber-llada.json"))
    penalised = [t.values[0] for t in traces("saber-dream.json") if t.values[0]["settings"]["eos_penalty"]]
    assert 3 == len(penalised)
    assert not any(END_OF_TEXT in t["final"] for t in penalised)
