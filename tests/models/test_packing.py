"""Packed weights answer as plain ones do, in every format, with and without the kernels."""

import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dlm_lsp.models import loading, packing
from dlm_lsp.models.cached import with_cache
from dlm_lsp.models.denoiser import View
from dlm_lsp.models.loading import FAMILIES, choose_dtype, load, read_config, read_weights, unfilled
from dlm_lsp.models.packing import Packed, int8, ordered, pack_weights, plain, usable
from dlm_lsp.models.transformer import NetworkDenoiser

NAMES = ("dream-tiny", "dream-tiny-tied", "llada-tiny")
CPU = torch.device("cpu")
TOLERANCE = 2e-4
"""Of float32 logits of about 18."""
NEAR = 0.06
"""Of the logits' length, in a format that rounds; another row's scale would be further away."""
TOKENS = torch.arange(40) * 5 % 250


def plain_network(folder: Path, dtype: str) -> nn.Module:
    """The network as it is trained: no weight packed."""
    config = read_config(folder)
    family = FAMILIES[config["model_type"]]
    network = unfilled(family, config)
    weights = read_weights(folder, config, network.state_dict(), choose_dtype(dtype, CPU), CPU)
    network.load_state_dict(weights, assign=True)
    return network.eval()


def logits(network: nn.Module) -> Tensor:  # [L, V]
    """What a network says of the tokens."""
    with torch.inference_mode():
        return network(TOKENS[None])[0].float()


def kinds(network: nn.Module) -> set[str]:
    """The layers with weights of a network that multiply rows."""
    return {type(module).__name__ for module in network.modules()} & {"Linear", "Packed"}


def refuse(weight: Tensor, bias: Tensor | None) -> packing.Product:
    """A kernel that this torch or this CPU does not have."""
    raise NotImplementedError


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_packed_weights_say_what_plain_ones_say(name: str, dtype: str, checkpoints: Path) -> None:
    """Fails when parts that became one are cut at the wrong places, or lose their biases."""
    network = plain_network(checkpoints / name, dtype)
    expected = logits(network)
    assert dtype == pack_weights(network, dtype)
    assert {"Packed"} == kinds(network)
    assert float((expected - logits(network)).abs().max()) <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_packed_bfloat16_is_as_near_as_plain_bfloat16(name: str, checkpoints: Path) -> None:
    """Fails when packing rounds more than the format does."""
    exact = logits(plain_network(checkpoints / name, "float32"))
    network = plain_network(checkpoints / name, "bfloat16")
    allowed = float((exact - logits(network)).norm())
    assert "bfloat16" == pack_weights(network, "bfloat16")
    assert float((exact - logits(network)).norm()) <= 1.3 * allowed


@pytest.mark.parametrize("name", NAMES)
def test_int8_is_near(name: str, checkpoints: Path) -> None:
    """Fails when a scale belongs to another row, or to a column."""
    network = plain_network(checkpoints / name, "int8")
    expected = logits(network)
    runs_in = pack_weights(network, "int8")
    assert ("int8" if usable(int8, torch.float32) else "float32") == runs_in
    assert float((expected - logits(network)).norm()) <= NEAR * float(expected.norm())


