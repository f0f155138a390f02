"""The corpus as token ids: one uint16 array of all files of a split, one behind the other, with their borders.

In: data/files.jsonl and a tokenizer. Out: SPLIT.u16 and SPLIT.json beside it, and their
SHA-256 in manifest.json. What is drawn from it is corrupt.py's
business.

    python -m training.stream
"""

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from tokenizers import Tokenizer

from training.corpus import DATA, MANIFEST
from training.tokenizer import load

SPLITS = ("train", "valid-files", "valid-packages")


@dataclass(frozen=True, slots=True)
class Stream:
    """Token ids of many files; file f is `ids[starts[f] : starts[f + 1]]`."""

    ids: NDArray[np.uint16]  # [N]
    starts: NDArray[np.int64]  # [F + 1]
    names: tuple[str, ...]
    """package/path of each file; files of one package are neighbours."""


def encode(rows: list[dict[str, str]], tokenizer: Tokenizer) -> Stream:
    """Tokenise files, ordered by package and path."""
    rows = sorted(rows, key=lambda row: (row["package"], row["path"]))
    parts, lengths = [], [0]
    for at in track(range(0, len(rows), 256), "encoding"):
        for encoding in tokenizer.encode_batch([row["text"] for row in rows[at : at + 256]], add_special_tokens=False):
            parts.append(np.array(encoding.ids, np.uint16))
            lengths.append(len(encoding.ids))
    names = tuple(f"{row['package']}/{row['path']}" for row in rows)
    return Stream(np.concatenate(parts), np.cumsum(lengths), names)


def write(stream: Stream, folder: Path, split: str) -> str:
    """Store one split; gives the SHA-256 of its ids."""
    stream.ids.tofile(folder / f"{split}.u16")
    (folder / f"{split}.json").write_text(json.dumps({"starts": stream.starts.tolist(), "names": stream.names}))
    return hashlib.sha256(stream.ids.tobytes()).hexdigest()


def read(folder: Path, split: str) -> Stream:
    """Open one split without reading it into memory."""
    index = json.loads((folder / f"{split}.json").read_text())
    ids = np.memmap(folder / f"{split}.u16", np.uint16, mode="r")
    return Stream(ids, np.array(index["starts"], np.int64), tuple(index["names"]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--tokenizer", type=Path, default=DATA / "tokenizer")
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in (arguments.data / "files.jsonl").open()]
    digests = {}
    for split in SPLITS:
        stream = encode([row for row in rows if row["split"] == split], load(arguments.tokenizer))
        digests[split] = write(stream, arguments.data, split)
        print(f"{split}: {len(stream.names)} files, {len(stream.ids)} tokens, SHA-256 {digests[split]}")
    manifest = json.loads(MANIFEST.read_text())
    manifest["totals"]["streams_sha256"] = digests
    MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
