"""Whether an answer repeats, word for word, what the model was trained on.

In: token ids, and the file that `python -m training.memorised --list` has written beside the weights. Out: yes or no. The training
texts are not in that file and cannot be had from it; it knows no request, and whose text is repeated it cannot say.

The training texts, one behind the other, are cut into blocks of 10 tokens, and 30 bits of a hash are kept of each. A run of 29 tokens
holds two whole neighbouring blocks, wherever it begins. So every 10 neighbouring tokens of an answer are looked up, and two that touch
and are both blocks are a repetition: no run of 30 tokens is missed, and nothing below 20 is reported but by chance (one answer of 64
tokens in some 3,000) or where two blocks of different places happen to meet.
"""

import pickle
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dlm_lsp.errors import ModelError
from dlm_lsp.models.folders import TRAINED_ON, find

BLOCK_TOKENS = 10
HASH_BITS = 30
"""Enough for 3 M blocks: one in 370 that is none is taken for one, and it needs two."""

_FACTOR, _STIR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The hashes of a model's training texts."""

    hashes: NDArray[np.uint32]  # [N], ascending, each once

    def repeats(self, ids: Sequence[int]) -> bool:
        """Whether a text of these tokens holds two neighbouring blocks."""
        if len(ids) < 2 * BLOCK_TOKENS:
            return False
        asked = hash_rows(sliding_window_view(np.array(ids, np.uint64), BLOCK_TOKENS))
        at = np.searchsorted(self.hashes, asked).clip(max=len(self.hashes) - 1)
        known = self.hashes[at] == asked
        return bool((known[:-BLOCK_TOKENS] & known[BLOCK_TOKENS:]).any())


def hash_rows(rows: NDArray[np.unsignedinteger]) -> NDArray[np.uint32]:  # [N, BLOCK_TOKENS] -> [N]
    """Give HASH_BITS bits of a hash of every row of token ids."""
    total = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        total = total * _FACTOR + column.astype(np.uint64)
    stirred = (total ^ (total >> np.uint64(32))) * _STIR
    return (stirred >> np.uint64(64 - HASH_BITS)).astype(np.uint32)


def cut_blocks(ids: NDArray[np.uint16]) -> Blocks:
    """Make the blocks of training texts, given as one row of token ids."""
    whole = len(ids) // BLOCK_TOKENS * BLOCK_TOKENS
    return Blocks(np.unique(hash_rows(ids[:whole].reshape(-1, BLOCK_TOKENS))))


def write_blocks(blocks: Blocks, file: Path) -> None:
    """Write the distances between the hashes: first all low bytes, which are noise, then the higher ones, of which little is left."""
    gaps = np.diff(blocks.hashes, prepend=np.uint32(0)).astype("<u4")
    planes = gaps.view(np.uint8).reshape(-1, 4).T  # [4, N]
    np.savez_compressed(file, planes=np.ascontiguousarray(planes), made=np.array([BLOCK_TOKENS, HASH_BITS]))


def read_blocks(model: str | Path) -> Blocks:
    """Read the list of a model; raise ModelError where it has none, or one that cannot be used."""
    found = find(model)
    file = (found.parent if found.is_file() else found) / TRAINED_ON  # of a script: beside it
    if not file.is_file():
        raise ModelError(
            f"blockVerbatim is on, but this model comes without a list of what it was trained on ({file}); "
            "switch it off or use the bundled model"
        )
    try:
        with np.load(file) as stored:
            planes, made = stored["planes"], stored["made"].tolist()
        hashes = np.cumsum(np.ascontiguousarray(planes.T).view("<u4")[:, 0], dtype=np.uint32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError) as error:
        raise ModelError(
            f"{file} is damaged ({type(error).__name__}); install the model again, or switch blockVerbatim off"
        ) from error
    if made != [BLOCK_TOKENS, HASH_BITS] or not len(hashes):
        raise ModelError(
            f"{file} is of another version of dlm-lsp; install the model again, or switch blockVerbatim off"
        )
    return Blocks(hashes)
