"""From a folder to a denoiser: every layout that is found in the wild, and every way in which a folder can be wrong."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dlm_lsp.errors import ModelError
from dlm_lsp.models import loading
from dlm_lsp.models.denoiser import View
from dlm_lsp.models.loading import (
    FAMILIES,
    choose_device,
    choose_dtype,
    load,
    parts_read,
    read_config,
    read_weights,
    set_threads,
    unfilled,
)

MASK, EXPAND, END = 262, 263, 256
IDS = torch.tensor([10, 20, MASK, MASK, 30])


def answer(folder: Path, **options: str) -> torch.Tensor:  # [L, V]
    """All rows of one small canvas."""
    return load(folder, device="cpu", **options).predict([View(IDS, torch.arange(len(IDS)))])[0]


# What loads


def test_the_core_needs_torch_and_safetensors_alone() -> None:
    """Fails when reading weights, as trainer and exporter do, needs a library that a training machine may lack."""
    code = (
        "import sys; sys.modules |= dict.fromkeys(['tokenizers', 'transformers', 'tree_sitter', 'pygls', 'rich']); "
        "import dlm_lsp.models.loading, dlm_lsp.models.dream, dlm_lsp.models.llada, dlm_lsp.models.cached"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_networks_and_caches_need_torch_alone() -> None:
    """Fails when a forward pass, or a cache around it, needs more than torch."""
    code = (
        "import sys; sys.modules |= dict.fromkeys(['safetensors', 'tokenizers', 'transformers', 'tree_sitter', 'rich']); "
        "import dlm_lsp.models.dream, dlm_lsp.models.llada, dlm_lsp.models.cached"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_code_in_a_checkpoint_is_never_run(copy) -> None:
    """Fails when `auto_map` is followed."""
    folder = copy("dreamon-tiny")
    assert "auto_map" in (folder / "config.json").read_text()
    for name in ("modeling_dream", "configuration_dream", "tokenization_dream"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} was run')")
    assert load(folder, device="cpu").tokenizer.decode(load(folder, device="cpu").tokenizer.encode("x = 1")) == "x = 1"


def test_transformers_stays_out(checkpoints: Path) -> None:
    """Fails when loading pulls in transformers, which costs seconds at every start of the worker."""
    code = (
        "import sys; from dlm_lsp.models.loading import load; "
        "load(sys.argv[1], device='cpu'); print('transformers' in sys.modules)"
    )
    command = [sys.executable, "-c", code, checkpoints / "dream-tiny"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_vocabulary_of_a_checkpoint_with_expand(checkpoints: Path) -> None:
    """Fails when a special token may be committed, or expand and delete may not."""
    vocabulary = load(checkpoints / "dream-tiny", device="cpu").vocabulary
    assert (vocabulary.size, vocabulary.mask_id, vocabulary.expand_id, vocabulary.delete_id) == (264, MASK, EXPAND, END)
    assert vocabulary.forbidden.nonzero().flatten().tolist() == [257, 258, 259, 260, 261, MASK]


def test_rows_without_a_token_are_forbidden(checkpoints: Path) -> None:
    """Fails when an id that no token has may be committed: it would vanish from the text."""
    vocabulary = load(checkpoints / "dream-tiny-sharded", device="cpu").vocabulary
    assert vocabulary.forbidden[264:].tolist() == [True] * 16


def test_expand_is_found_in_the_tokenizer(copy) -> None:
    """Fails for DreamOn, whose config.json does not name its expand token."""
    vocabulary = load(copy(expand_token_id=None), device="cpu").vocabulary
    assert (vocabulary.expand_id, vocabulary.delete_id) == (EXPAND, END)


def test_without_expand_nothing_is_structural(copy) -> None:
    """Fails when end-of-text counts as delete, or is allowed, with a checkpoint that never learned to delete."""
    folder = copy(expand_token_id=None)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text((folder / name).read_text().replace("<|expand|>", "<|other|>"))
    vocabulary = load(folder, device="cpu").vocabulary
    assert (vocabulary.expand_id, vocabulary.delete_id) == (None, None)
    assert bool(vocabulary.forbidden[END])


def test_delete_has_its_own_id_where_the_config_says_so(copy) -> None:
    """Fails when delete_token_id is ignored."""
    vocabulary = load(copy(delete_token_id=257), device="cpu").vocabulary
    assert vocabulary.delete_id == 257
    assert (bool(vocabulary.forbidden[257]), bool(vocabulary.forbidden[END])) == (False, True)


def test_the_mask_is_found_in_the_tokenizer(copy) -> None:
    """Fails for folders whose config.json does not name the mask."""
    assert load(copy(mask_token_id=None), device="cpu").vocabulary.mask_id == MASK


def test_the_tied_head_is_one_tensor(checkpoints: Path) -> None:
    """Fails when a tied head is read into memory of its own."""
    folder = checkpoints / "dream-tiny-tied"
    config = read_config(folder)
    wanted = unfilled(FAMILIES["Dream"], config).state_dict()
    weights = read_weights(folder, config, wanted, torch.float32, torch.device("cpu"))
    assert weights["lm_head.weight"].data_ptr() == weights["model.embed_tokens.weight"].data_ptr()


@pytest.mark.parametrize("name", ["dream-tiny", "dream-tiny-tied"])
def test_how_much_has_been_read_is_told(name: str, copy) -> None:
    """Fails if it is not told, falls, is told twice, or is not 100 in the end because the tied head is read with the embeddings."""
    told: list[int] = []
    load(copy(name), device="cpu", on_read=told.append)
    assert sorted(set(told)) == told
    assert 100 == told[-1]
    assert len(told) > 3


def test_a_stored_head_is_ignored_where_the_config_ties_it(copy) -> None:
    """Fails when a tied checkpoint that stores a stale head loads that one, unlike the reference."""
    folder = copy("dream-tiny-tied")
    expected = answer(folder)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = torch.zeros_like(weights["model.embed_tokens.weight"])
    save_file(weights, folder / "model.safetensors")
    assert torch.equal(expected, answer(folder))


def test_int8_per_row_is_multiplied_out(copy) -> None:
    """Fails when a scale is left out or applied to columns."""
    folder = copy(quantization="int8-per-row")
    weights = load_file(folder / "model.safetensors")
    rounded, stored = {}, {}
    for name, tensor in weights.items():
        if tensor.ndim != 2:
            rounded[name] = stored[name] = tensor
            continue
        scale = tensor.abs().amax(1) / 127  # [rows]
        stored[name] = (tensor / scale[:, None]).round().to(torch.int8)
        stored[name + "_scale"] = scale
        rounded[name] = stored[name].float() * scale[:, None]
    save_file(rounded, folder / "model.safetensors")
    expected = answer(folder)
    save_file(stored, folder / "model.safetensors")
    assert torch.equal(expected, answer(folder))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def test_every_number_format_answers_in_float32(dtype: str, checkpoints: Path) -> None:
    """Fails when a format is not reached, or leaks out of predict."""
    denoiser = load(checkpoints / "dream-tiny", device="cpu", dtype=dtype)
    assert {parameter.dtype for parameter in denoiser._network.parameters()} == {getattr(torch, dtype)}
    answers = denoiser.predict([View(IDS, torch.arange(5))])
    assert [row.dtype for row in answers] == [torch.float32]


def test_float16_files_load(copy) -> None:
    """Fails when the stored format is taken for the wanted one."""
    folder = copy()
    expected = answer(folder)
    save_file({k: v.half() for k, v in load_file(folder / "model.safetensors").items()}, folder / "model.safetensors")
    assert float((expected - answer(folder)).abs().max()) < 0.2


@pytest.mark.skipif(torch.cuda.is_available(), reason="here CUDA computes")
def test_a_device_that_cannot_compute(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Fails if a GPU that is there, but whose driver is too old, ends in no model where nobody asked for it, or in silence."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert torch.device("cpu") == choose_device("auto")
    assert ["cuda is there, but cannot compute: the model runs on the CPU"] == caplog.messages
    with pytest.raises(ModelError, match="the device 'cuda' cannot be used here; set device to 'auto' or 'cpu'"):
        choose_device("cuda")


def test_the_number_format_follows_the_device() -> None:
    """Fails when a CPU gets bfloat16, which many compute slowly, or a CUDA GPU float32."""
    assert choose_dtype("auto", torch.device("cpu")) == torch.float32
    assert choose_dtype("auto", torch.device("cuda")) == torch.bfloat16


def test_what_a_checkpoint_reads_comes_from_its_config(copy) -> None:
    """Fails when a checkpoint is told what it was not trained to read, or a misspelt part is passed over in silence."""
    assert parts_read(copy()) == ("path", "imports")
    assert parts_read(copy(reads=["path", "names"])) == ("path", "names")
    assert parts_read(copy(reads=[])) == ()
    for wrong in (["path", "snipets"], "path", 3, [["path"]]):
        with pytest.raises(ModelError, match="snippets, not"):
            parts_read(copy(reads=wrong))


def test_the_longest_canvas_comes_from_the_config(copy) -> None:
    """Fails when a model is given more than it was trained for."""
    assert load(copy(), device="cpu").max_tokens == 2048
    assert load(copy(max_canvas_tokens=512), device="cpu").max_tokens == 512


@pytest.mark.parametrize(
    ("told", "expected"),
    [("200000 100000\n", 2), ("150000 100000", 1), ("50000 100000", 1), ("max 100000", 4), ("6400000 100000", 4)],
)
def test_no_more_threads_than_a_container_may_use(told: str, expected: int, tmp_path: Path, monkeypatch) -> None:
    """Fails when a container with two of 64 cores starts 64 threads, or one without a limit starts a single one."""
    (tmp_path / "cpu.max").write_text(told)
    monkeypatch.setattr(loading, "QUOTA", tmp_path / "cpu.max")
    torch.set_num_threads(4)
    set_threads(0)
    assert expected == torch.get_num_threads()


def test_without_a_quota_the_threads_are_torchs(tmp_path: Path, monkeypatch) -> None:
    """Fails when a system without Linux's files ends in an error, or a number that was set is changed."""
    monkeypatch.setattr(loading, "QUOTA", tmp_path / "none")
    torch.set_num_threads(3)
    set_threads(0)
    assert torch.get_num_threads() == 3
    set_threads(2)
    assert torch.get_num_threads() == 2


