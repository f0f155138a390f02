"""Healing: which tokens are taken back, and what the hole may then start with."""

import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.models.denoiser import Vocabulary
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.healing import Pieces, heal, sort_pieces
from dlm_lsp.sampling.samplers.llada21 import Llada21
from dlm_lsp.sampling.samplers.sundae import Sundae
from dlm_lsp.sampling.samplers.threshold import Threshold
from tests.sampling.tiny import EXPAND, MASK, rng, tiny_denoiser

TEXTS = [
    "",
    "r",
    "e",
    "t",
    "re",
    "return",
    "returns",
    " x",
    "(",
    "()",
    "\ufffd",
    "\ufffd\ufffd",
    "\n  ",
    "\n    ",
    "<|mask|>",
    "<",
]
ID = {text: k for k, text in enumerate(TEXTS)}
FORBIDDEN = torch.tensor([text == "<|mask|>" for text in TEXTS])
PIECES = sort_pieces(TEXTS, FORBIDDEN)


def healed(*texts: str, through_newline: bool = False) -> tuple[list[str], str, set[str]] | None:
    """Kept texts, typed text and allowed texts."""
    found = heal([ID[text] for text in texts], PIECES, through_newline=through_newline)
    if found is None:
        return None
    return [TEXTS[k] for k in found.kept], found.typed, {TEXTS[k] for k in found.allowed.tolist()}


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ([" x", "re", "t"], ([" x"], "ret", {"return", "returns"})),
        ([" x", "r", "e", "t"], ([" x"], "ret", {"return", "returns"})),
        (["r"], ([], "r", {"r", "re", "return", "returns"})),
        (["t", "re"], (["t"], "re", {"re", "return", "returns"})),
        ([" x", "return"], ([" x"], "return", {"return", "returns"})),
        (["re", "("], (["re"], "(", {"(", "()"})),
        (["r", " x"], None),
        (["returns"], None),
        ([], None),
        (["\ufffd", "re"], (["\ufffd"], "re", {"re", "return", "returns"})),
        (["re", "\ufffd"], None),
        (["re", ""], None),
        (["<"], None),
        (["re", "\n  "], None),
    ],
)
def test_heal(prefix, expected):
    """Fails if too many or too few tokens are taken back, or through specials, cut characters or forbidden pieces."""
    assert expected == healed(*prefix)


def test_line_breaks_only_on_request():
    """Fails if indentation that the user chose is taken back, or cannot be where it is too short."""
    assert ([" x"], "\n  ", {"\n  ", "\n    "}) == healed(" x", "\n  ", through_newline=True)
    assert (["\n  "], "re", {"re", "return", "returns"}) == healed("\n  ", "re")


def test_at_most_three():
    """Fails if more tokens than three are taken back."""
    pieces = sort_pieces(["a", "b", "aaaaa", "baaa"], torch.zeros(4, dtype=torch.bool))
    found = heal([0, 0, 0, 0], pieces)
    assert found is not None
    assert ((0,), "aaa", [2]) == (found.kept, found.typed, found.allowed.tolist())


@given(st.lists(st.text("ab", max_size=4), min_size=1, max_size=12), st.data())
def test_heal_against_a_plain_search(texts, data):
    """Fails if the sorted lookup finds other pieces than looking at every one does."""
    pieces = sort_pieces(texts, torch.zeros(len(texts), dtype=torch.bool))
    prefix = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=5))
    expected = None
    for count in range(1, 4):
        if count > len(prefix) or not texts[prefix[-count]]:
            break
        typed = "".join(texts[k] for k in prefix[-count:])
        if any(text.startswith(typed) and text != typed for text in texts):
            allowed = {k for k, text in enumerate(texts) if text.startswith(typed)}
            expected = (tuple(prefix[:-count]), typed, allowed)
    found = heal(prefix, pieces)
    assert expected == (None if found is None else (found.kept, found.typed, set(found.allowed.tolist())))


def test_a_large_vocabulary_is_quick():
    """Fails if a request looks at the whole vocabulary: 152,000 pieces in under 2 ms."""
    pieces = sort_pieces([f"{k:x}" for k in range(152_000)], torch.zeros(152_064, dtype=torch.bool))
    best = min(timed(pieces) for _ in range(5))
    assert best < 0.002


def timed(pieces: Pieces) -> float:
    """Seconds of one request."""
    start = time.perf_counter()
    assert heal([1, 2, 3], pieces) is not None
    return time.perf_counter() - start


