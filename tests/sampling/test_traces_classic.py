"""Replays of the samplers that came with Dream, LLaDA and Open-dLLM; see tests/data/traces/README.md.

The authors draw from one generator over the whole canvas. Where they draw, the canvas here is one hole of which all but
the masks were decided before the start: then the same numbers meet the same rows.
"""

import hashlib
import itertools
import json

import pytest
import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling import belief
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.dream import Dream
from dlm_lsp.sampling.samplers.llada import Llada
from dlm_lsp.sampling.samplers.p2 import P2
from dlm_lsp.sampling.strategy import Sampler
from tests.sampling.replay import DATA, MASK, dream_network, llada_denoiser, traces, vocabulary

FILES = ["dream.json", "llada.json", "dllm-llada.json", "open-dllm-p2.json"]


@pytest.fixture(scope="module")
def llada() -> NetworkDenoiser:
    """The tiny LLaDA."""
    return llada_denoiser()


@pytest.fixture(scope="module")
def dream() -> NetworkDenoiser:
    """The tiny Dream."""
    return NetworkDenoiser(dream_network("dream-tiny"), vocabulary(), tokenizer=None)


@pytest.fixture(autouse=True)
def torch_draws(monkeypatch):
    """Draw tokens as torch.distributions.Categorical does; ours draws the same on every device, but other numbers."""

    def draw(probabilities: Tensor, rng: torch.Generator) -> Tensor:
        return torch.multinomial(probabilities, 1, replacement=True, generator=rng)[:, 0]

    monkeypatch.setattr(belief, "draw", draw)


def replayed(trace: dict, denoiser: Denoiser, sampler: Sampler) -> tuple[list[list[list[int]]], list[int]]:
    """Per call the [place, id] pairs that it changed, as far as the reference went, and the ids at the end."""
    ids = torch.tensor(trace["canvas"])
    canvas = Canvas(ids, torch.zeros(len(ids), dtype=torch.int8), (0,), MASK)
    rng = torch.Generator().manual_seed(trace.get("torch_seed", 0))
    found = []
    steps = denoise([canvas], denoiser, [sampler], [rng], ban=trace["mask_token_banned"])
    for (now,) in itertools.islice(steps, trace["nfe"]):
        differ = (now.tokens != canvas.tokens).nonzero().flatten().tolist()
        found.append([[place, int(now.tokens[place])] for place in differ])
        canvas = now
    return found, canvas.tokens.tolist()


def dream_of(settings: dict, *, faithful: bool) -> Dream:
    """The rule of a trace; the references write None for what is off."""
    return Dream(
        alg=settings["alg"],
        steps=settings["steps"],
        eps=settings["eps"],
        temperature=settings["temperature"],
        top_p=settings["top_p"] or 1.0,
        top_k=settings["top_k"] or 0,
        alg_temp=settings["alg_temp"] or 0.0,
        faithful=faithful,
    )


@pytest.mark.parametrize("trace", traces("dream.json"))
def test_dream(trace, dream):
    """Fails if order, count, temperature, nucleus or a draw is not Dream's.

    The reference goes on when nothing is masked any more, which random orders can bring about.
    """
    sampler = dream_of(trace["settings"], faithful=True)
    found, end = replayed(trace, dream, sampler)
    assert trace["changes"] == found + [[]] * (trace["nfe"] - len(found))
    assert trace["final"] == end


GREEDY = [
    p for p in traces("dream.json") if p.values[0]["settings"]["temperature"] == 0 and p.values[0]["masks_left"] == 0
]


@pytest.mark.parametrize("trace", GREEDY)
def test_dream_without_idle_steps(trace, dream):
    """Fails if leaving out the steps that commit nothing changes any token at temperature 0, or one is not left out."""
    found, end = replayed(trace, dream, dream_of(trace["settings"], faithful=False))
    assert [step for step in trace["changes"] if step] == found
    assert trace["final"] == end


@pytest.mark.parametrize("trace", traces("llada.json"))
def test_llada(trace, llada):
    """Fails if blocks, shares, Gumbel noise or a random order are not LLaDA's."""
    settings = trace["settings"]
    sampler = Llada(settings["remasking"], settings["block_length"], settings["steps"], settings["temperature"])
    found, end = replayed(trace, llada, sampler)
    assert trace["changes"] == found
    assert trace["final"] == end


@pytest.mark.parametrize("trace", traces("dllm-llada.json"))
def test_llada_with_text_behind(trace, llada):
    """Fails if what stands behind the hole, or known ids within it, make LLaDA's rule another than dllm's infill has it."""
    settings = trace["settings"]
    sampler = Llada(settings["remasking"], 0, settings["steps"], settings["temperature"])
    found, end = replayed(trace, llada, sampler)
    assert trace["changes"] == found
    assert trace["final"] == end


@pytest.mark.parametrize("trace", traces("open-dllm-p2.json"))
def test_p2(trace, dream):
    """Fails if the share that is kept, the score of written tokens or what is kept of them is not Open-dLLM's P2."""
    settings = trace["settings"]
    sampler = P2(
        settings["steps"], settings["temperature"], settings["top_p"] or 1.0, settings["top_k"] or 0, faithful=True
    )
    found, end = replayed(trace, dream, sampler)
    assert trace["changes"] == found
    assert trace["final"] == end


@pytest.mark.parametrize("name", FILES)
def test_the_weights_are_those_the_traces_were_made_with(name):
    """Fails if a weight file was replaced and the traces were not, or nobody can tell any more what made them."""
    about = json.loads((DATA / "traces" / name).read_text())
    for model, files in about["weights_sha256"].items():
        folder = DATA / "reference" / "checkpoints" / model
        for file, digest in files.items():
            assert digest == hashlib.sha256((folder / file).read_bytes()).hexdigest()
    assert {"repository", "commit", "files"} <= set(about["reference"]["sampler"])


def test_what_the_traces_hold():
    """Fails if the files were thinned until nothing of interest happens in them."""
    own = [p.values[0] for p in traces("dream.json")]
    assert {"origin", "maskgit_plus", "topk_margin", "entropy"} == {t["settings"]["alg"] for t in own}
    assert any(t["settings"]["temperature"] > 0 and t["settings"]["alg"] == "origin" for t in own)
    assert any(t["settings"]["alg_temp"] > 0 for t in own)
    assert any([] in t["changes"] for t in own)
    p2 = [p.values[0] for p in traces("open-dllm-p2.json")]
    assert any(token == MASK for t in p2 for step in t["changes"] for _, token in step), "nothing is taken back"
    assert {"low_confidence", "random"} == {p.values[0]["settings"]["remasking"] for p in traces("llada.json")}