def test_threads_are_set(checkpoints: Path) -> None:
    """Fails when the setting is not passed on; 0 leaves torch's own choice."""
    load(checkpoints / "dream-tiny", device="cpu", threads=2)
    assert torch.get_num_threads() == 2
    load(checkpoints / "dream-tiny", device="cpu", threads=0)
    assert torch.get_num_threads() == 2


# What does not load, and what the message says


def refused(folder: Path | str, *words: str, **options: str) -> None:
    """Assert that loading fails with one sentence that has these words."""
    with pytest.raises(ModelError) as caught:
        load(folder, **{"device": "cpu", **options})
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder(tmp_path: Path) -> None:
    """Fails when a mistyped name ends in a stack trace or without the nearest name."""
    refused(tmp_path / "nowhere", "nowhere", "neither a folder nor a bundled model", "nano")
    refused("nanno", "did you mean 'nano'?")
    refused("scripted:nowhere.json", "no script nowhere.json")


def test_config_json_missing_or_broken(copy) -> None:
    """Fails when the message does not name config.json."""
    folder = copy()
    (folder / "config.json").write_text("{")
    refused(folder, "config.json", "cannot be read")
    (folder / "config.json").write_text("[]")
    refused(folder, "config.json", "no JSON object")
    (folder / "config.json").write_bytes(b"\xff\xfe")
    refused(folder, "config.json", "cannot be read")
    (folder / "config.json").unlink()
    refused(folder, "config.json is missing")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "dreem"}, ["'dreem'", "did you mean 'Dream'?"]),
        ({"model_type": "gpt2"}, ["'gpt2'", "known: Dream, llada"]),
        ({"model_type": "LLaDA"}, ["'LLaDA'", "did you mean 'llada'?"]),
        ({"model_type": None}, ["None", "known: Dream"]),
        ({"hidden_size": None}, ["hidden_size is missing"]),
        ({"hidden_size": "wide"}, ["hidden_size is 'wide'"]),
        ({"num_hidden_layers": 0}, ["num_hidden_layers is 0"]),
        ({"num_hidden_layers": 1.5}, ["num_hidden_layers is 1.5"]),
        ({"num_attention_heads": 5}, ["5 heads"]),
        ({"tie_word_embeddings": "false"}, ["tie_word_embeddings is 'false'", "true or false"]),
        ({"rms_norm_eps": float("nan")}, ["rms_norm_eps is nan"]),
        ({"hidden_act": "gelu"}, ["hidden_act is 'gelu'"]),
        ({"rope_scaling": {"type": "yarn"}}, ["yarn", "not supported"]),
        ({"quantization": "awq"}, ["quantisation is not supported"]),
        ({"quantization_config": {"bits": 4}}, ["quantisation is not supported"]),
        ({"mask_token_id": 264}, ["264", "outside of its vocab_size of 264"]),
        ({"mask_token_id": -1}, ["-1", "outside"]),
        ({"mask_token_id": "<mask>"}, ["mask_token_id is '<mask>'"]),
        ({"eos_token_id": [1, 2]}, ["eos_token_id is [1, 2]"]),
        ({"vocab_size": 200}, ["vocab_size of 200", "another model"]),
        ({"vocab_size": 300}, ["shape [264, 64]", "asks for [300, 64]"]),
        ({"num_hidden_layers": 3}, ["lack the tensor model.layers.2.", "and 11 more"]),
        ({"num_hidden_layers": 1}, ["model.layers.1.", "has no place"]),
        ({"intermediate_size": 64}, ["model.layers.0.mlp", "shape"]),
    ],
)
def test_a_config_that_does_not_fit(changes: dict, words: list[str], copy) -> None:
    """Fails when a wrong config.json loads, or the message does not say what is wrong."""
    refused(copy(**changes), *words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"d_model": None}, ["d_model is missing"]),
        ({"d_model": 66}, ["4 heads", "66"]),
        ({"n_kv_heads": 3}, ["3 key-value heads"]),
        ({"rope_theta": -1}, ["rope_theta is -1", "a positive float"]),
        ({"rope": False}, ["rope is False", "the LLaDA family has True"]),
        ({"alibi": True}, ["alibi is True"]),
        ({"block_type": "sequential"}, ["block_type is 'sequential'", "'llama'"]),
        ({"block_group_size": 2}, ["block_group_size is 2"]),
        ({"layer_norm_type": "default"}, ["layer_norm_type is 'default'", "'rms'"]),
        ({"activation_type": "swiglu"}, ["activation_type is 'swiglu'", "'silu'"]),
        ({"attention_layer_norm": True}, ["attention_layer_norm is True"]),
        ({"scale_logits": True}, ["scale_logits is True"]),
        ({"embedding_size": 320}, ["embedding_size is 320, vocab_size 264"]),
        ({"mlp_hidden_size": 64}, ["model.transformer.blocks.0.ff_out.weight", "shape"]),
        ({"n_layers": 3}, ["lack the tensor model.transformer.blocks.2.", "and 8 more"]),
        ({"include_qkv_bias": True}, ["lack the tensor model.transformer.blocks.0.q_proj.bias", "and 5 more"]),
        ({"weight_tying": True}, ["model.transformer.ff_out.weight", "has no place"]),
    ],
)
def test_a_config_of_llada_that_does_not_fit(changes: dict, words: list[str], copy) -> None:
    """Fails when another layout of OLMo's code is run as if it were LLaDA's, or the message does not say what is wrong."""
    refused(copy("llada-tiny", **changes), *words)


