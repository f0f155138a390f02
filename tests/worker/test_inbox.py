"""What is filled next, and what is not filled any more."""

import io
import os
import time
from dataclasses import replace

import pytest

from dlm_lsp import wire
from dlm_lsp.values import InfillRequest, Trigger
from dlm_lsp.worker.inbox import Inbox
from tests.worker.conftest import request_at


def numbered(number: int, trigger: Trigger = Trigger.AUTOMATIC) -> InfillRequest:
    return replace(request_at("x = @@\n"), id=number, trigger=trigger)


def inbox_of(*lines: bytes) -> Inbox:
    """Read these lines to their end."""
    inbox = Inbox(io.BytesIO(b"".join(lines)))
    inbox.start()
    assert inbox.closed.wait(5)
    return inbox


def wait_for_jobs(inbox: Inbox, count: int) -> None:
    """Wait until so many have been read."""
    while inbox._jobs.qsize() < count:
        time.sleep(0.001)


def test_invoked_comes_before_automatic() -> None:
    """Fails if a person waits behind what the editor asked for by itself, or the order of equals is lost."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb") as lines:
        inbox = Inbox(stream)
        for number, trigger in enumerate((Trigger.AUTOMATIC, Trigger.AUTOMATIC, Trigger.ACTION, Trigger.INVOKED)):
            lines.write(wire.encode(wire.Fill(numbered(number, trigger))))
        lines.flush()
        inbox.start()
        wait_for_jobs(inbox, 4)
        jobs = [inbox.next() for _ in range(4)]
    assert [2, 3, 0, 1] == [job.request.id for job in jobs if job]


def test_the_end_ends_everything() -> None:
    """Fails if a worker goes on when nobody reads it any more."""
    inbox = inbox_of(wire.encode(wire.Fill(numbered(1))))
    assert inbox.next() is None
    assert inbox.cancelled(1)


def test_garbage_is_dropped() -> None:
    """Fails if one bad line ends the reading or becomes a job."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb") as lines:
        inbox = Inbox(stream)
        lines.write(b'\n{"type": "fill"}\nnot json\n\xff\xfe\n[1]\n{"type": "nonsense"}\n')
        lines.write(wire.encode(wire.Fill(numbered(3))))
        lines.flush()
        inbox.start()
        job = inbox.next()
    assert job is not None
    assert 3 == job.request.id


def test_only_known_ids_are_remembered_as_cancelled() -> None:
    """Fails if cancels that come too late pile up, or hit a later request with the same id."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb") as lines:
        inbox = Inbox(stream)
        for message in (wire.Cancel(4), wire.Fill(numbered(4)), wire.Fill(numbered(5)), wire.Cancel(5)):
            lines.write(wire.encode(message))
        lines.write(wire.encode(wire.Fill(numbered(6))))
        lines.flush()
        inbox.start()
        wait_for_jobs(inbox, 3)
        assert (False, True) == (inbox.cancelled(4), inbox.cancelled(5))
        inbox.finish(5)
        assert not inbox.cancelled(5)


def test_another_protocol_version_ends_the_reading() -> None:
    """Fails if two sides that do not understand each other go on."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb", buffering=0) as lines:
        inbox = Inbox(stream)
        inbox.start()
        lines.write(wire.encode(wire.Hello()))
        assert not inbox.closed.wait(0.1)
        lines.write(wire.encode(wire.Hello(protocol=99)))
        assert inbox.closed.wait(5), "the stream itself is still open"
        assert inbox.next() is None


def test_a_pause_ends_with_the_next_request() -> None:
    """Fails if a worker in a pause does not see that something is asked, waits for ever, or misses the end."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb") as lines:
        inbox = Inbox(stream)
        inbox.start()
        with pytest.raises(TimeoutError):
            inbox.next_within(0.01)
        lines.write(wire.encode(wire.Fill(numbered(3))))
        lines.flush()
        job = inbox.next_within(10)
        assert job is not None
        assert 3 == job.request.id
        lines.write(wire.encode(wire.Shutdown()))
        lines.flush()
        assert inbox.next_within(10) is None
