"""The model's process as a child of this one: started, asked, restarted when it dies, stopped.

In: `InfillRequest`s and the settings that name a model. Out: `InfillResult`s, one for each, also when the worker dies on the
way: what was pending is sent once more to the next worker. Knows `wire`; knows nothing of what the worker does.

The worker leaves when its input ends, so it goes also when this process is killed.
"""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from dlm_lsp import wire
from dlm_lsp.engine.client import EngineState
from dlm_lsp.errors import WireError, WorkerError
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, InfillResult, Outcome, Step

log = logging.getLogger(__name__)

PAUSES_S = (0.25, 1.0, 4.0)
"""Waited before each restart; a worker that dies more often is given up."""
HEALTHY_S = 60.0
"""A worker that lived this long does not count as one that dies at once: its successor has all restarts again."""
STOP_WITHIN_S = 2.0
MAX_SENDS = 2
"""A request is sent to a second worker when the first died under it, and not to a third: it may be what kills them."""

SILENT_S = 30.0
"""A worker that owes an answer and says nothing for this long after the request's deadline hangs: it is killed."""

Command = Sequence[str]
OnState = Callable[[EngineState, str], None]
OnStep = Callable[[Step], None]
OnLog = Callable[[str], None]


def worker_command(settings: Settings) -> Command:
    """Give the command line of a worker.

    -P keeps the folder that the editor was started in from shadowing modules: it is the user's project.
    """
    return (
        *(sys.executable, "-P", "-m", "dlm_lsp.worker"),
        *("--model", settings.model, "--device", settings.device),
        *("--dtype", settings.dtype, "--threads", str(settings.threads)),
    )


@dataclass(slots=True)
class _Pending:
    """A request that somebody waits for."""

    request: InfillRequest
    line: bytes
    answer: asyncio.Future[InfillResult]
    on_step: OnStep | None
    gives_way: bool
    sends: int = 0


def print_log(line: str) -> None:
    """Repeat what the worker logs, in our own log; where that cannot be written the worker must not wait for it."""
    with suppress(OSError):
        sys.stderr.write(f"worker: {line}\n")
        sys.stderr.flush()


