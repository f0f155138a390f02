"""The messages between the processes: what goes in comes out, and garbage is a WireError and nothing else."""

import contextlib
import json
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp import wire
from dlm_lsp.errors import WireError
from dlm_lsp.values import (
    Candidate,
    Context,
    Hole,
    HoleKind,
    InfillRequest,
    InfillResult,
    Outcome,
    Slot,
    Snippet,
    Step,
    Trigger,
    Window,
)

TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)  # with lone surrogates and line separators
NUMBERS = st.integers(-(2**63), 2**63)
FLOATS = st.floats(allow_nan=False)


def tuples(items: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    """Up to three of them."""
    return st.lists(items, min_size=least, max_size=3).map(tuple)


HOLES = st.builds(Hole, st.sampled_from(HoleKind), TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS)
CONTEXTS = st.builds(Context, TEXTS, TEXTS, tuples(TEXTS), tuples(st.builds(Snippet, TEXTS, TEXTS)))
CANDIDATES = st.builds(
    Candidate,
    tuples(TEXTS),
    FLOATS,
    tuples(FLOATS),
    NUMBERS,
    NUMBERS,
    st.booleans(),
    NUMBERS,
    tuples(tuples(TEXTS)),
    NUMBERS,
)
RESULTS = st.builds(
    InfillResult,
    NUMBERS,
    NUMBERS,
    st.sampled_from(Outcome),
    tuples(CANDIDATES),
    st.dictionaries(TEXTS, FLOATS, max_size=3),
    TEXTS,
)
SLOTS = st.builds(Slot, NUMBERS, st.none() | TEXTS, FLOATS, TEXTS, TEXTS, FLOATS)
STEPS = st.builds(
    Step,
    NUMBERS,
    NUMBERS,
    tuples(tuples(st.none() | TEXTS)),
    NUMBERS,
    TEXTS,
    NUMBERS,
    NUMBERS,
    FLOATS,
    tuples(tuples(SLOTS)),
)


BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    int: NUMBERS,
    float: FLOATS,
    str: TEXTS,
    bool: st.booleans(),
    Trigger: st.sampled_from(Trigger),
    Context: CONTEXTS,
    tuple[str, ...]: tuples(TEXTS),
}


def all_fields(kind: type, **given: Any) -> dict[str, Any]:
    """Give a strategy for each field of a value, so that a field that is added is sent across as well."""
    hints = get_type_hints(kind)
    return {name: st.just(given[name]) if name in given else BY_TYPE[hint] for name, hint in hints.items()}


@st.composite
def requests(draw: st.DrawFn) -> InfillRequest:
    """Any request, also of several holes."""
    holes = draw(tuples(HOLES, least=1))
    window = Window(draw(TEXTS), draw(TEXTS), tuple(draw(TEXTS) for _ in holes[1:]))
    return draw(st.builds(InfillRequest, **all_fields(InfillRequest, holes=holes, window=window)))


MESSAGES = st.one_of(
    st.builds(wire.Hello, **all_fields(wire.Hello)),
    st.builds(wire.Loading, NUMBERS),
    st.builds(wire.Fill, requests()),
    st.builds(wire.Cancel, NUMBERS),
    st.just(wire.Shutdown()),
    st.builds(wire.Watched, STEPS),
    st.builds(wire.Result, RESULTS),
)


@given(MESSAGES)
def test_a_message_crosses_the_pipe_unharmed(message: wire.Message) -> None:
    """Fails if a field is lost, a type changes, a surrogate raises, or a line end in a text ends the line."""
    line = wire.encode(message)
    assert [line] == line.splitlines(keepends=True)
    assert line.isascii()
    assert message == wire.decode(line)


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, -1, 10**400, 1.5, float("inf"), "", "fill", [], {}, [None]]) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


@given(MESSAGES, JUNK, st.randoms(use_true_random=False))
def test_a_message_with_junk_in_it_is_a_wire_error_or_a_message(message: wire.Message, junk: object, turn: Any) -> None:
    """Fails if any other exception gets out: it would end the thread that reads, and with it the worker."""
    body = json.loads(wire.encode(message))
    place = body
    while True:
        key = turn.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not place[key] or not isinstance(place[key], dict | list) or turn.random() < 0.3:
            break
        place = place[key]
    place[key] = junk
    with contextlib.suppress(WireError):
        wire.decode(json.dumps(body))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\xff",
        b"[" * 100_000,
        b"9" * 10_000,
        b"[]",
        b"null",
        b"{}",
        b'{"type": []}',
        b'{"type": {}}',
        b'{"type": "nonsense"}',
        b'{"type": "fill"}',
        b'{"type": "cancel", "id": true}',
        b'{"type": "cancel", "id": 1, "more": 2}',
        b'{"type": "hello", "chars_per_token": 1' + b"0" * 400 + b"}",
    ],
)
def test_garbage(line: bytes) -> None:
    """Fails if a line that is no message is taken for one, or raises anything but a WireError."""
    with pytest.raises(WireError):
        wire.decode(line)


def test_a_whole_number_is_a_number() -> None:
    """Fails if a person who types 3 for 3.0 is refused."""
    assert wire.Hello(chars_per_token=3.0) == wire.decode('{"type": "hello", "chars_per_token": 3}')
