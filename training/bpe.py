"""The bundled tokenizer in plain Python: the same ids as the Rust library, for machines that have only torch and numpy.

In: a folder with tokenizer.json. Out: a `Bpe`. It is slow on whole files and fast on the pieces a canvas needs, because every
word is merged once. The ids of the special tokens and the splitting rule are written down here, and nowhere else.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

END_OF_TEXT, MASK, PAD, EXPAND, PATH, SEP = range(6)
"""Ids of the special tokens. END_OF_TEXT is also *delete*: a slot of a hole that takes itself away (as in DreamOn)."""
SPECIALS = (
    "<|endoftext|>",
    "<|mask|>",
    "<|pad|>",
    "<|expand|>",
    "<|path|>",
    "<|sep|>",
    "<|spare_0|>",
    "<|spare_1|>",
)

PIECE = "|".join(  # noqa: FLY002, a row each with its reason
    (
        r"\r?\n[ \t]*",  # a line's end and the next line's indentation; CR LF stays together
        r"[ .@(\[{=]?[\p{L}_]+",  # a word, with one sign that likes to stand before words
        r"\p{N}",
        r"[^\S\r\n]+(?!\S)",  # blanks, but the last one before a word goes to the word
        r" ?[^\s\p{L}\p{N}_]+",  # signs
        r"\s",
    )
)
"""The splitting rule as the Rust library reads it."""


class Bpe:
    """Text to ids and back; names of special tokens in a text are plain text."""

    def __init__(self, vocabulary: dict[str, int], merges: Sequence[Sequence[str]]) -> None:
        self._ids = vocabulary
        self._ranks = {(left, right): rank for rank, (left, right) in enumerate(merges)}
        self._merged: dict[str, tuple[int, ...]] = {}
        byte_of = {char: byte for byte, char in enumerate(byte_chars())}
        self.size = max(vocabulary.values()) + 1
        self._bytes = [b""] * self.size
        for token, number in vocabulary.items():
            if number >= len(SPECIALS):
                self._bytes[number] = bytes(byte_of[char] for char in token)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        found: list[int] = []
        for piece in splitter(ascii_only=text.isascii())(text):
            ids = self._merged.get(piece)
            if ids is None:
                ids = self._merged[piece] = self._merge(piece)
            found += ids
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special tokens have none."""
        return b"".join(map(self._bytes.__getitem__, ids)).decode("utf-8", "replace")

    def _merge(self, piece: str) -> tuple[int, ...]:
        chars = byte_chars()
        parts = [chars[byte] for byte in piece.encode("utf-8", "replace")]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, sys.maxsize))
            if best not in self._ranks:
                break
            joined: list[str] = []
            for part in parts:
                # Leftmost first: a part that has just been made by this merge is not merged again.
                if joined and (joined[-1], part) == best:
                    joined[-1] += part
                    joined.append("")
                else:
                    joined.append(part)
            parts = [part for part in joined if part]
        return tuple(self._ids[part] for part in parts)


def load(folder: Path) -> Bpe:
    """Read what `tokenizer.save` wrote."""
    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    return Bpe(model["vocab"], merges)


@cache
def byte_chars() -> tuple[str, ...]:
    """The character that stands for each byte in a byte-level vocabulary: itself if it can be printed (GPT-2)."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return tuple(chr(byte) if byte in printed else chr(next(others)) for byte in range(256))


@cache
def splitter(*, ascii_only: bool) -> Callable[[str], list[str]]:
    """What cuts a text as PIECE says, in the words of Python's `re`; that for all of Unicode takes half a second to make."""
    letters, numbers = ("A-Za-z", "0-9") if ascii_only else (character_class("L"), character_class("N"))
    inline, breaks = r"\t\x0b\x0c \xa0\u1680\u2000-\u200a\u202f\u205f\u3000\x85\u2028\u2029", r"\r\n"
    rows = (
        r"\r?\n[ \t]*",
        rf"[ .@(\[{{=]?[{letters}_]+",
        rf"[{numbers}]",
        rf"[{inline}]+(?![^{inline}{breaks}])",  # `\s` of Python would hold four control characters more
        rf" ?[^{inline}{breaks}{letters}{numbers}_]+",
        rf"[{inline}{breaks}]",
    )
    return re.compile("|".join(rows)).findall


def character_class(category: str) -> str:
    """All characters of a Unicode category, as what stands between the brackets of a regular expression."""
    runs = groupby(range(sys.maxunicode + 1), key=lambda code: unicodedata.category(chr(code))[0] == category)
    ranges = [(members[0], members[-1]) for wanted, run in runs if wanted and (members := list(run))]
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
