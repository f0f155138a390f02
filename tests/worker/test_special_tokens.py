"""Special tokens in the user's text are text: on the canvas stand only those that the layout itself puts there."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.models.folders import BUNDLED
from dlm_lsp.models.loading import read_config, read_vocabulary
from dlm_lsp.models.tokenizer import read_tokenizer
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.text.layout import Special, lay_out
from dlm_lsp.values import Context, Hole, HoleKind, InfillRequest, Snippet, Window
from dlm_lsp.worker.layout import encode
from tests.models.conftest import REFERENCE

FOLDERS = {
    "nano": BUNDLED / "nano",
    "tokenizer.json": REFERENCE / "checkpoints" / "dream-tiny",
    "vocab.json": REFERENCE / "checkpoints" / "dreamon-tiny",
}


@cache
def model(name: str) -> Any:
    """Give what `encode` reads of a denoiser, and the texts of its special tokens."""
    tokenizer = read_tokenizer(FOLDERS[name])
    vocabulary = read_vocabulary(read_config(FOLDERS[name]), tokenizer)
    marks = [token.content for token in tokenizer._inner.get_added_tokens_decoder().values()]
    assert "<|mask|>" in marks
    pieces = sort_pieces(tokenizer.piece_texts(), vocabulary.forbidden)
    return SimpleNamespace(tokenizer=tokenizer, vocabulary=vocabulary, max_tokens=10**6, pieces=pieces, marks=marks)


def special_rows(name: str, context: Context, window: Window) -> list[list[int]]:
    """Give the special ids in each part of the canvas."""
    loaded = model(name)
    hole = Hole(HoleKind.REST)
    request = InfillRequest(1, 1, "python", window, (hole,), "", "", context)
    parts = encode(request, loaded, loaded.pieces, 8).parts
    return [[token for token in part if token in loaded.tokenizer.special_ids] for part in parts]


@pytest.mark.parametrize("name", FOLDERS)
@given(data=st.data())
def test_no_text_puts_a_special_token_on_the_canvas(name: str, data: st.DataObject) -> None:
    """Fails if any of the user's text, in whatever part of the canvas, can be read as a mask or a marker."""
    texts = st.lists(st.sampled_from(model(name).marks) | st.text(max_size=5), max_size=4).map("".join)
    context = Context(data.draw(texts), data.draw(texts), (data.draw(texts),), (Snippet("a.py", data.draw(texts)),))
    markers = model(name).tokenizer.special_id("path") is not None
    laid_out = sum(isinstance(piece, Special) for piece in lay_out(context, "", markers=markers))
    before, behind = special_rows(name, context, Window(data.draw(texts), data.draw(texts)))
    start = 1  # the token that begins every canvas
    assert len(before) in {start, start + laid_out}, "a head that is too long is left out whole"
    assert [] == behind


@pytest.mark.parametrize("name", FOLDERS)
def test_every_special_token_of_a_tokenizer_is_text_in_a_document(name: str) -> None:
    """Fails if one of them is left out of the property above by chance."""
    text = "".join(f"x = '{mark}'\n" for mark in model(name).marks)
    before, behind = special_rows(name, Context(), Window(text, text))
    assert (1, []) == (len(before), behind)
    tokenizer = model(name).tokenizer
    assert text == tokenizer.decode(tokenizer.encode(text))
