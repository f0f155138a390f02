"""Names of models, and what is said of a folder without reading its weights."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlm_lsp.errors import ModelError
from dlm_lsp.models import folders
from dlm_lsp.models.folders import BUNDLED, CURVE, describe, find, model_hash, on_this_machine, read_header
from dlm_lsp.models.loading import FAMILIES

COMMITS = ("a" * 40, "b" * 40)


@pytest.fixture
def hub(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a hub's cache with two revisions of one model, in the layout of huggingface_hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / "models--tiny--dream--coder"
    for commit in COMMITS:
        shutil.copytree(checkpoints / "dream-tiny", repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMITS[0])
    return repository


def test_transformers_and_torch_stay_out() -> None:
    """Fails when listing models loads torch, which takes seconds."""
    code = "import sys, dlm_lsp.models.folders; sys.exit(any(name in sys.modules for name in ('torch', 'safetensors')))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_family_is_listed() -> None:
    """Fails when a family is added whose models `models list` does not show."""
    assert set(folders.MODEL_TYPES) == set(FAMILIES)


# Names


def test_a_bundled_name_is_a_folder_of_the_package() -> None:
    """Fails when a bundled model cannot be named."""
    assert BUNDLED / "nano" == find("nano")


def test_a_downloaded_model_is_named_as_on_the_hub(hub: Path) -> None:
    """Fails when another revision than the one asked for is loaded."""
    expected = [hub / "snapshots" / commit for commit in (COMMITS[0], COMMITS[0], COMMITS[1])]
    names = ("tiny/dream--coder", "tiny/dream--coder@main", f"tiny/dream--coder@{COMMITS[1]}")
    assert expected == [find(name) for name in names]


def test_a_revision_that_is_not_here_is_said(hub: Path) -> None:
    """Fails when a person who asks for one revision silently gets another."""
    with pytest.raises(ModelError, match=f"the revision 'v2' is not here, but {COMMITS[0]}, {COMMITS[1]}; pull it"):
        find("tiny/dream--coder@v2")
    (hub / "refs" / "main").unlink()
    with pytest.raises(ModelError, match="revision 'main' is not here"):
        find("tiny/dream--coder")


def test_the_only_revision_needs_no_name(hub: Path) -> None:
    """Fails when a model that was downloaded by its commit cannot be named."""
    (hub / "refs" / "main").unlink()
    shutil.rmtree(hub / "snapshots" / COMMITS[0])
    assert hub / "snapshots" / COMMITS[1] == find("tiny/dream--coder")


def test_a_model_of_the_hub_that_is_not_here_says_how_to_get_it() -> None:
    """Fails when the sentence leaves out the command that helps."""
    with pytest.raises(ModelError, match="`dlm-lsp models pull apple/DiffuCoder-7B-Base` downloads it"):
        find("apple/DiffuCoder-7B-Base")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HF_HOME": "/x/home"},
        {"HF_HUB_CACHE": "/x/$USER_FOLDER/cache", "USER_FOLDER": "u"},
        {"HUGGINGFACE_HUB_CACHE": "/x/old"},
        {"XDG_CACHE_HOME": "/x/xdg"},
        {"HF_HOME": "~/home"},
    ],
    ids=str,
)
def test_the_cache_is_where_its_library_has_it(environment: dict[str, str]) -> None:
    """Fails when a model that was downloaded is not found: our rule has to be that of huggingface_hub."""
    code = (
        "import huggingface_hub.constants as theirs; from dlm_lsp.models.folders import hub_cache; "
        "print(theirs.HF_HUB_CACHE); print(hub_cache())"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "XDG_", "HUGGING"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    theirs, ours = done.stdout.split()
    assert theirs == ours


# What is here


def test_what_is_here_is_listed_with_its_facts(hub: Path) -> None:
    """Fails when a model is missing from the list, a stranger is in it, or a revision is listed under the wrong name."""
    (hub.parent / "models--google--bert" / "snapshots" / "c").mkdir(parents=True)
    (hub.parent / "models--google--bert" / "snapshots" / "c" / "config.json").write_text('{"model_type": "bert"}')
    (hub.parent / "models--empty--one" / "snapshots" / "d").mkdir(parents=True)
    found = {checkpoint.name: checkpoint for checkpoint in on_this_machine()}
    assert ["nano", "tiny/dream--coder", f"tiny/dream--coder@{COMMITS[1][:12]}"] == list(found)
    assert ("Dream", "I8") == (found["nano"].model_type, found["nano"].dtypes[0])
    assert hub / "snapshots" / COMMITS[0] == found["tiny/dream--coder"].folder


def test_sizes_are_those_of_the_weights(checkpoints: Path) -> None:
    """Fails when shards are left out, or the header counts."""
    one, many = (describe(name, checkpoints / name) for name in ("dream-tiny", "dream-tiny-sharded"))
    sizes = [
        sum(file.stat().st_size - 8 - int.from_bytes(file.read_bytes()[:8], "little") for file in files)
        for files in ([checkpoints / "dream-tiny" / "model.safetensors"], many.folder.glob("*.safetensors"))
    ]
    assert sizes == [one.size_bytes, many.size_bytes]


# Headers


@pytest.mark.parametrize("keep", [0, 7, 8, 100, -1])
def test_a_file_that_is_cut_short_is_named(copy, keep: int) -> None:
    """Fails when the end of a file is missing and nobody notices until it is read."""
    file = copy() / "model.safetensors"
    assert read_header(file)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged or cut short"):
        read_header(file)


@pytest.mark.parametrize("header", [b"[]", b"{", b'{"a": 5}', b'{"a": {"data_offsets": []}}', b"\xff", b'{"a": {}}'])
def test_a_header_that_says_nothing_is_damage(tmp_path: Path, header: bytes) -> None:
    """Fails when a broken file ends in a traceback."""
    file = tmp_path / "x.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match="damaged"):
        read_header(file)


# The hash


def test_the_hash_is_that_of_the_content(checkpoints: Path, tmp_path: Path) -> None:
    """Fails when the folder's name counts, or when the same folder hashes differently twice."""
    expected = model_hash(checkpoints / "dream-tiny")
    assert expected == model_hash(shutil.copytree(checkpoints / "dream-tiny", tmp_path / "renamed"))
    assert 16 == len(expected)
    int(expected, 16)


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "vocab.json", "merges.txt", "tokenizer_config.json"]
)
def test_the_hash_changes_with_every_file_that_counts(file: str, copy) -> None:
    """Fails when two models that answer differently have one hash."""
    folder = copy("dreamon-tiny")
    before = model_hash(folder)
    content = bytearray((folder / file).read_bytes())
    content[-1] ^= 1
    (folder / file).write_bytes(content)
    assert before != model_hash(folder)