class LocalEngine:
    """An `EngineClient` whose model runs in a child process.

    `on_state` is told every change of state, with a sentence for the user where the engine has failed; `on_log` gets every line
    that the worker logs.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_state: OnState | None = None,
        on_log: OnLog = print_log,
        command: Command | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        silent_s: float = SILENT_S,
    ) -> None:
        self.state = EngineState.STOPPED
        self.hello: wire.Hello | None = None
        self.loaded_percent = 0
        self._command = command or worker_command(settings)
        self._on_state = on_state
        self._on_log = on_log
        self._pauses_s = pauses_s
        self._silent_s = silent_s
        self._heard = 0.0
        """When the worker last said something, or was asked while it owed nothing; of `time.monotonic`."""
        self._owed: dict[int, float] = {}
        """What the worker was asked and has not answered, also what nobody waits for any more, with the deadlines in seconds."""
        self._pending: dict[int, _Pending] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._greeted = asyncio.Event()
        """Set while there is a worker that said hello, and for good once there will be none."""
        self._trouble = ""
        """Why there will be no worker any more."""

    def start(self) -> None:
        """Begin to load the model; returns at once, and does nothing the second time or once it was stopped."""
        if self._keeper is None and not self._trouble:
            self._enter(EngineState.STARTING)
            self._keeper = asyncio.create_task(self._keep_alive())

    async def ready(self) -> wire.Hello:
        """Wait until the model is loaded; WorkerError where it never will be."""
        self.start()
        await self._greeted.wait()
        if self.hello is None:
            raise WorkerError(self._trouble)
        return self.hello

    async def fill(
        self, request: InfillRequest, on_step: OnStep | None = None, *, gives_way: bool = False
    ) -> InfillResult:
        """Give the answer to a request; cancelling the waiting task sends one `cancel` line.

        One that gives way is cancelled as soon as there is any other: before that is sent, so that it never waits.
        """
        assert request.id not in self._pending, f"request {request.id} is pending already"
        if gives_way and self._pending:
            return _cancelled(request)
        self._make_way()
        self.start()
        if self._trouble:
            return _failed(request, self._trouble)
        line = wire.encode(wire.Fill(request))
        if len(line) > wire.MAX_LINE_BYTES:
            return _failed(request, "the text around the hole is too long: lower maxWindowTokens")
        pending = _Pending(request, line, asyncio.get_running_loop().create_future(), on_step, gives_way)
        self._pending[request.id] = pending
        try:
            if self.hello is not None:
                self._send(pending)
                await self._drain()
            return await pending.answer
        except asyncio.CancelledError:
            if pending.sends:
                self._write(wire.encode(wire.Cancel(request.id)))
            raise
        finally:
            del self._pending[request.id]
            self._note_load()

    async def stop(self) -> None:
        """End the worker, by force if it does not go within two seconds; what is pending counts as cancelled."""
        is_stopped = self.state is EngineState.STOPPED
        self._end(EngineState.STOPPED, "the model was stopped", Outcome.CANCELLED)
        if self._keeper is None or is_stopped:
            return
        self._write(wire.encode(wire.Shutdown()))
        if self._process is not None:
            await asyncio.wait({self._keeper}, timeout=STOP_WITHIN_S)
        self._keeper.cancel()  # its way out kills the worker
        with suppress(asyncio.CancelledError):
            await self._keeper

    # What follows runs in the keeper task.

    async def _keep_alive(self) -> None:
        """Run one worker after another, until stopped or until there is no sense in another."""
        deaths = 0
        while True:
            began = time.monotonic()
            try:
                status = await self._run_worker()
            except WorkerError as error:
                self._end(EngineState.FAILED, str(error), Outcome.FAILED)
                return
            if self.state is EngineState.STOPPED:
                return
            deaths = 1 if time.monotonic() - began > HEALTHY_S else deaths + 1
            if deaths > len(self._pauses_s):
                sentence = (
                    f"the model's process ended {deaths} times (status {status}): see the log, then restart the server"
                )
                self._end(EngineState.FAILED, sentence, Outcome.FAILED)
                return
            for pending in self._pending.values():
                if pending.sends >= MAX_SENDS:
                    _settle(pending, _failed(pending.request, "the model's process ended twice on this request"))
            self._enter(EngineState.RESTARTING)
            log.warning("the worker ended with status %s; restart %d of %d", status, deaths, len(self._pauses_s))
            await asyncio.sleep(self._pauses_s[deaths - 1])

    async def _run_worker(self) -> int:
        """Start a worker and listen to it until its output ends; give its exit status."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=wire.MAX_LINE_BYTES,
                start_new_session=True,  # Ctrl-C in a terminal is for us; the worker sees its input end
            )
        except OSError as error:
            raise WorkerError(f"the model's process cannot be started: {error.strerror}") from error
        assert process.stdout is not None, "stdout is a pipe"
        assert process.stderr is not None, "stderr is a pipe"
        self._process, self.loaded_percent = process, 0
        log_reader = asyncio.create_task(self._pass_on(process.stderr))
        watcher = asyncio.create_task(self._kill_if_silent(process))
        try:
            self._write(wire.encode(wire.Hello()))
            async for line in _lines(process.stdout):
                self._take(line)
            # A worker whose output has ended is of no use, even if it lives on.
            return await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
        except TimeoutError:
            return -1
        finally:
            self._process = None
            self._owed.clear()
            self.hello = None
            if not self._trouble:
                self._greeted.clear()
            if process.returncode is None:
                process.kill()
                await process.wait()
            watcher.cancel()
            await asyncio.wait({log_reader}, timeout=1)  # its last words, unless a grandchild holds the pipe open
            log_reader.cancel()

    async def _kill_if_silent(self, process: asyncio.subprocess.Process) -> None:
        """Watch over a worker until it has ended; its death is then handled like any other."""
        while process.returncode is None:
            await asyncio.sleep(min(1.0, self._silent_s / 4))
            owed = self._owed.values()
            if self.hello and owed and time.monotonic() - self._heard > max(owed) + self._silent_s:
                log.warning("the worker hangs: no word for %.0f s past the deadline", self._silent_s)
                process.kill()
                return

    def _take(self, line: bytes) -> None:
        """Act on one line of the worker."""
        self._heard = time.monotonic()
        try:
            message = wire.decode(line)
        except WireError:
            log.warning("dropped a line of %d bytes from the worker: not a message", len(line))
            return
        match message:
            case wire.Hello(protocol) if protocol != wire.PROTOCOL:
                raise WorkerError(
                    f"the model's process speaks protocol {protocol}, not {wire.PROTOCOL}: reinstall dlm-lsp"
                )
            case wire.Hello(error=error) if error:
                raise WorkerError(error)
            case wire.Hello():
                self._greet(message)
            case wire.Loading(percent):
                self.loaded_percent = percent
            case wire.Result(result):
                self._owed.pop(result.id, None)
                if result.id in self._pending:  # else it was cancelled
                    _settle(self._pending[result.id], result)
            case wire.Watched(step) if step.id in self._pending:
                _show(self._pending[step.id], step)
            case _:
                pass  # a step of a request that was cancelled

    def _greet(self, hello: wire.Hello) -> None:
        """Take a worker into service: it gets everything that is pending, unless it only says anew what it is."""
        if self._trouble:
            return  # stopped meanwhile
        known, self.hello = self.hello is not None, hello
        self._greeted.set()
        for pending in () if known else self._pending.values():
            self._send(pending)
        self._note_load()

    def _end(self, state: EngineState, sentence: str, outcome: Outcome) -> None:
        """Answer everybody who waits, now and later: there will be no worker any more."""
        self._trouble = sentence
        self.hello = None
        self._greeted.set()
        for pending in self._pending.values():
            request = pending.request
            _settle(pending, InfillResult(request.id, request.version, outcome, message=sentence))
        self._enter(state, sentence)

    # Small things.

    def _make_way(self) -> None:
        for pending in self._pending.values():
            if pending.gives_way and not pending.answer.done():
                if pending.sends:
                    self._write(wire.encode(wire.Cancel(pending.request.id)))
                _settle(pending, _cancelled(pending.request))

    async def _pass_on(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            self._on_log(line.decode(errors="replace").rstrip("\n"))

    def _enter(self, state: EngineState, sentence: str = "") -> None:
        if state is not self.state:
            self.state = state
            if self._on_state is not None:
                self._on_state(state, sentence)

    def _note_load(self) -> None:
        if self.hello is not None:
            self._enter(EngineState.BUSY if self._pending else EngineState.READY)

    def _send(self, pending: _Pending) -> None:
        if not self._owed:
            self._heard = time.monotonic()
        self._owed[pending.request.id] = pending.request.deadline_ms / 1000
        pending.sends += 1
        self._write(pending.line)
        self._note_load()  # whoever is told of it may wait, the model need not

    def _write(self, line: bytes) -> None:
        """Hand a line to the pipe; a worker that is gone is noticed by whoever reads."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line)

    async def _drain(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(ConnectionError):
                await self._process.stdin.drain()


def _failed(request: InfillRequest, sentence: str) -> InfillResult:
    return InfillResult(request.id, request.version, Outcome.FAILED, message=sentence)


def _cancelled(request: InfillRequest) -> InfillResult:
    return InfillResult(request.id, request.version, Outcome.CANCELLED)


def _settle(pending: _Pending, result: InfillResult) -> None:
    if not pending.answer.done():
        pending.answer.set_result(result)


def _show(pending: _Pending, step: Step) -> None:
    """Tell who watches; if that fails, it is an exception for the one who asked, and nobody else's trouble."""
    try:
        if pending.on_step is not None:
            pending.on_step(step)
    except Exception as error:  # noqa: BLE001
        if not pending.answer.done():
            pending.answer.set_exception(error)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; one that is longer than the limit is dropped."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            log.warning("dropped an endless line from the worker")
            continue
        if not line:
            return
        yield line
