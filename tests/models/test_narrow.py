"""Weights of 8 bits: near the exact ones, half as large, and where a device has none of them it is said.

The products are those of a GPU but for the unit that multiplies fp8: here the same numbers are widened first. The last test multiplies
on a GPU, where there is one.
"""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.gpu import MODELS, held_bytes
from dlm_lsp.errors import ModelError
from dlm_lsp.models import loading, narrow
from dlm_lsp.models.cached import with_cache
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.graphs import Bucket, Buffers, Graphs
from dlm_lsp.models.loading import FAMILIES, build, load, read_config, read_weights, unfilled
from dlm_lsp.models.narrow import NARROW, Fp8, Int8, narrow_weights, replace_layers
from dlm_lsp.models.packing import Packed
from dlm_lsp.models.transformer import NetworkDenoiser, compute
from tests.models.test_graphs import WAITING, Repeated, Watch

CHECKPOINTS = ("dream-tiny", "dream-tiny-tied", "llada-tiny")
CPU, META = torch.device("cpu"), torch.device("meta")
MOST = {"int8": 0.015, "fp8": 0.08}
"""Of a product's length: what its rounding may cost."""
MOST_OF_LOGITS = {"int8": 0.05, "fp8": 0.2}
MOST_NATS = {"int8": 0.01, "fp8": 0.25}
"""Divergence of a row from float32's: of weights that were drawn so that logits lie 40 apart, which costs more than trained ones do."""
TOKENS = torch.arange(40) * 5 % 250


def make_network(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """The network of a checkpoint, nothing in it narrow or packed."""
    config = read_config(folder)
    network = unfilled(FAMILIES[config["model_type"]], config)
    weights = read_weights(folder, config, network.state_dict(), dtype, CPU)
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def logits(network: nn.Module) -> Tensor:  # [L, V]
    """What a network says of the tokens."""
    with torch.inference_mode():
        return network(TOKENS[None])[0].float()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NARROW)
def test_a_product_is_near(name: str, dtype: torch.dtype) -> None:
    """Fails if a scale is lost, belongs to another row or to all, a bias is left out, or the number format of the rows changes."""
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(48, 64, generator=generator), torch.randn(48, generator=generator)
    weight, bias = (weight.t() * torch.logspace(-3, 3, 48)).t(), bias * torch.logspace(-3, 3, 48)
    x = torch.randn(2, 32, 64, generator=generator) * torch.tensor([0.1, 10.0])[:, None, None]
    for added in (None, bias):
        expected = functional.linear(x, weight, added)
        actual = NARROW[name](weight.to(dtype), None if added is None else added.to(dtype))(x.to(dtype))
        assert (dtype, expected.shape) == (actual.dtype, actual.shape)
        distance = (actual.float() - expected).norm(dim=1) / expected.norm(
            dim=1
        )  # of each column, for small rows and for large
        assert 0 < float(distance.max()) <= MOST[name]


@pytest.mark.parametrize("make", NARROW.values())
def test_rows_of_zeros_and_no_rows(make: Any) -> None:
    """Fails if a weight or a row of zeros is divided by its greatest number, or an empty call raises."""
    product = make(torch.zeros(8, 4), torch.ones(8))
    assert torch.equal(torch.ones(2, 3, 8), product(torch.zeros(2, 3, 4)))
    assert (0, 8) == product(torch.zeros(0, 4)).shape
    assert torch.equal(torch.zeros(1, 8), make(torch.ones(8, 4), None)(torch.zeros(1, 4)))


def test_int8_takes_weights_as_they_were_stored() -> None:
    """Fails if what was stored as int8 per row is rounded once more."""
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(-127, 128, (16, 32), generator=generator)
    levels[:, 0] = 127  # every row uses its range
    weight = levels * torch.rand(16, 1, generator=generator)
    assert torch.equal(levels.to(torch.int8), Int8(weight, None).levels)


