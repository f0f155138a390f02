"""From a request's text to token rows."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.scripted import PieceTokenizer
from dlm_lsp.sampling.healing import Pieces, sort_pieces
from dlm_lsp.values import Context, Hole, HoleKind, InfillRequest, Snippet, Window
from dlm_lsp.worker.layout import encode, head_ids, row_texts, wants_indent
from tests.worker.conftest import request_at

LONG = "".join(f"value_{n} = {n}\n" for n in range(400))


def pieces_of(model: Denoiser) -> Pieces:
    return sort_pieces(model.tokenizer.piece_texts(), model.vocabulary.forbidden)


def encoded(request: InfillRequest, model: Denoiser, max_tokens: int, hole_tokens: int) -> tuple[str, str]:
    """Give what stands before and behind the hole on a canvas of `max_tokens`."""
    model.max_tokens = max_tokens  # type: ignore[misc]
    draft = encode(request, model, pieces_of(model), hole_tokens)
    assert sum(map(len, draft.parts)) + hole_tokens <= max_tokens
    before, behind = (model.tokenizer.decode(part) for part in draft.parts)
    return before, behind


def test_context_is_cut_to_the_room(scripted: Callable[..., Denoiser]) -> None:
    """Fails if the canvas is longer than the model takes, or if the text next to the hole is cut instead of the far text."""
    before, behind = encoded(request_at(LONG + "@@\n" + LONG), scripted(), 200, 40)
    assert before.endswith("value_399 = 399")
    assert behind.startswith("\nvalue_0 = 0\n")
    assert 1.5 < len(before) / len(behind) < 2.5


def test_long_texts_between_holes_lose_their_middles(scripted: Callable[..., Denoiser]) -> None:
    """Fails if holes that lie far apart make a canvas that is longer than the model takes, or lose what stands next to them."""
    request = request_at("def f():\n    @@\n")
    window = Window(
        request.window.prefix, request.window.suffix, ("# one" + LONG + "# two", "# three" + LONG + "# four")
    )
    request = replace(request, window=window, holes=request.holes * 3)
    model = scripted()
    model.max_tokens = 200  # type: ignore[misc]
    draft = encode(request, model, pieces_of(model), 90)
    assert sum(map(len, draft.parts)) + 90 <= 200
    _, one, two, _ = (model.tokenizer.decode(part) for part in draft.parts)
    assert ("# one", "# two", "# three", "# four") == (one[:5], one[-5:], two[:7], two[-6:])


def test_room_that_one_side_does_not_need_goes_to_the_other(scripted: Callable[..., Denoiser]) -> None:
    """Fails if a third of the canvas stays empty at the end of a file."""
    before, behind = encoded(request_at(LONG + "@@\n"), scripted(), 200, 40)
    assert "\n" == behind
    assert len(before) > 140


def test_what_is_told_beside_the_window_gives_way_to_it(scripted: Callable[..., Denoiser]) -> None:
    """Fails if long import lists push out the code around the hole."""
    request = replace(request_at("x = 1\n@@\n"), context=Context(path="a/b.py", imports="import os\n" * 100))
    before, _ = encoded(request, scripted(), 120, 20)
    assert "x = 1" == before


def test_snippets_give_way_first(scripted: Callable[..., Denoiser]) -> None:
    """Fails if snippets that turn out too long for the model take path and imports with them."""
    context = Context(path="a/b.py", imports="import os\n", snippets=(Snippet("c.py", "y = 2\n" * 100),))
    model = scripted()
    before, _ = encoded(replace(request_at("x = 1\n@@\n"), context=context), model, 120, 20)
    alone = head_ids(replace(context, snippets=()), model.tokenizer)
    assert model.tokenizer.decode([*alone[0], *alone[1]]) + "x = 1" == before


def test_a_canvas_starts_with_a_known_token(scripted: Callable[..., Denoiser]) -> None:
    """Fails if a hole at the start of a file puts a mask into row 0, which nothing predicts."""
    model = scripted()
    request = replace(request_at("@@\nx = 1\n"), context=Context(), window=Window("", "\nx = 1\n"))
    draft = encode(request, model, pieces_of(model), 8)
    assert (model.tokenizer.special_id("endoftext"),) == draft.parts[0]


@pytest.mark.parametrize(
    ("hole", "expected"),
    [
        (Hole(HoleKind.LINE, indent="        ", typed_indent="    "), True),
        (Hole(HoleKind.LINE, indent="", typed_indent=""), True),
        (Hole(HoleKind.BODY, indent="    ", typed_indent="    "), False),
        (Hole(HoleKind.REST, indent="    "), False),
        (Hole(HoleKind.INLINE), False),
    ],
)
def test_the_model_writes_the_indentation_where_it_is_open(hole: Hole, expected: bool) -> None:
    """Fails if a half-typed indentation is taken as it is, or a whole one is asked for again."""
    assert expected == wants_indent(hole)


class TwoStarts(PieceTokenizer):
    """A tokenizer that has a token for the start of a text beside the one for its end, as Dream has."""

    def special_id(self, name: str) -> int | None:
        return 261 if name == "beginoftext" else super().special_id(name)


def test_a_canvas_starts_with_the_token_for_starts() -> None:
    """Fails if a checkpoint with a start of its own is given its end-of-text instead."""
    assert [261] == head_ids(Context(), TwoStarts([]))[0]


@given(st.text(alphabet="aé漢🎉\n x_1", max_size=30))
def test_row_texts_join_to_the_text(text: str) -> None:
    """Fails if a character that is spread over several tokens is lost or counted twice."""
    tokenizer = PieceTokenizer(["x_1"])
    ids = tokenizer.encode(text)
    texts = row_texts(ids, tokenizer)
    assert text == "".join(texts)
    assert len(ids) == len(texts)
