"""Which folder the name of a model stands for, and what can be said of it without reading its weights.

In: what the setting `model` says. Out: folders, and facts from config.json and from the headers of safetensors files. Standard
library only, so that a command can list models without loading torch; knows neither tensors nor the network.
"""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlm_lsp
from dlm_lsp.errors import ModelError

BUNDLED = Path(dlm_lsp.__file__).parent / "bundled"
SCRIPTED = "scripted:"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
CURVE = "length_curve.json"
"""What `dlm-lsp models calibrate` has measured, beside the weights."""

COPY_PRIOR = "copy_prior.json"
"""What `training.copy_prior` has fitted, beside the weights."""

TRAINED_ON = "trained_on.npz"
"""What `training.memorised` has written, beside the weights: hashes of the training texts."""

MODEL_TYPES = ("Dream", "llada")
"""What config.json may call a model that we can run; `loading.FAMILIES` has a row for each."""

REPOSITORY = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
"""OWNER/NAME or OWNER/NAME@REVISION, as on the hub."""

_HASHED = (CONFIG, CURVE, COPY_PRIOR, "*.safetensors", "*token*.json", "vocab.json", "merges.txt")
_WHOLE_BYTES = 64 * 2**20
_STRIDE_BYTES, _BLOCK_BYTES = 16 * 2**20, 64 * 2**10
_MAX_HEADER_BYTES = 100 * 2**20
"""The safetensors library refuses longer ones."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that is on this machine, as `dlm-lsp models list` shows it."""

    name: str
    """What the setting `model` takes."""
    folder: Path
    model_type: str
    dtypes: tuple[str, ...]
    """Number formats of the weights, the one with the most bytes first; as safetensors writes them: BF16, F32, I8."""
    size_bytes: int
    """Of the weights."""


