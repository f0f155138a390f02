"""Packs what must travel to a machine for training, and what must come back: the token stream, and the trunk of a run.

In and out: files. The stream becomes one compressed archive, checked against the manifest where it is unpacked; a trunk becomes
bf16 parts of at most 16 MiB, with a table of their SHA-256. Knows no model; needs torch, numpy and safetensors only.

    python -m training.pack data --corpus small stream.tar.xz        # here
    python -m training.pack unpack stream.tar.xz data/small          # there
    python -m training.pack split runs/small/trunk.pt FOLDER         # there
    python -m training.pack join FOLDER runs/small/start.pt          # here, or there again: train --init ... --extend
"""

import argparse
import hashlib
import json
import lzma
import tarfile
from pathlib import Path

import torch
from safetensors.torch import load, save

from training import HERE
from training.recipe import SIZES
from training.stream import SPLITS

PART_BYTES = 16 * 2**20 - 4096
TABLE = "trunk.json"
TOKENIZER = ("tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json")
FILES = (*(f"{split}.{kind}" for split in SPLITS for kind in ("u16", "json")), *TOKENIZER, "NOTICE")
XZ = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 2**26, "lp": 1, "lc": 3, "pb": 1}]
"""Tokens are pairs of bytes: to tell the coder so saves a tenth."""


def pack_data(data: Path, manifest: Path, archive: Path) -> None:
    """Write streams, tokenizer and manifest of a corpus into one archive."""
    beside = archive.with_name(archive.name + ".part")
    with lzma.open(beside, "wb", format=lzma.FORMAT_XZ, filters=XZ) as out, tarfile.open(fileobj=out, mode="w|") as tar:
        for name in FILES:
            tar.add(data / name, name)
        tar.add(manifest, "manifest.json")
    beside.replace(archive)


def unpack_data(archive: Path, data: Path) -> None:
    """Unpack an archive and compare the streams with its manifest; on a difference nothing is left that could be read."""
    data.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(data, filter="data")
    named = json.loads((data / "manifest.json").read_text())["totals"]["streams_sha256"]
    for split, digest in named.items():
        if hashlib.sha256((data / f"{split}.u16").read_bytes()).hexdigest() != digest:
            (data / f"{split}.json").unlink()
            message = f"{archive}: the stream {split} is not the one of its manifest; pack and carry it again"
            raise SystemExit(message)


def split_trunk(state: Path, folder: Path) -> None:
    """Write the weights of a state as bf16 parts; the table comes last, so that half a set is never joined."""
    saved = torch.load(state, weights_only=True, map_location="cpu")
    weights = {name: weight.to(torch.bfloat16).contiguous() for name, weight in saved["weights"].items()}
    if saved["config"]["tie_word_embeddings"]:
        del weights["lm_head.weight"]
    content = save(weights)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE).unlink(missing_ok=True)
    table: dict[str, object] = {name: saved[name] for name in ("config", "recipe", "progress")}
    digests: dict[str, str] = {}
    for at in range(0, len(content), PART_BYTES):
        part = content[at : at + PART_BYTES]
        name = f"trunk-{len(digests)}.part"
        (folder / name).write_bytes(part)
        digests[name] = hashlib.sha256(part).hexdigest()
    (folder / TABLE).write_text(json.dumps(table | {"parts": digests}, indent=1) + "\n")


def join_trunk(folder: Path, state: Path) -> None:
    """Make of the parts a state that `train --init` starts from: weights and progress, no optimisers."""
    table = json.loads((folder / TABLE).read_text())
    content = b""
    for name, digest in table["parts"].items():
        part = (folder / name).read_bytes()
        if hashlib.sha256(part).hexdigest() != digest:
            message = f"{folder / name} is not the part that {TABLE} names; fetch it again"
            raise SystemExit(message)
        content += part
    weights = {name: weight.float() for name, weight in load(content).items()}
    if table["config"]["tie_word_embeddings"]:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    beside = state.with_name(state.name + ".part")
    torch.save({name: table[name] for name in ("config", "recipe", "progress")} | {"weights": weights}, beside)
    beside.replace(state)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data")
    data.add_argument("--corpus", choices=SIZES, default="small")
    data.add_argument("archive", type=Path)
    for name, first, second in (
        ("unpack", "archive", "data"),
        ("split", "state", "folder"),
        ("join", "folder", "state"),
    ):
        command = commands.add_parser(name)
        command.add_argument(first, type=Path)
        command.add_argument(second, type=Path)
    arguments = parser.parse_args()
    match arguments.command:
        case "data":
            # Not from corpus.py, which needs more than this machine may have.
            manifest = HERE / ("manifest.json" if arguments.corpus == "nano" else f"manifest-{arguments.corpus}.json")
            pack_data(SIZES[arguments.corpus].data, manifest, arguments.archive)
        case "unpack":
            unpack_data(arguments.archive, arguments.data)
        case "split":
            split_trunk(arguments.state, arguments.folder)
        case "join":
            join_trunk(arguments.folder, arguments.state)


if __name__ == "__main__":
    main()