def test_what_llada_may_leave_out(copy) -> None:
    """Fails when a key that config.json may leave out or set to null means something else than in the authors' code."""
    expected = answer(copy("llada-tiny"))
    same = {"n_kv_heads": None, "mlp_hidden_size": None, "mlp_ratio": 2, "multi_query_attention": False}
    assert torch.equal(expected, answer(copy("llada-tiny", **same, rms_norm_eps=None, rope_full_precision=None)))


def test_biases_of_llada_are_used(copy) -> None:
    """Fails when a checkpoint with biases loads, and they are left out of the sums."""
    folder = copy("llada-tiny", include_bias=True)
    weights = load_file(folder / "model.safetensors")
    linear = [name for name in weights if not name.endswith(("norm.weight", "ln_f.weight", "wte.weight"))]
    biases = {name.removesuffix("weight") + "bias": torch.zeros(len(weights[name])) for name in linear}
    save_file(weights | biases, folder / "model.safetensors")
    plain = answer(folder)
    assert torch.equal(answer(copy("llada-tiny", include_bias=None)), plain)
    for name in (
        "blocks.1.q_proj",
        "blocks.0.v_proj",
        "blocks.1.attn_out",
        "blocks.0.ff_proj",
        "blocks.1.ff_out",
        "ff_out",
    ):
        one = {f"model.transformer.{name}.bias": biases[f"model.transformer.{name}.bias"] + 0.5}
        save_file(weights | biases | one, copy("llada-tiny", include_bias=True) / "model.safetensors")
        assert not torch.allclose(plain, answer(folder), atol=0.01), name


