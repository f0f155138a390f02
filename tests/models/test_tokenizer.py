"""Text to ids and back: nothing that a user types is a special token, and nothing gets lost."""

import json
import shutil
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.errors import ModelError
from dlm_lsp.models.folders import BUNDLED
from dlm_lsp.models.scripted import PieceTokenizer
from dlm_lsp.models.tokenizer import BpeTokenizer, read_tokenizer

CHECKPOINTS = Path(__file__).parents[1] / "data" / "reference" / "checkpoints"
MARKS = [
    "<|endoftext|>",
    "<|mask|>",
    "<|expand|>",
    "<|path|>",
    "<|sep|>",
    "<|im_start|>",
    "<|fim_prefix|>",
    "<tool_call>",
]
TEXTS = st.lists(
    st.text() | st.sampled_from([*MARKS, "  ", "\n", "\r\n    ", "\ud800", "\udfff", "é"]), max_size=8
).map("".join)


def unspecial(folder: Path, target: Path) -> Path:
    """Copy a tokenizer with its added tokens declared ordinary, and eating the blanks around them, as some checkpoints do."""
    target.mkdir(exist_ok=True)
    content = json.loads((folder / "tokenizer.json").read_text())
    for token in content["added_tokens"]:
        token |= {"special": False, "lstrip": True, "rstrip": True, "normalized": True}
    (target / "tokenizer.json").write_text(json.dumps(content))
    return target


@pytest.fixture(scope="module", params=["nano", "tokenizer.json", "vocab.json", "ordinary added tokens", "scripted"])
def tokenizer(request, tmp_path_factory) -> BpeTokenizer | PieceTokenizer:
    """Every way to get a tokenizer."""
    if request.param == "scripted":
        return PieceTokenizer(["return value", "<|mask|>"])
    folder = {
        "nano": BUNDLED / "nano",
        "tokenizer.json": CHECKPOINTS / "dream-tiny",
        "vocab.json": CHECKPOINTS / "dreamon-tiny",
    }.get(request.param) or unspecial(CHECKPOINTS / "dream-tiny", tmp_path_factory.mktemp("tokenizer"))
    return read_tokenizer(folder)


@given(text=TEXTS)
def test_a_text_comes_back_as_it_was(tokenizer, text: str) -> None:
    """Fails when special tokens written in a text are recognised, blanks are eaten, or a lone surrogate raises."""
    expected = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    actual = tokenizer.decode(tokenizer.encode(text))
    if expected != actual:  # Qwen2's own normal form is the one thing that may change a text
        expected = unicodedata.normalize("NFC", expected)
    assert expected == actual


@given(text=TEXTS)
def test_no_text_gives_a_special_id(tokenizer, text: str) -> None:
    """Fails when a user can write a mask into the canvas."""
    special = {tokenizer.special_id(name) for name in ("mask", "endoftext", "expand")}
    assert not special & set(tokenizer.encode(text))


@given(ids=st.lists(st.integers(0, 20_000), max_size=20))
def test_decode_never_raises(tokenizer, ids: list[int]) -> None:
    """Fails when ids beyond the tokenizer (Dream's head has more rows than tokens) or cut characters raise."""
    assert isinstance(tokenizer.decode(ids), str)


def test_special_tokens_vanish_from_a_text(tokenizer) -> None:
    """Fails when a mask is shown to the user."""
    mask = tokenizer.special_id("mask")
    assert tokenizer.decode([mask, *tokenizer.encode("a"), mask]) == "a"


def test_piece_texts_are_what_single_ids_decode_to(tokenizer) -> None:
    """Fails when healing compares typed characters with the wrong piece."""
    texts = tokenizer.piece_texts()
    assert [tokenizer.decode([token]) for token in range(len(texts))] == texts
    assert texts[tokenizer.special_id("mask")] == ""
    (token,) = tokenizer.encode("a")
    assert texts[token] == "a"


def test_special_ids_are_found_by_name(tokenizer) -> None:
    """Fails when the layout cannot find its markers, or takes an unknown name for one."""
    assert tokenizer.special_id("no such token") is None
    assert tokenizer.special_id("mask") is not None


def test_both_forms_of_a_tokenizer_agree() -> None:
    """Fails when vocab.json with merges.txt gives other ids than tokenizer.json."""
    text = 'def f(x):\n    return "<|mask|>" + x  # ünïcode 12\n'
    expected = read_tokenizer(CHECKPOINTS / "dream-tiny").encode(text)
    assert expected == read_tokenizer(CHECKPOINTS / "dreamon-tiny").encode(text)


def test_the_qwen2_rule_is_that_of_transformers(tmp_path: Path) -> None:
    """Fails when vocab.json with merges.txt is cut, normalised or merged otherwise than by Qwen2's own tokenizer."""
    qwen2 = pytest.importorskip("transformers.models.qwen2.tokenization_qwen2")
    vocab = json.loads((CHECKPOINTS / "dreamon-tiny" / "vocab.json").read_text())
    merges = [
        "Ġ Ġ",
        "ĠĠ ĠĠ",
        "Ġ d",
        "e f",
        "Ġd ef",
        "r e",
        "t u",
        "re tu",
        "r n",
        "retu rn",
        "Ċ Ċ",
        "1 2",
        ") :",
        "i s",
    ]
    for merge in merges:
        vocab[merge.replace(" ", "")] = len(vocab)
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|endoftext|>": 900}))
    reference = qwen2.Qwen2Tokenizer(vocab=vocab, merges=[tuple(merge.split()) for merge in merges])
    actual = read_tokenizer(tmp_path)
    for text in (
        "    def is def(x):\n\n\n        return 12 + 3\n",
        "it's\t e\u0301 é ):):\r\n\r\n  \n x",
        "__init__ a1b2  return",
    ):
        assert reference.encode(text, add_special_tokens=False) == actual.encode(text)
    assert actual.special_id("endoftext") == 900


@pytest.mark.parametrize("file", ["tokenizer.json", "merges.txt"])
def test_broken_files_are_named(file: str, tmp_path: Path) -> None:
    """Fails when a broken download ends in a stack trace."""
    shutil.copy(CHECKPOINTS / "dreamon-tiny" / "vocab.json", tmp_path)
    (tmp_path / file).write_text("{not a tokenizer")
    with pytest.raises(ModelError, match=file):
        read_tokenizer(tmp_path)


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    """Fails when the message does not say which files are wanted."""
    with pytest.raises(ModelError, match=r"neither tokenizer\.json nor vocab\.json"):
        read_tokenizer(tmp_path)
