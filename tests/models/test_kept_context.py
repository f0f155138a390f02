"""Contexts kept from one request to the next: what is shared, that it is never wrong, and that it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dlm_lsp.models.cached import Cached, Hole, keep_contexts, with_cache
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.kept_context import MAX_IDLE_MS, Contexts, around, equal_ends
from dlm_lsp.models.llada import LladaConfig, LladaModel
from dlm_lsp.models.scripted import Rule as Script
from dlm_lsp.models.scripted import ScriptedDenoiser
from dlm_lsp.models.transformer import Again, NetworkDenoiser
from tests.models.spied import Spied

MASK, VOCAB = 0, 3000
NEIGHBOURS = 3
LAZY = Hole(10_000, 1)


def make(layers: int, family: str = "dream") -> Spied:
    """A random network in float64 whose answers are far from uniform."""
    if family == "dream":
        sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": layers, "num_attention_heads": 2}
        network = DreamModel(DreamConfig.from_json({"vocab_size": VOCAB, "num_key_value_heads": 1, **sizes}))
    else:
        llada = {"d_model": 8, "mlp_hidden_size": 8, "n_layers": layers, "n_heads": 2}
        network = LladaModel(LladaConfig.from_json({"vocab_size": VOCAB, **llada}))
    generator = torch.Generator().manual_seed(3)
    for name, parameter in network.named_parameters():
        if "norm" not in name and "ln_f" not in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.6
    return Spied(NetworkDenoiser(network.double(), Vocabulary(VOCAB, MASK, torch.arange(VOCAB) == MASK), None))


@pytest.fixture
def inner() -> Spied:
    """Two layers: what is kept is stale once something has changed."""
    return make(2)


def canvas(before: Sequence[int], behind: Sequence[int], hole: int = 4, lane: int = 0) -> View:
    """A canvas with one hole of masks."""
    tokens = torch.tensor([*before, *[MASK] * hole, *behind])
    return View(tokens, torch.arange(len(before), len(before) + hole), lane=lane)


BEFORE, BEHIND = list(range(1, 41)), list(range(101, 131))
START = canvas(BEFORE, BEHIND)


def ask(contexts: Contexts, view: View) -> Tensor:  # [H, V]
    """Begin a decode, as a request does."""
    return Cached(contexts.inner, LAZY, contexts).predict([view])[0]


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference."""
    return float((one - other).abs().max())


def computed(inner: Spied) -> list[int]:
    """The rows that the last call computed."""
    (rows,) = inner.computed[-1]
    return rows


# What is shared


@pytest.mark.parametrize("family", ["dream", "llada"])
def test_the_same_text_is_computed_once(family: str) -> None:
    """Fails if the second request about a place computes more than its hole, or answers otherwise than the first."""
    inner = make(2, family)
    contexts = Contexts(inner)
    first, second = ask(contexts, START), ask(contexts, START)
    assert distance(first, second) <= 1e-9
    assert distance(inner.predict([START])[0], second) <= 1e-6
    assert [len(START.tokens), 4 + (family == "dream")] == [len(rows) for (rows,) in inner.computed]


def test_after_an_edit_what_is_near_is_computed(inner: Spied) -> None:
    """Fails if a row within reach of the edit is kept, or one beyond it is computed."""
    contexts = Contexts(inner, neighbours=NEIGHBOURS)
    ask(contexts, START)
    ask(contexts, canvas([*BEFORE, 41, 42], BEHIND))
    assert list(range(40 - NEIGHBOURS, 46)) == computed(inner)
    ask(contexts, canvas([*BEFORE[:9], 90, *BEFORE[10:]], BEHIND))
    hole = [39, 40, 41, 42, 43]  # and the row that speaks about the first mask
    assert [*range(9 - NEIGHBOURS, 10 + NEIGHBOURS), *hole] == computed(inner)
    ask(contexts, canvas(BEFORE, [*BEHIND[:9], *BEHIND[12:]]))
    assert [*hole, *range(53 - NEIGHBOURS, 53 + NEIGHBOURS)] == computed(inner)


def test_a_window_that_ends_earlier_is_no_edit(inner: Spied) -> None:
    """Fails if rows are computed where the window merely lost its last tokens: nobody has changed them."""
    contexts = Contexts(inner, neighbours=NEIGHBOURS)
    ask(contexts, START)
    ask(contexts, canvas(BEFORE, BEHIND[:-5]))
    ask(contexts, canvas(BEFORE[5:], BEHIND))
    assert [[39, 40, 41, 42, 43], [34, 35, 36, 37, 38]] == [rows for (rows,) in inner.computed[1:]]