def test_a_tied_head_of_llada(copy) -> None:
    """Fails when a checkpoint without a head of its own does not load, or reads something else than the embedding."""
    folder = copy("llada-tiny", weight_tying=True)
    weights = load_file(folder / "model.safetensors")
    del weights["model.transformer.ff_out.weight"]
    save_file(weights, folder / "model.safetensors")
    tied = answer(folder)
    weights["model.transformer.ff_out.weight"] = weights["model.transformer.wte.weight"].clone()
    save_file(weights, copy("llada-tiny") / "model.safetensors")
    assert torch.allclose(tied, answer(folder), atol=1e-4)


def test_no_mask_token_anywhere(copy) -> None:
    """Fails when an ordinary language model is taken for a diffusion model."""
    folder = copy(mask_token_id=None)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text((folder / name).read_text().replace("<|mask|>", "<|other|>"))
    refused(folder, "mask_token_id", "take another checkpoint")


def test_no_tokenizer(copy) -> None:
    """Fails when a folder without a tokenizer gets as far as its weights."""
    folder = copy()
    (folder / "tokenizer.json").unlink()
    refused(folder, "neither tokenizer.json nor vocab.json")


def test_no_weights(copy) -> None:
    """Fails when a folder with weights of another format only is not explained."""
    folder = copy()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, "has no model.safetensors", "safetensors format")