@pytest.mark.skipif(not usable(int8, torch.float32), reason="this torch or CPU multiplies no int8")
def test_int8_takes_rows_as_they_were_stored() -> None:
    """Fails when a weight that was stored as int8 per row is rounded once more."""
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(-127, 128, (64, 32), generator=generator).float()
    levels[:, 0] = 127  # every row uses its range
    weight = levels * torch.rand(64, 1, generator=generator)
    x = torch.randint(-127, 128, (9, 32), generator=generator).float()  # rows that int8 holds without loss
    x[0, 0], x[0, 1] = 127, -128
    assert torch.allclose(plain(weight, None)(x), int8(weight, None)(x), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("make", [ordered, int8])
def test_rows_of_zeros_and_no_rows(make: packing.Maker) -> None:
    """Fails when a weight of zeros is divided by its greatest number, or an empty call raises."""
    if not usable(make, torch.float32):
        pytest.skip("this torch or CPU has no such kernel")
    product = make(torch.zeros(8, 4), torch.ones(8))
    assert torch.equal(torch.ones(2, 3, 8), product(torch.zeros(2, 3, 4)))
    assert (0, 8) == product(torch.zeros(0, 4)).shape


def test_nobody_is_warned_and_the_engine_stays() -> None:
    """Fails when torch's plans for a type reach the user's log, or its choice of a quantised engine is changed for others."""
    before = torch.backends.quantized.engine
    with warnings.catch_warnings(action="error"):
        usable(int8, torch.float32)
        usable(ordered, torch.bfloat16)
    assert before == torch.backends.quantized.engine


@pytest.mark.parametrize("name", NAMES)
def test_without_kernels_the_answers_are_the_same(name: str, checkpoints: Path, monkeypatch) -> None:
    """Fails when a torch or a CPU that lacks a kernel ends in an error or in other answers."""
    expected = logits(plain_network(checkpoints / name, "float32"))
    monkeypatch.setattr(packing, "ordered", refuse)
    monkeypatch.setattr(packing, "int8", refuse)
    network = plain_network(checkpoints / name, "int8")
    assert "float32" == pack_weights(network, "int8")
    assert torch.allclose(expected, logits(network), atol=TOLERANCE)


def test_a_kernel_that_is_wrong_is_not_used() -> None:
    """Fails when a kernel is taken for usable because it gives something."""

    def twice(weight: Tensor, bias: Tensor | None) -> packing.Product:
        return lambda x: 2 * plain(weight, bias)(x)

    def narrow(weight: Tensor, bias: Tensor | None) -> packing.Product:
        return lambda x: plain(weight, bias)(x)[..., :1]

    assert [True, False, False] == [usable(make, torch.float32) for make in (plain, twice, narrow)]


def test_what_finds_no_memory_stays_as_it_was(checkpoints: Path, monkeypatch) -> None:
    """Fails when a model does not load because there is no room for the copies that make it faster."""
    network = plain_network(checkpoints / "dream-tiny", "float32")
    expected = logits(network)
    made = 0

    def some(weight: Tensor, bias: Tensor | None) -> packing.Product:
        nonlocal made
        made += 1
        if made > 4:  # the first is the one that is tried
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes")
        return plain(weight, bias)

    monkeypatch.setattr(packing, "ordered", some)
    assert "float32" == pack_weights(network, "float32")
    assert {"Linear", "Packed"} == kinds(network)
    assert torch.allclose(expected, logits(network), atol=TOLERANCE)


def test_a_large_network_stays_in_its_file(checkpoints: Path, monkeypatch) -> None:
    """Fails when a checkpoint that is mapped because it is larger than the memory is copied into it."""
    monkeypatch.setattr(loading, "PACKED_BYTES", 1000)
    assert {"Linear"} == kinds(load(checkpoints / "dream-tiny", device="cpu", dtype="int8")._network)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("name", ["dream-tiny", "llada-tiny"])
def test_caches_work_over_packed_weights(name: str, dtype: str, checkpoints: Path) -> None:
    """Fails when rows that are computed beside kept ones go another way than all rows together."""
    inner = load(checkpoints / name, device="cpu", dtype=dtype)
    assert isinstance(inner, NetworkDenoiser)
    tokens = TOKENS.clone()
    tokens[10:20] = inner.vocabulary.mask_id
    view = View(tokens, torch.arange(10, 20))
    cached = with_cache(inner, "hole")
    cached.predict([view])
    (again,), (expected,) = cached.predict([view]), inner.predict([view])
    assert float((expected - again).norm()) <= {"float32": 1e-4}.get(dtype, NEAR) * float(expected.norm())


def test_the_trainer_gets_plain_layers(checkpoints: Path) -> None:
    """Fails when a network that is trained and saved has other parameters than the checkpoint."""
    folder = checkpoints / "llada-tiny"
    network = FAMILIES["llada"].network(read_config(folder))
    assert {"Linear"} == kinds(network)
    assert set(load_file(folder / "model.safetensors")) == set(network.state_dict())


def test_layers_that_are_one_can_be_had_apart() -> None:
    """Fails when the parts of a product are given in another order or of another width than the layers had."""
    layers = [nn.Linear(4, size) for size in (2, 6, 3)]
    x = torch.randn(2, 5, 4)
    with torch.no_grad():
        for layer, part in zip(layers, Packed(layers, plain).apart(x), strict=True):
            assert torch.allclose(layer(x), part, atol=1e-6)
