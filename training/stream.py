"""The corpus as token ids: one uint16 array of all files of a split, one behind the other, with their borders.

In: files.jsonl and a tokenizer. Out: SPLIT.u16 and SPLIT.json beside it, a copy of the tokenizer, and the arrays' SHA-256 in
the manifest; where the manifest names them already they must be the same. What is drawn from it is corrupt.py's business.

    python -m training.stream --corpus small
"""

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPLITS = ("train", "valid-files", "valid-packages")


@dataclass(frozen=True, slots=True)
class Stream:
    """Token ids of many files; file f is `ids[starts[f] : starts[f + 1]]`."""

    ids: NDArray[np.uint16]  # [N]
    starts: NDArray[np.int64]  # [F + 1]
    names: tuple[str, ...]
    """package/path of each file; files of one package are neighbours."""

    def name_at(self, index: int) -> str:
        """The name of the file that token `index` is of."""
        return self.names[int(np.searchsorted(self.starts, index, side="right")) - 1]


def encode(rows: list[dict[str, str]], tokenizer: "Tokenizer") -> Stream:
    """Tokenise files, ordered by package and path."""
    from rich.progress import track  # here, because a machine that only trains may lack it

    rows = sorted(rows, key=lambda row: (row["package"], row["path"]))
    parts, lengths = [], [0]
    for at in track(range(0, len(rows), 256), "encoding"):
        for encoding in tokenizer.encode_batch([row["text"] for row in rows[at : at + 256]], add_special_tokens=False):
            parts.append(np.array(encoding.ids, np.uint16))
            lengths.append(len(encoding.ids))
    names = tuple(f"{row['package']}/{row['path']}" for row in rows)
    return Stream(np.concatenate(parts), np.cumsum(lengths), names)


def write(stream: Stream, folder: Path, split: str) -> str:
    """Store one split, by rename; gives the SHA-256 of its ids."""
    index = {"starts": stream.starts.tolist(), "names": stream.names}
    for name, content in ((f"{split}.u16", stream.ids.tobytes()), (f"{split}.json", json.dumps(index).encode())):
        beside = folder / f"{name}.part"
        beside.write_bytes(content)
        beside.replace(folder / name)
    return hashlib.sha256(stream.ids.tobytes()).hexdigest()


def read(folder: Path, split: str) -> Stream:
    """Open one split without reading it into memory."""
    if not (folder / f"{split}.json").exists():
        message = (
            f"{folder} holds no {split}.json; `python -m training.stream` makes it, or `python -m training.pack unpack`"
        )
        raise SystemExit(message)
    index = json.loads((folder / f"{split}.json").read_text())
    ids = np.memmap(folder / f"{split}.u16", np.uint16, mode="r")
    if len(ids) != index["starts"][-1]:
        message = f"{folder / split}.u16 has {len(ids)} tokens and its index {index['starts'][-1]}; make both again"
        raise SystemExit(message)
    return Stream(ids, np.array(index["starts"], np.int64), tuple(index["names"]))


def main() -> None:
    """Command line."""
    from dlm_lsp.models.folders import BUNDLED

    from .corpus import CORPORA, write_whole
    from .tokenizer import load

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", choices=CORPORA, default="nano")
    parser.add_argument("--tokenizer", type=Path, default=BUNDLED / "nano", help="folder with tokenizer.json")
    arguments = parser.parse_args()
    corpus = CORPORA[arguments.corpus]
    (corpus.data / "tokenizer").mkdir(exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        write_whole(corpus.data / "tokenizer" / name, (arguments.tokenizer / name).read_text("utf-8"))
    rows = [json.loads(line) for line in (corpus.data / "files.jsonl").open()]
    manifest = json.loads(corpus.manifest.read_text())
    named = manifest["totals"].setdefault("streams_sha256", {})
    for split in SPLITS:
        stream = encode([row for row in rows if row["split"] == split], load(arguments.tokenizer))
        digest = write(stream, corpus.data, split)
        print(f"{split}: {len(stream.names)} files, {len(stream.ids)} tokens, SHA-256 {digest}")
        if named.setdefault(split, digest) != digest:
            message = f"{corpus.manifest.name} names another stream for {split} ({named[split]}): another tokenizer?"
            raise SystemExit(message)
    write_whole(corpus.manifest, json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
