"""Bodies are found in whatever stands around them, however the stream is cut into pieces."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.lsp.framing import MAX_LINE_BYTES, read_body

FIRST, SECOND = b'{"first": 1}', b'{"second": "\xc3\xa9\r\n\r\n"}'


def frame(body: bytes) -> bytes:
    """Put a header before a body."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def read_all(*pieces: bytes) -> list[bytes]:
    """Read the bodies of a stream that comes in pieces."""
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)

    async def feed() -> None:
        for piece in pieces:
            reader.feed_data(piece)
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.create_task(feed())
    bodies = []
    while (body := await read_body(reader)) is not None:
        bodies.append(body)
    await feeding
    return bodies


@given(st.lists(st.integers(0, 100), max_size=6))
def test_cut_anywhere(cuts: list[int]) -> None:
    """Fails if a body is lost or misread because the stream was cut in its middle or in its header."""
    stream = frame(FIRST) + frame(SECOND)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert [FIRST, SECOND] == asyncio.run(read_all(*pieces))


@pytest.mark.parametrize(
    "garbage",
    [
        b"x" * 200_000,
        b"{}",
        b"\r\n\r\n\n",
        b"Content-Length: x\r\n\r\n{}",
        b"Content-Length: 9999999999\r\n\r\n",
        bytes(256),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_garbage_before_a_header(garbage: bytes) -> None:
    """Fails if garbage, in one piece with the next header or not, costs the next message."""
    assert [FIRST, SECOND] == await read_all(garbage + frame(FIRST) + frame(SECOND))
    assert [FIRST, SECOND] == await read_all(garbage, frame(FIRST), frame(SECOND))


async def test_cut_short() -> None:
    """Fails if half a body is taken for a message."""
    assert [FIRST] == await read_all(frame(FIRST) + frame(SECOND)[:-1])