def test_fp8_takes_what_it_holds_as_it_is() -> None:
    """Fails if numbers that float8 has are moved, or the largest ones become none."""
    held = torch.tensor([448.0, -448.0, 0.5, 1.75, -3.5, 0.0, 2.0**-9, 416.0])
    x = torch.eye(8) * 448
    assert torch.equal(held * 448, Fp8(held[None], None)(x)[:, 0])


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("dtype", NARROW)
def test_a_network_says_much_the_same(name: str, dtype: str, checkpoints: Path) -> None:
    """Fails if layers that became one are cut at the wrong places, or one is forgotten; if the head or the embedding is rounded."""
    exact, network = make_network(checkpoints / name), make_network(checkpoints / name)
    expected = logits(exact)
    narrow_weights(network, dtype, CPU)
    actual = logits(network)
    assert 0 < float((actual - expected).norm() / expected.norm()) <= MOST_OF_LOGITS[dtype]
    said, truth = actual.log_softmax(-1), expected.log_softmax(-1)
    assert float((truth.exp() * (truth - said)).sum(-1).mean()) <= MOST_NATS[dtype]
    layers = 4 * network.layer_count
    assert layers == sum(isinstance(module, Packed) for module in network.modules())
    assert layers == sum(isinstance(module, NARROW[dtype]) for module in network.modules())
    left = dict(network.named_parameters())
    assert all(torch.equal(parameter, left[key]) for key, parameter in exact.named_parameters() if key in left)
    rows = torch.eye(exact.keep(1).hidden.shape[1])
    assert torch.equal(exact.head(rows), network.head(rows))


@pytest.mark.parametrize("dtype", NARROW)
def test_a_network_of_bfloat16_stays_near(dtype: str, checkpoints: Path) -> None:
    """Fails if a product does not give the format that all else is in, or rounds twice where bfloat16 alone would not."""
    expected = logits(make_network(checkpoints / "dream-tiny"))
    network = make_network(checkpoints / "dream-tiny", torch.bfloat16)
    narrow_weights(network, dtype, CPU)
    assert float((logits(network) - expected).norm() / expected.norm()) <= MOST_OF_LOGITS[dtype] + 0.02


@pytest.mark.parametrize(("name", "expected_gb"), [("7B Dream", (15.2, 8.7)), ("8B LLaDA", (16.0, 9.1))])
@pytest.mark.parametrize("dtype", NARROW)
def test_layers_take_half_of_the_memory(name: str, expected_gb: tuple[float, float], dtype: str) -> None:
    """Fails if wide weights are kept beside narrow ones; no memory is taken for this, and the numbers were worked out by hand."""
    config = MODELS[name][0]
    network = unfilled(FAMILIES[config["model_type"]], config).to(torch.bfloat16)
    assert expected_gb[0] == pytest.approx(held_bytes(network) / 1e9, rel=0.02)
    replace_layers(network, NARROW[dtype], META)
    assert expected_gb[1] == pytest.approx(held_bytes(network) / 1e9, rel=0.02)


@pytest.mark.parametrize("fault", ["missing", "wrong"])
def test_what_a_device_cannot_multiply_is_not_taken(fault: str, checkpoints: Path, monkeypatch) -> None:
    """Fails if a network is left half narrow then, answers wrongly, or nobody is told why."""

    def make(weight: Tensor, bias: Tensor | None) -> Any:
        if fault == "missing":
            raise RuntimeError("torch._scaled_mm is only supported on devices with compute capability >= 8.9\nmore")
        return lambda x: 2 * functional.linear(x, weight, bias)

    monkeypatch.setitem(NARROW, "fp8", make)
    network = make_network(checkpoints / "llada-tiny")
    expected = logits(network)
    said = {"missing": "capability >= 8.9$", "wrong": "^its products come out wrong$"}[fault]
    with pytest.raises(RuntimeError, match=said):
        narrow_weights(network, "fp8", CPU)
    assert torch.equal(expected, logits(network))


def test_sizes_that_no_unit_multiplies_are_refused() -> None:
    """Fails if a network loads in fp8 and then answers with an error; int8 takes any size."""
    sizes = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = DreamConfig.from_json({"vocab_size": 32, **sizes})
    with pytest.raises(RuntimeError, match="multiples of 16"):
        narrow_weights(DreamModel(config), "fp8", CPU)
    narrow_weights(DreamModel(config), "int8", CPU)


def test_on_a_cpu_fp8_is_said_to_be_for_others(checkpoints: Path, caplog) -> None:
    """Fails if a CPU emulates it, at many times the cost, or a setting from another machine ends in no model."""
    with caplog.at_level(logging.WARNING):
        denoiser = load(checkpoints / "dream-tiny", device="cpu", dtype="fp8")
    assert "float32" == denoiser.dtype
    [said] = caplog.messages
    assert "fp8 cannot be had here (it is for CUDA GPUs of compute capability 8.9 and newer)" in said
    assert "runs in float32" in said