def test_lanes_of_one_call_share_a_context(inner: Spied) -> None:
    """Fails if every length that is tried computes the whole canvas anew."""
    cached = Cached(inner, LAZY)
    cached.predict([canvas(BEFORE, BEHIND, hole, lane) for lane, hole in enumerate((4, 8, 2))])
    assert [[len(START.tokens)], [9, 3]] == [[len(rows) for rows in call] for call in inner.computed]


def test_a_cache_of_its_own_shares_only_the_same_text(inner: Spied) -> None:
    """Fails if a decode that is not to know of others keeps rows beside an edit."""
    cached = Cached(inner, LAZY)
    cached.predict([START])
    other = canvas([*BEFORE, 41], BEHIND, lane=1)
    assert distance(inner.predict([other])[0], cached.predict([other])[0]) <= 1e-6


@pytest.mark.parametrize(
    "other",
    [
        canvas(BEFORE, range(200, 240)),
        canvas([*range(300, 365), *BEFORE], BEHIND),
        canvas(BEHIND, BEFORE),
        View(START.tokens, torch.tensor([40, 41, 43])),
        replace(START, positions=torch.arange(len(START.tokens)) * 2),
    ],
    ids=["half of it", "much more", "other way round", "two holes", "other positions"],
)
def test_where_too_little_is_shared_everything_is_computed(inner: Spied, other: View) -> None:
    """Fails if what is kept drifts far from what is there."""
    contexts = Contexts(inner)
    ask(contexts, START)
    assert distance(inner.predict([other])[0], ask(contexts, other)) <= 1e-6
    assert len(other.tokens) == len(computed(inner))


def test_only_whole_canvases_of_masks_are_kept(inner: Spied) -> None:
    """Fails if a context that has seen a written hole, or kept rows, is what others begin with: then errors add up."""
    contexts = Contexts(inner, neighbours=NEIGHBOURS)
    written = replace(START, tokens=START.tokens.index_fill(0, torch.tensor([41]), 77))
    ask(contexts, written)
    ask(contexts, START)
    assert len(START.tokens) == len(computed(inner))
    typed = [*BEFORE, 41]
    for more in (42, 43, 44):
        ask(contexts, canvas(typed, BEHIND))
        assert 40 - NEIGHBOURS == computed(inner)[0], "compared with another than the first"
        typed.append(more)


def test_a_decode_does_not_write_into_what_is_kept(inner: Spied) -> None:
    """Fails if a decode that goes on, and computes its context anew beside a written hole, changes what the next one begins with."""
    contexts = Contexts(inner)
    decode = Cached(inner, Hole(1), contexts)
    for view in (START, replace(START, tokens=START.tokens.index_fill(0, START.rows, 77))):
        decode.predict([view])
    assert distance(inner.predict([START])[0], ask(contexts, START)) <= 1e-6


def test_the_second_answer_is_the_first(inner: Spied) -> None:
    """Fails if an answer depends on whether its context was known: if everything is computed anew at other calls of the decode."""
    contexts, answers, sizes = Contexts(inner), [], []
    for _ in range(2):
        inner.computed.clear()
        decode = Cached(inner, Hole(3, 1), contexts)
        for written in range(5):
            tokens = START.tokens.index_fill(0, START.rows[:written], 77)
            answers.append(decode.predict([replace(START, tokens=tokens)])[0])
        sizes.append([len(rows) for (rows,) in inner.computed])
    assert sizes[0][1:] == sizes[1][1:]
    for one, other in zip(answers[:5], answers[5:], strict=True):
        assert distance(one, other) <= 1e-9


def test_two_documents_by_turns(inner: Spied) -> None:
    """Fails if one document pushes the other out, or an edit leaves the old text beside the new one."""
    contexts = Contexts(inner, max_canvases=2)
    other = canvas(range(500, 540), range(600, 630))
    for view in (START, other):
        ask(contexts, view)
    for view in (START, other, START):
        assert distance(inner.predict([view])[0], ask(contexts, view)) <= 1e-6
        assert 5 == len(computed(inner))
    for count in range(1, 4):
        ask(contexts, canvas([*BEFORE, *range(41, 41 + count)], BEHIND))
        contexts.refresh()
    ask(contexts, other)
    assert 5 == len(computed(inner))