def test_a_missing_shard(copy) -> None:
    """Fails when half a checkpoint loads, or the message does not name the shard."""
    folder = copy("dream-tiny-sharded")
    (folder / "model-00002-of-00002.safetensors").unlink()
    refused(folder, "model-00002-of-00002.safetensors is missing", "download it")


def test_an_index_that_is_none(copy) -> None:
    """Fails when a broken index ends in a stack trace."""
    folder = copy("dream-tiny-sharded")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": ["a"]}')
    refused(folder, "index.json has no weight_map")


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1])
def test_a_file_cut_short(keep: int, copy) -> None:
    """Fails when an interrupted download loads, or kills the process when its missing end is touched."""
    folder = copy()
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:keep])
    refused(folder, "model.safetensors", "damaged or cut short", "download it again")


def test_a_git_lfs_pointer(copy) -> None:
    """Fails when a repository that was cloned without its large files is not recognised as damaged."""
    folder = copy()
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    refused(folder, "model.safetensors", "download it again")


def test_a_missing_tensor(copy) -> None:
    """Fails when a parameter keeps the memory it was born with."""
    folder = copy()
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors")
    refused(folder, "lack the tensor model.norm.weight;", "download")


def test_a_missing_scale(copy) -> None:
    """Fails when int8 numbers are used as they are."""
    folder = copy(quantization="int8-per-row")
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["lm_head.weight"].to(torch.int8)
    save_file(weights, folder / "model.safetensors")
    refused(folder, "lm_head.weight", "lm_head.weight_scale")


def test_unknown_devices_and_formats(checkpoints: Path) -> None:
    """Fails when a device that is not there is found out at the first request only."""
    refused(checkpoints / "dream-tiny", "'gpu'", "set device to", device="gpu")
    refused(checkpoints / "dream-tiny", "'int4'", "set dtype to", dtype="int4")
    if not torch.cuda.is_available():
        refused(checkpoints / "dream-tiny", "'cuda'", "set device to", device="cuda")


def test_a_shard_outside_the_folder_is_not_read(copy, tmp_path: Path) -> None:
    """Fails when an index can name any file of the disk."""
    folder = copy("dream-tiny-sharded")
    shutil.move(folder / "model-00001-of-00002.safetensors", tmp_path / "elsewhere.safetensors")
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text().replace("model-00001-of-00002", "../elsewhere"))
    index.write_text(json.dumps(content))
    refused(folder, "elsewhere.safetensors is missing")
