"""Our forward passes against the authors' own, by stored numbers (tests/data/reference/README.md)."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from dlm_lsp.models.denoiser import View
from dlm_lsp.models.loading import FAMILIES, load, read_config
from dlm_lsp.models.transformer import NetworkDenoiser

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
TOLERANCE = 2e-4
"""Of float32 logits of about 18."""
STORED = load_file(REFERENCE / "logits.safetensors")
ABOUT = json.loads((REFERENCE / "logits.json").read_text())
CASES = sorted(key.removesuffix("/input_ids") for key in STORED if key.endswith("/input_ids"))
BFLOAT16_CASES = sorted(key.removesuffix("/bf16/logits") for key in STORED if key.endswith("/bf16/logits"))


def denoiser_of(case: str, **options: str) -> NetworkDenoiser:
    """Load the checkpoint of a case."""
    denoiser = load(REFERENCE / "checkpoints" / Path(case).parts[0], device="cpu", **options)
    assert isinstance(denoiser, NetworkDenoiser)
    return denoiser


def logits(denoiser: NetworkDenoiser, ids: Tensor) -> Tensor:  # [B, L] -> [B, L, V]
    """What the authors' model returns: rows before the shift."""
    with torch.inference_mode():
        return denoiser._network(ids).float()


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference."""
    return float((one - other.float()).abs().max())


def test_the_reference_says_where_it_comes_from() -> None:
    """Fails when nobody can tell any more which code of which version gave the numbers."""
    for source in ABOUT["reference"].values():
        assert {"repository", "commit", "files"} <= set(source)
    assert {"torch", "transformers", "python", "dtype", "weights_sha256", "logits_sha256"} <= set(ABOUT)


@pytest.mark.parametrize("name", sorted(ABOUT["weights_sha256"]))
def test_the_weights_are_those_the_reference_ran_on(name: str) -> None:
    """Fails when a weight file was replaced and the stored logits were not."""
    files = ABOUT["weights_sha256"][name]
    assert files == {
        file: hashlib.sha256((REFERENCE / "checkpoints" / name / file).read_bytes()).hexdigest() for file in files
    }


def test_the_logits_are_those_the_reference_gave() -> None:
    """Fails when the stored logits were edited."""
    expected = ABOUT["logits_sha256"]["logits.safetensors"]
    assert expected == hashlib.sha256((REFERENCE / "logits.safetensors").read_bytes()).hexdigest()


def test_the_stored_cases_are_worth_something() -> None:
    """Fails when a kind of input is lost: lengths 1 and 2, holes at both ends, a batch, every layout."""
    for name in ("dream-tiny", "dream-tiny-sharded", "dream-tiny-tied", "llada-tiny"):
        for case in ("len1_mask", "len1_token", "len2", "len33_left0", "len33_right", "len7_middle", "batch2_len33"):
            assert f"{name}/{case}" in CASES
    mask = 262
    assert STORED["dream-tiny/len33_left0/input_ids"][0, 0] == mask
    assert STORED["dream-tiny/len33_right/input_ids"][0, -1] == mask


@pytest.mark.parametrize("case", CASES)
def test_float32_agrees_with_the_reference(case: str) -> None:
    """Fails for any slip in the forward pass: norm, bias, RoPE, head order, activation, tied head, shards."""
    actual = logits(denoiser_of(case, dtype="float32"), STORED[f"{case}/input_ids"])
    assert distance(actual, STORED[f"{case}/logits"]) <= TOLERANCE


@pytest.mark.parametrize("case", BFLOAT16_CASES)
def test_bfloat16_agrees_with_the_reference(case: str) -> None:
    """Fails when norms or the rotary angles are computed in bfloat16.

    Tolerance: the reference in bfloat16 is up to 0.51 away from its own float32, so two faithful orders of adding may be twice
    that apart at worst; on the average they are far nearer.
    """
    actual = logits(denoiser_of(case, dtype="bfloat16"), STORED[f"{case}/input_ids"])
    expected = STORED[f"{case}/bf16/logits"].float()
    assert distance(actual, expected) <= 1.0
    assert float((actual - expected).abs().mean()) <= 0.08


@pytest.mark.parametrize("case", CASES)
def test_row_i_is_about_token_i(case: str) -> None:
    """Fails when the shift is wrong: Dream's head at i - 1 speaks about token i, and row 0 about token 0; LLaDA's has none."""
    denoiser = denoiser_of(case, dtype="float32")
    ids = STORED[f"{case}/input_ids"]
    reference = STORED[f"{case}/logits"]
    shifted = torch.cat([reference[:, :1], reference[:, :-1]], dim=1)
    expected = reference if case.startswith("llada") else shifted
    actual = torch.stack(denoiser.predict([View(row, torch.arange(len(row))) for row in ids]))
    assert distance(actual, expected) <= TOLERANCE


def test_a_wrong_shift_would_be_seen() -> None:
    """Fails when the comparison is too coarse to see rows that are off by one."""
    reference = STORED["dream-tiny/len33_right/logits"][0]
    actual = denoiser_of("dream-tiny").predict([View(STORED["dream-tiny/len33_right/input_ids"][0], torch.arange(33))])[
        0
    ]
    assert distance(actual, reference) >= 100 * TOLERANCE


@pytest.mark.parametrize("theta", [1e4, 9e5])
def test_a_wrong_rope_base_would_be_seen(theta: float, copy) -> None:
    """Fails when the comparison is too coarse to see another RoPE base, or the base is not read from config.json."""
    changed = load(copy(rope_theta=theta), device="cpu")
    actual = logits(changed, STORED["dream-tiny/len96/input_ids"])
    assert distance(actual, STORED["dream-tiny/len96/logits"]) >= 100 * TOLERANCE


@pytest.mark.parametrize("projection", ["q_proj", "k_proj", "v_proj"])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_lost_bias_would_be_seen(projection: str, layer: int, copy) -> None:
    """Fails when the comparison is too coarse to see that one bias is ignored."""
    folder = copy()
    weights = load_file(folder / "model.safetensors")
    weights[f"model.layers.{layer}.self_attn.{projection}.bias"].zero_()
    save_file(weights, folder / "model.safetensors")
    actual = logits(load(folder, device="cpu"), STORED["dream-tiny/len33_right/input_ids"])
    assert distance(actual, STORED["dream-tiny/len33_right/logits"]) >= 100 * TOLERANCE


@pytest.mark.parametrize("name", ["attn_out", "up_proj", "attn_norm"])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_slip_in_lladas_block_would_be_seen(name: str, layer: int, copy) -> None:
    """Fails when the comparison is too coarse to see that one tensor of a LLaDA layer is a little off."""
    folder = copy("llada-tiny")
    weights = load_file(folder / "model.safetensors")
    weights[f"model.transformer.blocks.{layer}.{name}.weight"] *= 1.02
    save_file(weights, folder / "model.safetensors")
    actual = logits(load(folder, device="cpu"), STORED["llada-tiny/len33_right/input_ids"])
    assert distance(actual, STORED["llada-tiny/len33_right/logits"]) >= 10 * TOLERANCE


def test_lladas_rope_is_turned_in_float32() -> None:
    """Fails when angles are rounded to the weights' format though config.json says `rope_full_precision`."""
    denoiser = denoiser_of("llada-tiny", dtype="bfloat16")
    cos, sin = denoiser._network.turn(torch.arange(5)[None])
    assert {torch.float32} == {cos.dtype, sin.dtype}


def test_a_causal_mask_would_be_seen() -> None:
    """Fails when the comparison is too coarse to see that rows do not look to their right."""
    ids = STORED["dream-tiny/len33_right/input_ids"][0]
    view = View(ids, torch.arange(33), visible=torch.ones(33, 33, dtype=torch.bool).tril(-1))
    reference = STORED["dream-tiny/len33_right/logits"][0]
    actual = denoiser_of("dream-tiny").predict([view])[0]
    assert distance(actual, torch.cat([reference[:1], reference[:-1]])) >= 100 * TOLERANCE


@pytest.mark.parametrize("name", ["dream-tiny", "llada-tiny"])
def test_a_network_made_from_config_alone_has_the_names_of_the_checkpoint(name: str) -> None:
    """Fails when a parameter is renamed: checkpoints that are trained here must load everywhere."""
    folder = REFERENCE / "checkpoints" / name
    config = read_config(folder)
    network = FAMILIES[config["model_type"]].network(config)
    assert set(load_file(folder / "model.safetensors")) == set(network.state_dict())
