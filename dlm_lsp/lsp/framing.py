r"""The outermost layer of the protocol: `Content-Length: N\r\n\r\n` and N bytes, read from whatever stream.

In: a byte stream that may hold garbage. Out: the bodies of messages, one after another. Knows nothing of JSON.
"""

import asyncio
import os
import re
import threading

MAX_LINE_BYTES = 1 << 26
"""Where a reader gives up to look for the end of a line; garbage may have none, and the next header stands behind it."""
MAX_BODY_BYTES = 1 << 30
"""A header that promises more is garbage."""
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,10})[ \t]*\r?\n", re.IGNORECASE)
"""Also found behind garbage on the same line: a body of wrong length must not cost the next message its header."""
_READ_BYTES = 1 << 16


async def read_body(reader: asyncio.StreamReader) -> bytes | None:
    """Give the body of the next message, skipping what is none; None at the end of the stream."""
    length: int | None = None
    while True:
        try:
            line = await reader.readline()
        except ValueError:
            continue  # no header is that long; the reader has dropped it
        except ConnectionError:
            return None
        if not line:
            return None
        if header := _LENGTH.search(line):
            length = int(header[1])
        elif not line.strip() and length is not None:
            if length <= MAX_BODY_BYTES:
                try:
                    return await reader.readexactly(length)
                except (asyncio.IncompleteReadError, ConnectionError):
                    return None
            length = None


def read_descriptor(descriptor: int) -> asyncio.StreamReader:
    """Read a descriptor of any kind, on every system, without blocking the event loop.

    A daemon thread that calls `os.read` holds no lock and keeps no interpreter alive, other than one that waits in
    `sys.stdin` or in a thread pool.
    """
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()

    def pump() -> None:
        try:
            while data := os.read(descriptor, _READ_BYTES):
                loop.call_soon_threadsafe(reader.feed_data, data)
            loop.call_soon_threadsafe(reader.feed_eof)
        except OSError:
            loop.call_soon_threadsafe(reader.feed_eof)
        except RuntimeError:
            pass  # the loop is closed: nobody reads any more

    threading.Thread(target=pump, name="stdin", daemon=True).start()
    return reader
