"""The tokenizer in plain Python gives the ids of the Rust library."""

import json
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.models.folders import BUNDLED
from training import bpe, tokenizer

NANO = BUNDLED / "nano"
FAST = tokenizer.load(NANO)
PLAIN = bpe.load(NANO)
ODD = ["\u2028", "\x0c", "\x1f", "\x85", "\u3000", "²", "Ⅷ", "é", "漢字", "🎉", "�"]
PIECES = st.sampled_from(
    [
        "def f(x):",
        "\n",
        "\r\n",
        "    ",
        "\t",
        " return x",
        "  # über",
        "'",
        "<|mask|>",
        "12",
        "@a",
        "self.b_1",
        "((",
        *ODD,
    ]
)


def same(text: str) -> None:
    """Compare both ways of one text."""
    ids = FAST.encode(text.encode("utf-8", "replace").decode(), add_special_tokens=False).ids
    assert ids == PLAIN.encode(text)
    assert FAST.decode(ids) == PLAIN.decode(ids)


@pytest.mark.parametrize("name", ["argparse.py", "textwrap.py", "statistics.py", "_pydecimal.py"])
def test_files(name: str) -> None:
    """Fails if ranks, splitting or bytes differ on ordinary code."""
    same((Path(sysconfig.get_paths()["stdlib"]) / name).read_text("utf-8"))


@given(st.lists(PIECES).map("".join))
def test_corners(text: str) -> None:
    """Fails if blanks, line ends, numbers or letters of other scripts are cut in another way."""
    same(text)


@given(st.lists(st.integers(0, PLAIN.size - 1), max_size=20))
def test_decoding(ids: list[int]) -> None:
    """Fails if a special token gets a text, or half a character breaks the decoding of the rest."""
    assert FAST.decode(ids) == PLAIN.decode(ids)


def test_size() -> None:
    """Fails if special tokens are left out of the count."""
    assert json.loads((NANO / "config.json").read_text())["vocab_size"] == PLAIN.size