@pytest.mark.parametrize("can", [True, False])
@pytest.mark.parametrize("dtype", NARROW)
def test_weights_are_read_into_main_memory_first(
    dtype: str, checkpoints: Path, monkeypatch, caplog, *, can: bool
) -> None:
    """Fails if a model must fit a device at full width to become narrow there, stays behind, or says what it is not."""
    read, into = loading.read_weights, []

    def spy(*args: Any, **options: Any) -> dict[str, Tensor]:
        into.append(args[4])
        return read(*args[:4], CPU, **options)  # whence safetensors does not bring them to a device without numbers

    monkeypatch.setattr(loading, "read_weights", spy)
    monkeypatch.setattr(loading, "choose_device", lambda _: META)
    monkeypatch.setattr(narrow, "find_fault", lambda *_: "" if can else "an old card")
    denoiser = load(checkpoints / "dream-tiny", dtype=dtype)
    assert ([CPU], "meta") == (into, denoiser.device)
    assert (dtype if can else "float32") == denoiser.dtype
    assert [] == caplog.messages if can else "an old card" in caplog.text
    assert {META} == {tensor.device for tensor in [*denoiser._network.parameters(), *denoiser._network.buffers()]}
    load(checkpoints / "dream-tiny", dtype="bfloat16")
    assert META == into[1]


def test_a_device_without_room_for_it_is_said(checkpoints: Path, monkeypatch) -> None:
    """Fails if the memory ends while layers are made narrow, and the user reads a traceback."""

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loading, "build", full)
    with pytest.raises(ModelError, match="does not fit into the memory of cpu; try dtype 'int8', or device 'cpu'"):
        load(checkpoints / "dream-tiny", device="cpu", dtype="float32")


def test_what_is_tied_is_one_parameter(checkpoints: Path, monkeypatch) -> None:
    """Fails if the embedding of a tied checkpoint takes its memory twice on a device to which the network is moved."""
    folder = checkpoints / "dream-tiny-tied"
    config = read_config(folder)
    family = FAMILIES[config["model_type"]]
    weights = read_weights(folder, config, unfilled(family, config).state_dict(), torch.float32, CPU)
    monkeypatch.setattr(loading, "PACKED_BYTES", 1000)  # as for a network that is too large to be packed
    network, _, _ = build(family, config, weights, "float32", CPU)
    assert network.lm_head.weight is network.model.embed_tokens.weight


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("name", ["dream-tiny", "llada-tiny"])
def test_caches_and_graphs_work_over_narrow_weights(name: str, dtype: str, checkpoints: Path) -> None:
    """Fails if rows beside kept ones, or padded to a graph's shape, go another way than all rows; fp8 must scale each by itself."""
    network = make_network(checkpoints / name)
    narrow_weights(network, dtype, CPU)
    vocabulary = Vocabulary(network.config.vocab_size, 5, torch.zeros(network.config.vocab_size, dtype=torch.bool))
    plain = NetworkDenoiser(network, vocabulary, None, dtype=dtype)
    graphed = NetworkDenoiser(network, vocabulary, None, compute_rows=Graphs(Repeated(), 10**9, "cpu"))
    view = View(TOKENS.clone(), torch.arange(10, 20))
    view.tokens[view.rows] = 5
    expected = plain.predict([view])[0]
    for inner in (plain, graphed):
        cached = with_cache(inner, "hole")
        cached.predict([view])
        # Rounding of one row does not look at others; products of other sizes round sums differently, and a level may tip.
        assert float((expected - cached.predict([view])[0]).norm()) <= 0.05 * float(expected.norm())


@pytest.mark.parametrize("dtype", NARROW)
def test_nothing_in_a_product_waits_for_the_device(dtype: str, checkpoints: Path) -> None:
    """Fails if a narrow step asks for a number: no graph of it could be captured."""
    network = make_network(checkpoints / "dream-tiny")
    narrow_weights(network, dtype, CPU)
    buffers = Buffers.make(network, Bucket(1, 32, 288))
    with Watch() as watch:
        compute(network, buffers.pieces)
    assert "aten::amax" in watch.names or dtype == "int8", "nothing was seen"
    assert set() == watch.names & WAITING


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("dtype", NARROW)
def test_a_gpu_multiplies_as_is_asserted_here(name: str, dtype: str, checkpoints: Path) -> None:
    """Fails if the unit that multiplies fp8 wants its numbers in another order, or another device's products differ."""
    here, there = make_network(checkpoints / name, torch.bfloat16), make_network(checkpoints / name, torch.bfloat16)
    narrow_weights(here, dtype, CPU)
    narrow_weights(there, dtype, torch.device("cuda"))
    expected = logits(here)
    with torch.inference_mode():
        actual = there(TOKENS[None].cuda())[0].float().cpu()
    assert float((actual - expected).norm() / expected.norm()) <= 0.05