# Its bounds


def test_memory_is_bounded(inner: Spied) -> None:
    """Fails if canvases pile up, or one that is larger than the room is kept."""
    one = Contexts(inner)
    ask(one, START)
    contexts = Contexts(inner, max_bytes=2 * one.bytes + 1)
    for k in range(5):
        ask(contexts, canvas(range(100 * k + 1, 100 * k + 41), range(100 * k + 50, 100 * k + 80)))
        assert contexts.bytes == min(k + 1, 2) * one.bytes
    small = Contexts(inner, max_bytes=one.bytes - 1)
    ask(small, START)
    assert 0 == small.bytes
    contexts.forget()
    assert 0 == contexts.bytes


def test_in_a_pause_it_is_computed_once(inner: Spied) -> None:
    """Fails if a pause computes what is known already, goes on for ever, or if what it computes is not used."""
    contexts = Contexts(inner)
    ask(contexts, START)
    assert not contexts.is_stale
    typed = canvas([*BEFORE, 41], BEHIND)
    written = replace(typed, tokens=typed.tokens.index_fill(0, typed.rows[:2], 77))
    ask(contexts, written)
    assert contexts.is_stale
    contexts.refresh()
    assert len(typed.tokens) == len(computed(inner))
    assert not contexts.is_stale
    calls = len(inner.computed)
    contexts.refresh()
    assert calls == len(inner.computed)
    assert distance(inner.predict([typed])[0], ask(contexts, typed)) <= 1e-6
    assert 5 == len(computed(inner))


def test_a_slow_model_does_nothing_in_a_pause(inner: Spied) -> None:
    """Fails if a request may have to wait for a long pass that nobody has asked for."""
    contexts = Contexts(inner)
    ask(contexts, START)
    ask(contexts, canvas([*BEFORE, 41], BEHIND))
    contexts._whole_ms = MAX_IDLE_MS + 1
    assert not contexts.is_stale


def test_another_model_begins_anew(inner: Spied) -> None:
    """Fails if what one model has computed is used by another, or is kept for one without keys."""
    contexts = keep_contexts(inner)
    assert contexts is not None
    ask(contexts, START)
    with pytest.raises(AssertionError):
        with_cache(make(1), "hole", contexts)
    assert keep_contexts(ScriptedDenoiser([Script("a", "b")])) is None


def test_the_setting_switches_it_off(inner: Spied) -> None:
    """Fails if requests share a context although nobody wants them to, or do not although it is the default."""
    contexts = Contexts(inner)
    for written, expected in (("hole", 5), ("hole:across=false", len(START.tokens)), ("dual", len(START.tokens))):
        ask(contexts, START)
        with_cache(inner, written, contexts).predict([START])
        assert expected == len(computed(inner))


# Whatever is typed


@dataclass(frozen=True)
class Edit:
    """One request: in which document, and what was done to it before."""

    document: int
    place: int
    cut: int
    typed: int
    moved: int
    """To where the cursor goes then, if not negative."""
    hole: int
    fails: bool
    pause: bool


EDITS = st.lists(
    st.builds(
        Edit,
        document=st.integers(0, 2),
        place=st.integers(0, 70),
        cut=st.sampled_from([0, 0, 0, 1, 5]),
        typed=st.sampled_from([0, 1, 2, 9]),
        moved=st.sampled_from([-1, -1, -1, 0, 20, 60]),
        hole=st.sampled_from([1, 4, 4, 9]),
        fails=st.sampled_from([False] * 5 + [True]),
        pause=st.booleans(),
    ),
    min_size=2,
    max_size=9,
)


class Typed:
    """Documents in which every token ever typed is another one, so that where a token stood is known."""

    def __init__(self) -> None:
        self.documents = [list(range(100 * k + 1, 100 * k + 61)) for k in range(3)]
        self.cursors = [30] * 3
        self._next = 1000

    def edit(self, edit: Edit) -> View:
        """Edit a document; give the canvas of the request that follows."""
        text = self.documents[edit.document]
        place = min(edit.place, len(text))
        new = list(range(self._next, self._next + edit.typed))
        self._next += edit.typed
        text[place : place + edit.cut] = new
        cursor = self.cursors[edit.document] if edit.moved < 0 else edit.moved
        self.cursors[edit.document] = min(cursor + len(new), len(text))
        cursor = self.cursors[edit.document]
        return canvas(text[:cursor], text[cursor:], edit.hole)


