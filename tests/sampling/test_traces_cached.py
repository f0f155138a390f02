"""Replays of what the authors' own caches did, and of how many rows they computed; see tests/data/traces/README.md."""

import hashlib
import json
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from dlm_lsp.models.cached import Cached, DkvDecode, DkvGreedy, Dual, Prefix, Rule
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.blocks import leftmost_block
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.samplers.dream import Dream
from dlm_lsp.sampling.samplers.factor import Factor
from dlm_lsp.sampling.samplers.llada import Llada
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.schedule import surest
from dlm_lsp.sampling.strategy import Sampler
from tests.models.spied import Spied
from tests.sampling.replay import DATA, canvas_of, changes, dream_network, llada_denoiser, traces, vocabulary

FILES = [
    "fast-dllm-dream-cached.json",
    "fast-dllm-llada-cached.json",
    "saber-llada-factor-cached.json",
    "dkv-cache-dream.json",
    "dkv-cache-llada.json",
]


@pytest.fixture(scope="module")
def denoisers() -> dict[str, NetworkDenoiser]:
    """The tiny Dream and the tiny LLaDA, without a cache."""
    dream = NetworkDenoiser(dream_network("dream-tiny"), vocabulary(), tokenizer=None)
    return {"dream-tiny": dream, "llada-tiny": llada_denoiser()}


def assert_replayed(trace: dict, denoiser: NetworkDenoiser, rule: Rule, sampler: Sampler) -> None:
    """Decode with a cache and compare every call.

    Fast-dLLM's code for LLaDA looks once more where the first call of a block has finished it; nothing changes then.
    """
    spied = Spied(denoiser)
    cached = Cached(spied, rule)
    canvas = canvas_of(trace["canvas"], *trace["region"])
    actual, end = changes(canvas, cached, sampler, ban=trace["mask_token_banned"])
    idle = 0 if isinstance(sampler, Dream | PortedEntropy) else trace["changes"].count([])
    expected = zip(trace["changes"], trace["forward_lengths"], strict=True)
    expected = [pair for pair in expected if not idle or pair[0]]
    assert [change for change, _ in expected] == actual
    assert [length for _, length in expected] == [len(rows) for (rows,) in spied.computed]
    assert trace["final"] == end.tokens.tolist()
    assert trace["nfe"] == len(actual) + idle


@dataclass(frozen=True)
class PortedEntropy:
    """The other rule of Fast-dLLM's code for Dream with caches: a plan of timesteps in every block.

    A block's first call has no part in the plan: it commits the block's first token, whatever the confidence.
    """

    steps: int
    eps: float
    block: int

    def focus(self, canvas: Canvas) -> Tensor:
        """The leftmost block with a mask."""
        return leftmost_block(canvas, self.block)

    def __call__(self, canvas: Canvas, logits: Tensor, _: torch.Generator) -> Move:
        """Commit the narrowest distributions, as many as the plan says."""
        here = self.focus(canvas)[canvas.rows]  # [H]
        masked = canvas.undecided & here
        call = 0 if torch.equal(masked, here) else int(canvas.memory.numbers["call"]) + 1
        times = torch.linspace(1, self.eps, self.steps + 1)
        probabilities = logits.softmax(-1)  # [H, V]
        narrowness = (probabilities * torch.log(probabilities + 1e-10)).sum(-1)
        left = masked.sum()
        count = int(left * (1 - times[call + 1] / times[call])) if call < self.steps - 1 else int(left)
        chosen = masked & (masked.cumsum(0) == 1)
        if call:
            chosen = surest(narrowness, masked, count)
        move = canvas.commit(chosen, logits.argmax(-1), probabilities.amax(-1))
        memory = canvas.remember().next(numbers={"call": call})
        return replace(move, memory=memory, idle=not bool(chosen.any()))


@pytest.mark.parametrize("trace", traces("fast-dllm-llada-cached.json"))
def test_fast_dllm_on_llada(trace, denoisers):
    """Fails if another row than those of the prefix or dual cache is computed, or its keys are rotated to another place."""
    options = trace["settings"]
    tau = torch.inf if options["threshold"] is None else options["threshold"]
    cache = Dual() if "dual-cache" in trace["id"] else Prefix()
    assert_replayed(trace, denoisers["llada-tiny"], cache, Threshold(tau, block=options["block_length"]))


