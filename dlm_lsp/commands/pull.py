"""`dlm-lsp models pull OWNER/NAME`: download a checkpoint from the hub, after saying what it is, how large, and its licence.

In: name, revision, whether the user agreed beforehand. Out: a folder in the hub's cache, where `--model OWNER/NAME` finds it.
It fetches weights in safetensors, JSON and tokenizer files, never code; what has come is kept when a download breaks off, and the
same command goes on from there. Knows the hub through huggingface_hub alone.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from dlm_lsp.errors import DlmError, ModelError
from dlm_lsp.models.folders import (
    CONFIG,
    COPY_PRIOR,
    CURVE,
    INDEX,
    MODEL_TYPES,
    REPOSITORY,
    TRAINED_ON,
    hub_cache,
    read_header,
    read_json,
    weight_files,
)

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

WANTED = (
    *("*.safetensors", CONFIG, INDEX, "*token*.json", "vocab.json", "merges.txt"),
    *(CURVE, COPY_PRIOR, TRAINED_ON, "LICENSE*", "NOTICE*", "README.md"),
)
"""Files at the top of a repository; whatever else is there, code above all, stays where it is."""


def pull(repository: str, revision: str, *, agreed: bool) -> int:
    """Show what would be downloaded, ask, download, and say how to use it."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    named = REPOSITORY.fullmatch(repository)
    if not named:
        raise DlmError(f"{repository!r} names no repository: write OWNER/NAME, such as apple/DiffuCoder-7B-Base.")
    name, revision = named["name"], named["revision"] or revision
    with _in_words(name, revision):
        info = HfApi().model_info(name, revision=revision, files_metadata=True)
        sizes = wanted_files(info)
        if CONFIG in sizes:
            read_family(Path(hf_hub_download(name, CONFIG, revision=revision)))
    if not any(file.endswith(".safetensors") for file in sizes):
        raise ModelError(f"{name} has no weights in the safetensors format: take another repository of this model")
    missing = [file for file in (CONFIG,) if file not in sizes]
    if missing:
        raise ModelError(f"{name} has no {CONFIG}: this is no checkpoint in Hugging Face layout")
    to_come_bytes = sum(sizes.values())
    print(f"{name}, revision {revision} ({(info.sha or 'unknown')[:12]})")
    print(f"licence: {licence(info)}")
    print(f"size:    {to_come_bytes / 1e9:.2f} GB in {len(sizes)} files, into {hub_cache()}")
    _check_room(to_come_bytes)
    if not agreed and not _agrees():
        print("Nothing was downloaded.")
        return 1
    with _in_words(name, revision):
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=sorted(sizes)))
    for file in weight_files(folder):
        read_header(file)
    at = "" if revision == "main" else f"@{revision}"
    print(f"It is in {folder}\nUse it: dlm-lsp --model {name}{at}\nTry it: dlm-lsp models check {name}{at}")
    return 0


def wanted_files(info: "ModelInfo") -> dict[str, int]:
    """Give the files that are fetched, with their sizes in bytes."""
    return {
        file.rfilename: file.size or 0
        for file in info.siblings or ()
        if "/" not in file.rfilename and any(fnmatchcase(file.rfilename, pattern) for pattern in WANTED)
    }


def read_family(config: Path) -> None:
    """Refuse a model that we could not run, before gigabytes of it are fetched."""
    model_type = read_json(config).get("model_type")
    if model_type not in MODEL_TYPES:
        raise ModelError(f"its model_type is {model_type!r}, and only {', '.join(MODEL_TYPES)} can be run here")


def licence(info: "ModelInfo") -> str:
    """Give what the model card says of the licence."""
    card = info.card_data
    stated = card.get("license") if card else None
    more = [str(card[key]) for key in ("license_name", "license_link") if card and card.get(key)]
    return " ".join([str(stated or "none is stated; ask its authors before you use it"), *more])


def _check_room(wanted_bytes: int) -> None:
    """Stop before a disk is filled; what is there already counts twice, which errs on the safe side."""
    place = hub_cache()
    while not place.exists():
        place = place.parent
    free_bytes = shutil.disk_usage(place).free
    if free_bytes < wanted_bytes:
        raise DlmError(
            f"the disk of {place} has {free_bytes / 1e9:.1f} GB left, too little: free some, or set HF_HUB_CACHE to a "
            "folder on another disk."
        )


def _agrees() -> bool:
    if not sys.stdin.isatty():
        raise DlmError("nobody is here to agree to that: say --yes.")
    return input("Download it? [y/N] ").strip().lower() in {"y", "yes"}


@contextmanager
def _in_words(name: str, revision: str) -> Iterator[None]:
    """Turn what goes wrong with the hub into one sentence that says what to do."""
    from huggingface_hub import errors

    try:
        yield
    except DlmError:
        raise
    except errors.GatedRepoError as error:
        sentence = f"{name} is gated: accept its terms on its page on the hub, then log in with `hf auth login`"
        raise DlmError(f"{sentence}.") from error
    except errors.RepositoryNotFoundError as error:
        sentence = (
            f"there is no model {name} on the hub, or it is private: check the name, or log in with `hf auth login`"
        )
        raise DlmError(f"{sentence}.") from error
    except errors.RevisionNotFoundError as error:
        raise DlmError(f"{name} has no revision {revision!r}: leave --revision out for the newest.") from error
    except errors.HFValidationError as error:
        raise DlmError(f"{name!r} is no name of a repository: write OWNER/NAME.") from error
    except Exception as error:  # whatever the library and those below it raise
        if _is_full(error):
            sentence = "the disk is full: free some space and run the same command again, what has come is kept"
        else:
            kind = type(error).__name__
            sentence = (
                f"the hub cannot be reached or broke off ({kind}): run the same command again, what has come is kept"
            )
        raise DlmError(f"{sentence}.") from error


def _is_full(error: BaseException | None) -> bool:
    """Whether a full disk is at the bottom of an error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        error = error.__cause__ or error.__context__
    return False