def spoil(pieces: Sequence[Again]) -> None:
    """Write something wrong, then run out of memory."""
    for piece in pieces:
        piece.kept.keys[..., piece.rows, :] = 99
        piece.kept.values[..., piece.rows, :] = 99
        piece.kept.hidden[:] = 99
    raise torch.OutOfMemoryError


@settings(deadline=None, max_examples=60)
@given(edits=EDITS)
def test_whatever_is_typed_every_row_is_the_right_one(edits: list[Edit]) -> None:
    """Fails if rows are lost, mixed up, from another document or half written after a failure.

    In one layer keys and values depend on nothing but their own token: so whatever is kept, answers must be exact.
    """
    inner = make(1)
    contexts, typed = Contexts(inner, neighbours=NEIGHBOURS, max_canvases=2), Typed()
    for edit in edits:
        view = typed.edit(edit)
        if edit.fails:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(inner, "compute_again", spoil)
                with pytest.raises(torch.OutOfMemoryError):
                    ask(contexts, view)
        else:
            assert distance(inner.predict([view])[0], ask(contexts, view)) <= 1e-6
        if edit.pause:
            contexts.refresh()


@settings(deadline=None, max_examples=60)
@given(edits=EDITS)
def test_whatever_is_typed_what_is_near_is_fresh(edits: list[Edit]) -> None:
    """Fails if a row is kept whose own token or neighbours were others when it was computed, or more is kept than may be."""
    inner = make(1)
    contexts, typed = Contexts(inner, neighbours=NEIGHBOURS, max_canvases=2), Typed()
    whole: list[list[list[int]]] = []  # every canvas computed whole, as the texts around its hole
    for edit in edits:
        view = typed.edit(edit)
        inner.computed.clear()
        ask(contexts, view)
        if edit.pause:
            contexts.refresh()
        sides = texts_around(view)
        kept = set(range(len(view.tokens))) - set(inner.computed[0][0])
        fresh = [{row for row in kept if is_as_it_was(view, row, texts)} for texts in whole]
        assert not kept or kept in fresh, "kept rows come from one whole canvas, in which all around them was the same"
        if any(len(rows) == len(view.tokens) for (rows,) in inner.computed):
            whole.append(sides)
        assert contexts.bytes <= 2 * 120 * 8 * (8 + 2 * 4 * 2)


def texts_around(view: View) -> list[list[int]]:
    """The tokens before and behind the hole."""
    first, last = int(view.rows[0]), int(view.rows[-1])
    return [view.tokens[:first].tolist(), view.tokens[last + 1 :].tolist()]


def is_as_it_was(view: View, row: int, before: list[list[int]]) -> bool:
    """Whether a row and its neighbours on its side of the hole were the same; the outer ends of a window are no neighbours."""
    sides = texts_around(view)
    number = 0 if row < int(view.rows[0]) else 1
    at = row if number == 0 else row - int(view.rows[-1]) - 1
    now, then = sides[number], before[number]
    if now[at] not in then:
        return False
    was = then.index(now[at])
    for step in range(-NEIGHBOURS, NEIGHBOURS + 1):
        here = now[at + step] if 0 <= at + step < len(now) else None
        there = then[was + step] if 0 <= was + step < len(then) else None
        at_the_window = here is None and (at + step < 0 if number == 0 else at + step >= len(now))
        if here != there and not at_the_window:
            return False
    return True


# Its parts


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("..MM.", [(0, 2), (4, 5)]),
        ("MM.", [(0, 0), (2, 3)]),
        (".M", [(0, 1), (2, 2)]),
        ("M", [(0, 0), (1, 1)]),
        (".M.M.", [(0, 1), (2, 3), (4, 5)]),
        ("...", [(0, 3)]),
    ],
)
def test_around(marked: str, expected: list[tuple[int, int]]) -> None:
    """Fails if a span is lost where a hole stands at an end."""
    assert expected == list(around(torch.tensor([letter == "M" for letter in marked])))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [([1, 2, 3], [1, 2, 3], (3, 0)), ([1, 1], [1, 1, 1], (2, 0)), ([1, 2, 3], [1, 9, 3], (1, 1)), ([], [1], (0, 0))],
)
def test_equal_ends(before: list[int], after: list[int], expected: tuple[int, int]) -> None:
    """Fails if a token counts for both ends."""
    assert expected == equal_ends(torch.tensor(before), torch.tensor(after))