LETTERS = [chr(ord("a") + k // 4) + "xyz"[: k % 4] for k in range(MASK)] + [""] * 4


@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("rule", [Threshold(0.4, 1.5), Sundae(), Llada21(tau_mask=0.2, tau_edit=0.1)], ids=repr)
def test_the_hole_starts_with_what_was_typed(length, rule):
    """Fails if another row than the hole's first is bound, or a growth, a delete, a second hole or a second thought loses the binding."""
    denoiser = tiny_denoiser()
    pieces = sort_pieces(LETTERS, denoiser.vocabulary.forbidden)
    for letter in "abcde":
        found = heal([7, LETTERS.index(letter)], pieces)
        assert found is not None
        assert (letter, 4) == (found.typed, len(found.allowed))
        for seed in range(6):
            canvas = join([[1], list(found.kept), [3]], [2, length], [2, 2], MASK)
            edits = [found.hold(1, denoiser.vocabulary)]
            *_, last = denoise([canvas], denoiser, [rule], [rng(seed)], adjust=edits, min_rows=0)
            text = "".join(LETTERS[token] for token in last[0].hole_tokens(1))
            assert text.startswith(letter)


def test_only_the_first_row_is_bound():
    """Fails if the edit touches a row of another hole, forgets expand, or a hole without rows breaks it."""
    vocabulary = Vocabulary(24, MASK, torch.zeros(24, dtype=torch.bool), EXPAND, None)
    found = heal([7, 0], sort_pieces(LETTERS, vocabulary.forbidden))
    assert found is not None
    canvas = join([[1], [2], []], [2, 3], [0, 0], MASK)
    edited = found.hold(1, vocabulary)(canvas, torch.zeros(5, 24))
    assert [0, 0, 24 - 5, 0, 0] == edited.isinf().sum(-1).tolist()
    assert [0, 1, 2, 3, EXPAND] == (~edited[2].isinf()).nonzero().flatten().tolist()
    empty = join([[1], [2]], [0], [0], MASK)
    assert (0, 24) == tuple(found.hold(0, vocabulary)(empty, torch.zeros(0, 24)).shape)


RETURNING = heal([ID["re"], ID["t"]], PIECES)
WORDS = Vocabulary(len(TEXTS) + 1, len(TEXTS), FORBIDDEN.new_zeros(len(TEXTS) + 1), None, None)


def hole_with(rows: int, written: dict[int, str]) -> Canvas:
    """A hole of so many rows, in some of which something stands."""
    canvas = join([[1], [2]], [rows], [0], WORDS.mask_id)
    tokens = torch.tensor([ID[written.get(row, "re")] for row in range(rows)])
    return canvas.apply(canvas.commit(torch.tensor([row in written for row in range(rows)]), tokens, torch.ones(rows)))


def bound(logits: torch.Tensor, *committed: str) -> list[set[str]]:
    """Give what each row of a hole of three may be, `committed` being its first tokens."""
    assert RETURNING is not None
    canvas = hole_with(3, dict(enumerate(committed)))
    edited = RETURNING.hold(0, WORDS)(canvas, logits.clone())
    return [{text for text, logit in zip(TEXTS, row.tolist(), strict=False) if logit > -torch.inf} for row in edited]


def test_what_no_piece_spans_can_be_written_too() -> None:
    """Fails if `ret` can only become `return`, though the model means to write `ret(`, or what stands can become something else."""
    assert RETURNING is not None
    assert "ret" == RETURNING.typed
    logits = torch.zeros(3, len(TEXTS) + 1)
    everything = set(TEXTS)
    logits[0, ID["return"]] = 1.0
    assert [{"return", "returns"}, everything, everything] == bound(logits)
    logits[0, ID["re"]] = 2.0
    assert [{"re"}, {"t"}, everything] == bound(logits)
    assert [{"re"}, {"t"}, everything] == bound(logits, "re")
    assert [{"return", "returns"}, everything, everything] == bound(logits, "return")
    assert [{"re"}, {"t"}, everything] == bound(logits, "re", "t")


def test_the_typed_tokens_are_not_begun_where_the_next_row_is_taken() -> None:
    """Fails if the first typed token is written before a row that says something else already."""
    assert RETURNING is not None
    canvas = hole_with(2, {1: "("})
    logits = torch.zeros(2, len(TEXTS) + 1)
    logits[0, ID["re"]] = 2.0
    edited = RETURNING.hold(0, WORDS)(canvas, logits.clone())
    assert {ID["return"], ID["returns"]} == set((~edited[0].isinf()).nonzero().flatten().tolist())


def test_the_typed_tokens_stay_together_where_one_is_masked_again() -> None:
    """Fails if `re` before a `t` that stands, masked again by a check or a repair, can become `return`, or the rest is not bound."""
    logits = torch.zeros(3, len(TEXTS) + 1)
    logits[0, ID["return"]] = 2.0
    canvas = hole_with(3, {1: "t"})
    assert RETURNING is not None
    edited = RETURNING.hold(0, WORDS)(canvas, logits.clone())
    assert [ID["re"]] == (~edited[0].isinf()).nonzero().flatten().tolist()
    assert {ID["t"]} == set((~edited[1].isinf()).nonzero().flatten().tolist())
    assert not bool(edited[2].isinf().any())


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_hole_behind_several_typed_tokens_starts_with_them(length: int) -> None:
    """Fails if rows that are decided together disagree on how the typed text is cut into tokens."""
    denoiser = tiny_denoiser()
    pieces = sort_pieces([*LETTERS[:8], "aaxa", "axaxb", "bxab", *LETTERS[11:]], denoiser.vocabulary.forbidden)
    for taken in ([0, 1], [1, 1], [5, 0]):
        found = heal([7, *taken], pieces)
        assert found is not None
        for seed in range(12):
            canvas = join([[1], list(found.kept), [3]], [2, length], [2, 2], MASK)
            edits = [found.hold(1, denoiser.vocabulary)]
            *_, last = denoise([canvas], denoiser, [Threshold(0.3, 1.5)], [rng(seed)], adjust=edits, min_rows=0)
            text = "".join(pieces.texts[token] for token in last[0].hole_tokens(1))
            assert text.startswith(found.typed)