def test_the_hash_does_not_change_with_other_files(copy) -> None:
    """Fails when a read-me changes the identity of a model, or a length curve does not: it changes the lengths."""
    folder = copy()
    before = model_hash(folder)
    (folder / "README.md").write_text("a model card")
    assert before == model_hash(folder)
    (folder / CURVE).write_text(json.dumps({}))
    assert before != model_hash(folder)


def test_the_hash_of_a_large_file_reads_samples(copy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when a large file's change is not seen where it is sampled, or its length or its header does not count."""
    folder = copy()
    file = folder / "model.safetensors"
    monkeypatch.setattr(folders, "_WHOLE_BYTES", 1000)
    monkeypatch.setattr(folders, "_STRIDE_BYTES", 10_000)
    monkeypatch.setattr(folders, "_BLOCK_BYTES", 100)
    original = file.read_bytes()

    def with_change(place: int) -> str:
        changed = bytearray(original)
        changed[place] ^= 1
        file.write_bytes(changed)
        return model_hash(folder)

    before = model_hash(folder)
    seen = {with_change(place) for place in (0, 20, 10_005, 20_099)}
    assert (4, True) == (len(seen), before not in seen)
    assert before == with_change(5_000), "promised: not everything is read"
    file.write_bytes(original + b"x")
    assert before != model_hash(folder)