def find(model: str | Path) -> Path:
    """Give the folder (of a script: the file) that a model's name stands for."""
    name = str(model)
    if name.startswith(SCRIPTED):
        script = Path(name.removeprefix(SCRIPTED)).expanduser()
        if not script.is_file():
            raise ModelError(f"there is no script {script}; give `{SCRIPTED}` the path of a JSON file")
        return script
    bundled = bundled_names()
    if name in bundled:
        return BUNDLED / name
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    repository = REPOSITORY.fullmatch(name)
    if repository and (folder := hub_cache() / f"models--{repository['name'].replace('/', '--')}").is_dir():
        return _snapshot(folder, name, repository["revision"])
    close = difflib.get_close_matches(name, bundled, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"bundled models: {', '.join(bundled) or 'none'}"
    pull = f"; `dlm-lsp models pull {name}` downloads it if it is on the hub" if repository else ""
    raise ModelError(f"there is no model {name!r}: neither a folder nor a bundled model; {hint}{pull}")


def bundled_names() -> list[str]:
    """Give the names of the models that are part of the package."""
    return sorted(path.parent.name for path in BUNDLED.glob(f"*/{CONFIG}"))


def hub_cache() -> Path:
    """Give the folder in which huggingface_hub keeps what it downloads, as that library finds it."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache")
    home = os.environ.get("HF_HOME") or Path(cache, "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or Path(home, "hub")
    return Path(os.path.expandvars(hub)).expanduser()


def _snapshot(folder: Path, name: str, revision: str | None) -> Path:
    """Give the folder of one revision in the cache's folder of a repository."""
    wanted = revision or "main"
    reference = folder / "refs" / wanted
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else wanted
    snapshots = sorted(path.name for path in (folder / "snapshots").glob("*") if path.is_dir())
    if commit not in snapshots:
        if revision is not None or len(snapshots) != 1:
            names = ", ".join(snapshots) or "none"
            raise ModelError(f"of the model {name!r} the revision {wanted!r} is not here, but {names}; pull it first")
        commit = snapshots[0]
    return folder / "snapshots" / commit


def on_this_machine() -> Iterator[Checkpoint]:
    """Give the bundled models, then those of the hub's cache that we can run."""
    for name in bundled_names():
        yield describe(name, BUNDLED / name)
    for folder in sorted(hub_cache().glob("models--*--*")):
        name = folder.name.removeprefix("models--").replace("--", "/", 1)
        for snapshot in sorted((folder / "snapshots").glob("*")):
            try:
                found = describe(f"{name}@{snapshot.name[:12]}", snapshot)
                if find(name) == snapshot:
                    found = describe(name, snapshot)
            except ModelError:
                continue  # a repository without a config.json: a tokenizer, a data set
            if found.model_type in MODEL_TYPES:
                yield found


def describe(name: str, folder: Path) -> Checkpoint:
    """Say what a folder holds; what is missing or broken there is for `models check` to say."""
    model_type = str(read_json(folder / CONFIG).get("model_type"))
    bytes_by_dtype: dict[str, int] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            tensors = read_header(file).values()
        except ModelError:
            continue
        for tensor in tensors:
            start, end = tensor["data_offsets"]
            bytes_by_dtype[tensor["dtype"]] = bytes_by_dtype.get(tensor["dtype"], 0) + end - start
    dtypes = sorted(bytes_by_dtype, key=lambda dtype: -bytes_by_dtype[dtype])
    return Checkpoint(name, folder, model_type, tuple(dtypes), sum(bytes_by_dtype.values()))


def weight_files(folder: Path) -> list[Path]:
    """Give the safetensors files of a checkpoint; whether they exist is for who reads them."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise ModelError(f"{folder} has no {WEIGHTS} and no {INDEX}; download the weights in the safetensors format")
    shards = read_json(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
        raise ModelError(f"{folder / INDEX} has no weight_map; download it again")
    return [folder / Path(name).name for name in sorted(set(shards.values()))]


def read_header(file: Path) -> dict[str, dict[str, Any]]:
    """Give dtype, shape and place of every tensor of a safetensors file, after checking that the file is as long as it says."""
    try:
        size_bytes = file.stat().st_size
        with file.open("rb") as stream:
            header_bytes = int.from_bytes(stream.read(8), "little")
            if not 0 < header_bytes <= min(size_bytes - 8, _MAX_HEADER_BYTES):
                raise ModelError(f"{file} is damaged or cut short (no header); download it again")
            header = json.loads(stream.read(header_bytes))
            tensors = {name: facts for name, facts in header.items() if name != "__metadata__"}
            end_bytes = 8 + header_bytes + max((int(facts["data_offsets"][1]) for facts in tensors.values()), default=0)
    except FileNotFoundError as error:
        raise ModelError(f"{file} is missing; download it") from error
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ModelError(f"{file} is damaged or cut short ({type(error).__name__}); download it again") from error
    if end_bytes != size_bytes:
        raise ModelError(
            f"{file} is damaged or cut short ({size_bytes} bytes instead of {end_bytes}); download it again"
        )
    return tensors


def read_json(file: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{file} is missing; the folder of a checkpoint in Hugging Face layout has one") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} cannot be read ({error}); download it again") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} holds no JSON object; download it again")
    return content


def model_hash(model: str | Path) -> str:
    """Give 16 hex digits that change with what changes a model's answers: config, weights, tokenizer, curve, script.

    Of a file above 64 MiB 64 KiB in every 16 MiB are read, its beginning with the names and shapes of all tensors among them:
    a large model would take minutes. Another training or another rounding always shows; one changed number need not.
    """
    path = find(model)
    files = [path] if path.is_file() else sorted({file for pattern in _HASHED for file in path.glob(pattern)})
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0".encode() + _digest(file))
    return digest.hexdigest()[:16]


def _digest(file: Path) -> bytes:
    """Give the SHA-256 of a file, or of samples of a large one."""
    size_bytes = file.stat().st_size
    with file.open("rb") as stream:
        if size_bytes <= _WHOLE_BYTES:
            return hashlib.file_digest(stream, "sha256").digest()
        digest = hashlib.sha256(str(size_bytes).encode())
        for start in range(0, size_bytes, _STRIDE_BYTES):
            stream.seek(start)
            digest.update(stream.read(_BLOCK_BYTES))
        return digest.digest()
