"""The bundled tokenizer: nothing is lost, and lines end where tokens end."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.models.folders import BUNDLED
from training.tokenizer import END_OF_TEXT, EXPAND, MASK, PAD, PATH, SEP, SPECIALS, load

NANO = BUNDLED / "nano"
TOKENIZER = load(NANO)
PYTHON = st.lists(
    st.sampled_from(
        ["def f(x):", "\n", "\r\n", "    ", "\t", "return x", "  # über", "'", "<|mask|>", "\u2028", "\x0c", "12", "."]
    )
).map("".join)


def ids(text: str) -> list[int]:
    """Tokens of a plain text."""
    return TOKENIZER.encode(text, add_special_tokens=False).ids


@given(st.text() | PYTHON)
def test_round_trip(text: str) -> None:
    """Fails if the splitting rule or a normaliser drops or changes a character (CR LF, blanks, form feeds)."""
    assert text == TOKENIZER.decode(ids(text), skip_special_tokens=False)


@given(PYTHON)
def test_a_line_ends_where_a_token_ends(text: str) -> None:
    """Fails if a merge crosses a line end, so that a hole of whole lines could not be cut between tokens."""
    for token in ids(text):
        piece = TOKENIZER.decode([token], skip_special_tokens=False)
        assert "\n" not in piece.removeprefix("\r").removeprefix("\n"), repr(piece)


@given(PYTHON, PYTHON)
def test_lines_tokenise_alone_as_in_the_whole(before: str, after: str) -> None:
    """Fails if the text behind a line end influences how the text before it is cut."""
    assert ids(before + "\nx" + after)[: len(ids(before + "\n"))] == ids(before + "\n")


def test_a_line_end_takes_the_next_indentation_along() -> None:
    """Fails if the splitting rule changed: the trainer finds lines and their depth by these pieces."""
    pieces = [TOKENIZER.decode([token]) for token in ids("if x:\n        return\r\n    y = 12")]
    assert ["if", " x", ":", "\n        ", "return", "\r", "\n    ", "y", " =", " ", "1", "2"] == pieces


@given(st.text())
def test_special_names_in_a_text_are_plain_text(text: str) -> None:
    """Fails if a user's string that spells a special token could write one onto the canvas."""
    assert all(token >= len(SPECIALS) for token in ids(f"{text}<|mask|>{text}<|endoftext|>"))


def test_ids_of_special_tokens() -> None:
    """Fails if the ids that config.json promises move."""
    names = ["<|endoftext|>", "<|mask|>", "<|pad|>", "<|expand|>", "<|path|>", "<|sep|>"]
    assert [END_OF_TEXT, MASK, PAD, EXPAND, PATH, SEP] == [TOKENIZER.token_to_id(name) for name in names]
    config = json.loads((NANO / "config.json").read_text())
    assert (MASK, PAD, EXPAND, END_OF_TEXT) == tuple(
        config[f"{name}_token_id"] for name in ("mask", "pad", "expand", "eos")
    )
    assert TOKENIZER.get_vocab_size() == config["vocab_size"]
