"""The one reader of the worker's input: what is to be filled next, and which ids are cancelled.

In: lines of `wire` on a binary stream, read by a thread. Out: fill messages in the order in which they deserve the model.
Knows nothing of models; writes nothing.
"""

import itertools
import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import BinaryIO

from dlm_lsp import wire
from dlm_lsp.errors import WireError
from dlm_lsp.values import InfillRequest, Trigger

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A request and when it was read, in seconds of `time.monotonic`."""

    request: InfillRequest
    arrived: float


class Inbox:
    """Reads until the stream ends or says shutdown; from then on everything counts as cancelled."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        # What a person asked for comes before what an editor asks for by itself; equal ones in order of arrival.
        self._jobs: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self._count = itertools.count()
        self._cancelled: set[int] = set()
        self._known: set[int] = set()
        self.closed = threading.Event()

    def start(self) -> None:
        """Begin to read, in a thread that does not keep the process alive."""
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> Job | None:
        """Wait for the next job; None when there will be no more."""
        return self._jobs.get()[2]

    def next_within(self, pause_s: float) -> Job | None:
        """Wait that long for the next job; raise TimeoutError where none has come."""
        try:
            return self._jobs.get(timeout=pause_s)[2]
        except queue.Empty:
            raise TimeoutError from None

    def cancelled(self, request_id: int) -> bool:
        """Whether nobody waits for this request any more."""
        return self.closed.is_set() or request_id in self._cancelled

    def finish(self, request_id: int) -> None:
        """Forget a request that was answered."""
        self._cancelled.discard(request_id)
        self._known.discard(request_id)

    def _read(self) -> None:
        try:
            while line := self._stream.readline(wire.MAX_LINE_BYTES):
                if line.strip() and not self._take(line):
                    break
        finally:
            self.closed.set()
            self._jobs.put((-1, next(self._count), None))

    def _take(self, line: bytes) -> bool:
        """Act on one line; False ends the reading."""
        try:
            message = wire.decode(line)
        except WireError as error:
            log.warning("dropped a line of %d bytes: %s", len(line), error)
            return True
        match message:
            case wire.Fill(request):
                self._known.add(request.id)
                rank = 1 if request.trigger is Trigger.AUTOMATIC else 0
                self._jobs.put((rank, next(self._count), Job(request, time.monotonic())))
            case wire.Cancel(request_id) if request_id in self._known:
                self._cancelled.add(request_id)
            case wire.Hello(protocol) if protocol != wire.PROTOCOL:
                log.error("the other side speaks protocol %d, this is %d", protocol, wire.PROTOCOL)
                return False
            case wire.Shutdown():
                return False
            case _:
                pass
        return True