@pytest.mark.parametrize("trace", traces("fast-dllm-dream-cached.json"))
def test_fast_dllm_on_dream(trace, denoisers):
    """Fails if the slice of a shifted family begins elsewhere than in Fast-dLLM's code once the block's first token is known."""
    options = trace["settings"]
    block = options["block_length"]
    if options["alg"] == "entropy":
        sampler: Sampler = PortedEntropy(options["steps"] * block // trace["n"], options["eps"], block)
    else:
        sampler = Threshold(options["threshold"], block=block, faithful=True)
    assert_replayed(trace, denoisers["dream-tiny"], Dual() if options["dual_cache"] else Prefix(), sampler)


@pytest.mark.parametrize("trace", traces("saber-llada-factor-cached.json"))
def test_factor_with_dual_cache(trace, denoisers):
    """Fails if a rule of the product that goes block by block does not fit the dual cache as Fast-dLLM's does."""
    options = trace["settings"]
    sampler = Factor(options["factor"], options["block_length"], faithful=True)
    assert_replayed(trace, denoisers["llada-tiny"], Dual(), sampler)


@pytest.mark.parametrize("trace", traces("dkv-cache-dream.json"))
def test_dkv_cache_on_dream(trace, denoisers):
    """Fails if a row is kept a call earlier or later, another row, or another refresh than in dKV-Cache's code for Dream."""
    options = trace["settings"]
    steps = 1 if options["cache_type"] == "prefill" else options["cache_steps"]
    keeps_context = options["cache_type"] != "decoded"
    cache = DkvDecode(steps, options["shift_type"], keeps_context, faithful=True)
    sampler = Dream(alg=options["alg"], steps=options["steps"], eps=options["eps"], faithful=True)
    assert_replayed(trace, denoisers["dream-tiny"], cache, sampler)


@pytest.mark.parametrize("trace", [t for t in traces("dkv-cache-llada.json") if "dkv-decode" in t.id])
def test_dkv_cache_on_llada(trace, denoisers):
    """Fails if a row is kept a call earlier or later, or another refresh than in dKV-Cache's code for LLaDA."""
    options = trace["settings"]
    cache = DkvDecode(options["cache_reloading_step"], faithful=True)
    assert_replayed(trace, denoisers["llada-tiny"], cache, Llada(block=options["block_length"]))


@dataclass(frozen=True)
class DrawnOrder:
    """The order of dKV-Cache's greedy form: drawn beforehand for every block, one row a call."""

    numbers: tuple[float, ...]  # per block one of every row of the canvas
    block: int

    def focus(self, canvas: Canvas) -> Tensor:
        """The row whose turn it is."""
        start = int(canvas.rows[0])
        block = (int(canvas.masked.nonzero()[0]) - start) // self.block
        drawn = torch.tensor(self.numbers[block])
        place = torch.arange(len(drawn))
        inside = canvas.masked & ((place - start) // self.block == block)
        return place == torch.where(inside, drawn, -1).argmax()

    def __call__(self, canvas: Canvas, logits: Tensor, _: torch.Generator) -> Move:
        """Commit it."""
        return canvas.commit(self.focus(canvas)[canvas.rows], logits.argmax(-1), logits.softmax(-1).amax(-1))


@pytest.mark.parametrize("trace", [t for t in traces("dkv-cache-llada.json") if "dkv-greedy" in t.id])
def test_greedy_dkv_cache(trace, denoisers):
    """Fails if the rows decided last or now, or the window of masks next to them, are others than in dKV-Cache's code."""
    options = trace["settings"]
    width = len(trace["canvas"])
    flat = [number for draw in trace["draws"] for number in draw]
    drawn = tuple(tuple(flat[k : k + width]) for k in range(0, len(flat), width))
    cache = DkvGreedy(options["cache_reloading_step"], options["window_size"])
    assert_replayed(trace, denoisers["llada-tiny"], cache, DrawnOrder(drawn, options["block_length"]))


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


@pytest.mark.parametrize("name", FILES)
def test_rows_are_saved_in_the_traces(name):
    """Fails if a file was thinned until its caches save nothing, and any rule that computes all would pass."""
    kept = [trace.values[0] for trace in traces(name)]
    assert len(kept) >= 20
    for trace in kept:
        assert len(trace["canvas"]) == max(trace["forward_lengths"])
    assert sum(min(trace["forward_lengths"]) < len(trace["canvas"]) / 2 for trace in kept) > len(kept) / 2
