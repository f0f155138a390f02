"""`models check`: what is wrong with a folder is said in words, all of it, and what is whole is called whole."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dlm_lsp.errors import ModelError
from dlm_lsp.findings import Level
from dlm_lsp.models.check import check, nats_per_hidden_token
from dlm_lsp.models.denoiser import View
from dlm_lsp.models.folders import BUNDLED, TRAINED_ON
from dlm_lsp.models.loading import load
from dlm_lsp.models.widen import widen


def look(folder: Path | str, dtype: str = "float32") -> tuple[list[str], str]:
    """Check a model: what failed, and everything that was said."""
    findings = list(check(str(folder), device="cpu", dtype=dtype, threads=0))
    failed = [finding.what for finding in findings if finding.level is Level.FAIL]
    return failed, "\n".join(f"{finding.what} {finding.remedy}" for finding in findings)


@pytest.fixture
def nano(tmp_path: Path) -> Path:
    """Give a copy of the bundled model, to be broken."""
    return shutil.copytree(BUNDLED / "nano", tmp_path / "broken")


def change_config(folder: Path, **changes: object) -> None:
    """Change some keys of config.json; None removes."""
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def test_the_bundled_model_is_well() -> None:
    """Fails if something is found wrong with a model that works."""
    failed, said = look("nano")
    assert [] == failed
    assert "all 75 tensors have their shape" in said
    assert "nats for a hidden token" in said


def test_a_model_that_knows_no_code_is_found_out(checkpoints: Path) -> None:
    """Fails if weights that do not belong to the tokenizer pass, because all shapes are right."""
    (failed,), said = look(checkpoints / "dream-tiny-sharded")
    assert "blind guessing takes" in failed
    assert "belong to another model" in said


def test_a_missing_shard_is_named_and_a_cut_one_too(copy) -> None:
    """Fails if only the first of several faults is told, or none of the files that are well."""
    folder = copy("dream-tiny-sharded")
    first, second = sorted(folder.glob("*.safetensors"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-10])
    failed, said = look(folder)
    assert [f"{first} is missing; download it", True] == [failed[0], f"{second} is damaged or cut short" in failed[1]]
    assert "nats" not in said, "what is broken is not loaded"


def test_wrong_shapes_strangers_and_gaps_are_named(nano: Path) -> None:
    """Fails if a tensor of another model is taken, or the list is endless."""
    weights = load_file(nano / "model.safetensors")
    weights["model.norm.weight"] = torch.zeros(5)
    weights["stranger"] = torch.zeros(1)
    gone = "model.layers.0.self_attn.q_proj.bias"
    del weights[gone]
    save_file(weights, nano / "model.safetensors")
    failed, _ = look(nano)
    assert {
        f"the tensor {gone} is missing",
        "the tensor model.norm.weight has the shape [5] instead of [256]",
        "the tensor stranger has no place in a Dream model",
    } == set(failed)
    change_config(nano, hidden_size=128)
    failed, _ = look(nano)
    assert (6, True) == (len(failed), failed[-1].startswith("and ") and failed[-1].endswith(" tensors more"))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"model_type": "dreem"}, "the model_type 'dreem' is unknown; did you mean 'Dream'?"),
        ({"model_type": "llama"}, "the model_type 'llama' is unknown"),
        ({"mask_token_id": None}, ""),  # the tokenizer knows it
        ({"mask_token_id": 4000}, "the mask is the token 4000, which is no special token of the tokenizer"),
        ({"vocab_size": 100}, "the tokenizer's files belong to another model"),
        ({"mask_token_id": 9000}, "outside of its vocab_size"),
    ],
)
def test_wrong_families_masks_and_tokenizers(nano: Path, changes: dict[str, object], complaint: str) -> None:
    """Fails if a checkpoint that cannot work is called well, or the sentence does not say why."""
    change_config(nano, **changes)
    failed, _ = look(nano)
    assert bool(complaint) == bool(failed)
    assert complaint in "".join(failed)


def test_no_mask_at_all(nano: Path) -> None:
    """Fails if an ordinary left-to-right model is taken for a diffusion model."""
    change_config(nano, mask_token_id=None)
    text = (nano / "tokenizer.json").read_text(encoding="utf-8")
    (nano / "tokenizer.json").write_text(text.replace("<|mask|>", "<|hidden|>"), encoding="utf-8")
    failed, _ = look(nano)
    assert "this is no masked-diffusion model" in failed[0]


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(nano: Path, file: str) -> None:
    """Fails if a folder without one of its parts ends in a traceback."""
    (nano / file).unlink()
    (failed,), _ = look(nano)
    assert file in failed


def test_a_checkpoint_that_keeps_its_lengths_is_told_of_calibration(nano: Path) -> None:
    """Fails if nobody learns that the length of a hole can be fitted."""
    change_config(nano, expand_token_id=None)
    text = (nano / "tokenizer.json").read_text(encoding="utf-8")
    (nano / "tokenizer.json").write_text(text.replace("<|expand|>", "<|grow|>"), encoding="utf-8")
    failed, said = look(nano)
    assert [] == failed
    assert "models calibrate" in said


def test_the_surprise_is_that_of_the_true_tokens() -> None:
    """Fails if rows and tokens are shifted against each other, or what was asked is visible in the question."""
    denoiser = load("nano", device="cpu", dtype="float32")
    text = "import os\nimport sys\n\n\ndef main():\n    return 0\n" * 4
    ids = torch.tensor(denoiser.tokenizer.encode(text)[:256])
    rows = torch.arange(8, len(ids), 8)
    hidden = ids.clone()
    hidden[rows] = denoiser.vocabulary.mask_id
    surprises = []
    for row in rows.tolist():
        (logits,) = denoiser.predict([View(hidden, torch.tensor([row]))])
        surprises.append(-float(logits[0].log_softmax(-1)[ids[row]]))
    assert sum(surprises) / len(surprises) == pytest.approx(nats_per_hidden_token(denoiser, text), abs=1e-3)


# Export


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_export_answers_as_the_original(tmp_path: Path, dtype: str) -> None:
    """Fails if a scale, a tensor, a key of the config or what the settings need beside the weights is lost on the way."""
    widen("nano", tmp_path / "out", dtype)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (None, dtype) == (config.get("quantization"), config["torch_dtype"])
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert {getattr(torch, dtype)} == {weight.dtype for weight in weights.values()}
    assert not [name for name in weights if name.endswith("_scale")]
    view = View(torch.arange(20, 60), torch.arange(40))
    (expected,) = load("nano", device="cpu", dtype=dtype).predict([view])
    (actual,) = load(tmp_path / "out", device="cpu", dtype=dtype).predict([view])
    assert torch.equal(expected, actual)
    assert [] == look(tmp_path / "out", dtype)[0]
    assert (BUNDLED / "nano" / TRAINED_ON).read_bytes() == (tmp_path / "out" / TRAINED_ON).read_bytes()
    assert [tmp_path / "out"] == list(tmp_path.iterdir()), "nothing unfinished stays"


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_a_format_that_nobody_reads_is_refused(tmp_path: Path, dtype: str) -> None:
    """Fails if the setting's number formats of this program alone end in a stack trace, or in a file."""
    with pytest.raises(ModelError, match=f"{dtype}.* set dtype to one of float32"):
        widen("nano", tmp_path / "out", dtype)
    assert [] == list(tmp_path.iterdir())


def test_a_model_of_the_llada_family(checkpoints: Path, tmp_path: Path) -> None:
    """Fails if LLaDA's names are unknown to what checks and exports a checkpoint, or an exported one answers otherwise."""
    (failed,), said = look(checkpoints / "llada-tiny")
    assert "blind guessing takes" in failed
    assert "config.json: a llada model" in said
    assert "all 21 tensors have their shape" in said
    widen(str(checkpoints / "llada-tiny"), tmp_path / "wide", "float32")
    view = View(torch.tensor([5, 6, 262, 262, 7]), torch.arange(5))
    answers = [
        load(folder, device="cpu").predict([view])[0] for folder in (checkpoints / "llada-tiny", tmp_path / "wide")
    ]
    assert torch.equal(*answers)
