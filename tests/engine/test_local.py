"""The engine with a real worker and a scripted model: what is asked is answered once, whatever happens to the worker."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from dlm_lsp import wire
from dlm_lsp.engine.client import EngineState
from dlm_lsp.engine.local import LocalEngine, worker_command
from dlm_lsp.engine.request import build_request
from dlm_lsp.errors import WorkerError
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, InfillResult, Outcome, Snapshot, Step, Trigger

ANSWER = "return a + b + a + b"
STEP_MS = 50
DIES = (sys.executable, "-c", "raise SystemExit(3)")
StartEngine = Callable[..., LocalEngine]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Name a scripted model that is unsure of each token, and takes 50 ms a call."""
    path = tmp_path_factory.mktemp("script") / "script.json"
    rule = {"after": "def add(a, b):\n    ", "before": "\n", "answer": ANSWER, "confidence": 0.5}
    path.write_text(json.dumps({"rules": [rule], "step_ms": STEP_MS}))
    return Settings(model=f"scripted:{path}", device="cpu", threads=1, deadline_ms=60_000)


@pytest_asyncio.fixture
async def start(settings: Settings) -> AsyncIterator[StartEngine]:
    """Give a function that makes engines; they are stopped with the test."""
    engines: list[LocalEngine] = []

    def start(**options: object) -> LocalEngine:
        engines.append(LocalEngine(settings, **{"pauses_s": (0.05, 0.05, 0.05), **options}))
        return engines[-1]

    yield start
    for engine in engines:
        await engine.stop()


def ask(settings: Settings, request_id: int = 1, *, watch: bool = False) -> InfillRequest:
    """Ask at the hole of the script's rule."""
    snapshot = Snapshot("file:///a.py", "python", 7, "def add(a, b):\n    \n", 19)
    hello = wire.Hello(max_tokens=8192)
    return build_request(snapshot, settings, hello, request_id=request_id, trigger=Trigger.INVOKED, watch=watch)


def texts(result: InfillResult) -> list[str]:
    """Give the candidates' texts."""
    return [text.rstrip("\n") for candidate in result.candidates for text in candidate.texts]


def workers() -> list[psutil.Process]:
    """Give the worker processes of this test run."""
    return psutil.Process().children()


async def patiently(awaitable: Awaitable[InfillResult]) -> InfillResult:
    """Wait, but not for ever."""
    return await asyncio.wait_for(awaitable, 60)


async def test_ready_fill_stop(start: StartEngine, settings: Settings) -> None:
    """Fails if states, steps or answers are not told, or the worker outlives its engine."""
    states: list[EngineState] = []
    engine = start(on_state=lambda state, _: states.append(state))
    assert EngineState.STOPPED is engine.state
    hello = await asyncio.wait_for(engine.ready(), 60)
    assert (settings.model, 8192, "") == (hello.model, hello.max_tokens, hello.error)
    steps: list[Step] = []
    result = await patiently(engine.fill(ask(settings, watch=True), on_step=steps.append))
    assert (1, 7, Outcome.FILLED, [ANSWER]) == (result.id, result.version, result.outcome, texts(result))
    assert result.candidates[0].steps <= len(steps)
    (worker,) = workers()
    await engine.stop()
    assert not worker.is_running()
    assert [EngineState.STARTING, EngineState.READY, EngineState.BUSY, EngineState.READY, EngineState.STOPPED] == states


async def test_a_watcher_that_fails(start: StartEngine, settings: Settings) -> None:
    """Fails if an exception in somebody's display stops the engine for all, or is lost."""
    engine = start()

    def fail(_: Step) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await patiently(engine.fill(ask(settings, 1, watch=True), on_step=fail))
    assert [ANSWER] == texts(await patiently(engine.fill(ask(settings, 2))))


async def test_several_at_once(start: StartEngine, settings: Settings) -> None:
    """Fails if requests that are asked before the worker is up, or side by side, are lost or mixed up."""
    engine = start()
    results = await asyncio.gather(*(patiently(engine.fill(ask(settings, n))) for n in range(3)))
    assert [0, 1, 2] == [result.id for result in results]
    assert [[ANSWER]] * 3 == [texts(result) for result in results]


async def test_cancelled(start: StartEngine, settings: Settings) -> None:
    """Fails if the worker goes on with what nobody waits for: the next request would wait for it."""
    engine = start()
    await engine.ready()
    task = asyncio.ensure_future(engine.fill(replace(ask(settings, 1), max_hole_tokens=32)))
    await asyncio.sleep(3 * STEP_MS / 1000)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    result = await patiently(engine.fill(ask(settings, 2)))
    assert [ANSWER] == texts(result)
    assert result.spent_ms["queue"] < 5 * STEP_MS


async def test_what_gives_way_is_nobodys_hindrance(start: StartEngine, settings: Settings) -> None:
    """Fails if a request waits for one that gives way, or such a one is begun, or goes on, beside another."""
    engine = start()
    await engine.ready()
    seen: asyncio.Queue[Step] = asyncio.Queue()
    ahead = asyncio.create_task(engine.fill(ask(settings, 1, watch=True), seen.put_nowait, gives_way=True))
    await asyncio.wait_for(seen.get(), 60)
    waiting = asyncio.create_task(engine.fill(ask(settings, 2)))
    assert Outcome.CANCELLED is (await asyncio.wait_for(ahead, STEP_MS / 1000)).outcome
    assert Outcome.CANCELLED is (await engine.fill(ask(settings, 3), gives_way=True)).outcome
    assert [ANSWER] == texts(await patiently(waiting))
    assert seen.qsize() < 2  # its answer takes eight calls and more
    assert [ANSWER] == texts(await patiently(engine.fill(ask(settings, 4), gives_way=True)))


async def test_a_killed_worker_costs_time_and_nothing_else(start: StartEngine, settings: Settings) -> None:
    """Fails if what was pending is not sent again to the next worker."""
    states: list[EngineState] = []
    engine = start(on_state=lambda state, _: states.append(state))
    await engine.ready()
    task = asyncio.ensure_future(engine.fill(ask(settings)))
    await asyncio.sleep(3 * STEP_MS / 1000)
    os.kill(workers()[0].pid, signal.SIGKILL)
    assert [ANSWER] == texts(await patiently(task))
    assert EngineState.RESTARTING in states
    assert EngineState.READY is engine.state


async def test_a_request_that_kills_workers_is_given_up(start: StartEngine, settings: Settings) -> None:
    """Fails if the request that crashes the model is sent again and again, and takes all others with it."""
    engine = start()
    task = asyncio.ensure_future(engine.fill(ask(settings)))
    for _ in range(2):
        await engine.ready()
        await asyncio.sleep(STEP_MS / 1000)
        os.kill(workers()[0].pid, signal.SIGKILL)
        await asyncio.sleep(3 * STEP_MS / 1000)
    result = await patiently(task)
    assert (Outcome.FAILED, True) == (result.outcome, "twice" in result.message)
    assert [ANSWER] == texts(await patiently(engine.fill(ask(settings, 2))))


async def test_a_worker_that_hangs_is_replaced(start: StartEngine, settings: Settings) -> None:
    """Fails if a worker that lives on and says nothing keeps a request waiting for ever."""
    engine = start(silent_s=0.5)
    await engine.ready()
    (hung,) = workers()
    os.kill(hung.pid, signal.SIGSTOP)
    result = await patiently(engine.fill(replace(ask(settings), deadline_ms=5000)))
    assert [ANSWER] == texts(result)
    assert hung.pid not in {worker.pid for worker in workers()}


async def test_a_worker_that_hangs_is_noticed_while_every_request_is_taken_back(
    start: StartEngine, settings: Settings
) -> None:
    """Fails if who types on, and so takes back each request soon, keeps a worker that hangs: when they stop they would wait."""
    engine = start(silent_s=0.5)
    await engine.ready()
    (hung,) = workers()
    os.kill(hung.pid, signal.SIGSTOP)
    for number in range(1, 41):
        with suppress(TimeoutError):
            await asyncio.wait_for(engine.fill(replace(ask(settings), id=number, deadline_ms=100)), 0.1)
        if hung.pid not in {worker.pid for worker in workers()}:
            break
    else:
        pytest.fail("the worker that hangs is still there after four seconds")


async def test_a_worker_that_always_dies(start: StartEngine, settings: Settings) -> None:
    """Fails if somebody waits for ever, or workers are started for ever."""
    told: list[str] = []
    engine = start(
        command=DIES, on_state=lambda state, text: told.append(text) if state is EngineState.FAILED else None
    )
    result = await patiently(engine.fill(ask(settings)))
    assert Outcome.FAILED is result.outcome
    assert [result.message] == told
    assert "4 times (status 3)" in result.message
    with pytest.raises(WorkerError, match="restart"):
        await engine.ready()
    assert Outcome.FAILED is (await patiently(engine.fill(ask(settings)))).outcome


async def test_a_worker_that_cannot_be_started(start: StartEngine, settings: Settings) -> None:
    """Fails if a missing program is an exception for whoever asks."""
    result = await patiently(start(command=("/no/such/program",)).fill(ask(settings)))
    assert (Outcome.FAILED, True) == (result.outcome, "cannot be started" in result.message)


async def test_a_model_that_cannot_be_loaded(start: StartEngine, settings: Settings, tmp_path: Path) -> None:
    """Fails if a wrong model is tried again and again, or the user is not told which."""
    engine = start(command=worker_command(replace(settings, model=str(tmp_path / "missing"))))
    with pytest.raises(WorkerError, match="missing"):
        await asyncio.wait_for(engine.ready(), 60)
    assert EngineState.FAILED is engine.state


async def test_garbage_from_the_worker(start: StartEngine, settings: Settings) -> None:
    """Fails if a library that prints into the pipe, a line without end or an unknown id stops the engine."""
    stray = wire.encode(wire.Result(InfillResult(99, 1, Outcome.EMPTY))).decode()
    noise = f"'hello\\n{{}}\\n' + 'x' * {wire.MAX_LINE_BYTES + 10} + '\\n' + {stray!r}"
    code = f"import os, sys; print({noise}, flush=True); os.execv(sys.argv[1], sys.argv[1:])"
    command = (sys.executable, "-c", code, *worker_command(settings))
    assert [ANSWER] == texts(await patiently(start(command=command).fill(ask(settings))))


async def test_a_worker_that_says_hello_again(start: StartEngine, settings: Settings) -> None:
    """Fails if a worker that has moved to another device gets what it is working on once more, or where it runs is not told."""
    moved = wire.encode(wire.Hello(model=settings.model, device="elsewhere")).decode()
    # Passes everything on, both ways, and says hello again with the first line that comes back after a request.
    code = f"""
import subprocess, sys, threading
worker = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
sent = []

def pass_on():
    for line in sys.stdin.buffer:
        sent.append(line)
        worker.stdin.write(line)
        worker.stdin.flush()
    worker.stdin.close()

threading.Thread(target=pass_on, daemon=True).start()
for line in worker.stdout:
    if b'"watched"' in line and not any(b"again" in each for each in sent):
        sent.append(b"again")
        print({moved!r}, end="", flush=True)
    if b'"result"' in line:
        print(sum(b'"fill"' in each for each in sent), "asked", file=sys.stderr, flush=True)
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
"""
    told: list[str] = []
    engine = start(command=(sys.executable, "-c", code, *worker_command(settings)), on_log=told.append)
    assert [ANSWER] == texts(await patiently(engine.fill(ask(settings, watch=True))))
    assert engine.hello is not None
    assert "elsewhere" == engine.hello.device
    assert [ANSWER] == texts(await patiently(engine.fill(ask(settings, 2))))
    assert ["1 asked", "2 asked"] == [line for line in told if line.endswith(" asked")]


async def test_stopped_while_somebody_waits(start: StartEngine, settings: Settings) -> None:
    """Fails if stopping leaves somebody waiting, before the model is loaded or after."""
    engine = start()
    task = asyncio.ensure_future(engine.fill(ask(settings)))
    await asyncio.sleep(0.1)
    await engine.stop()
    assert Outcome.CANCELLED is (await patiently(task)).outcome
    with pytest.raises(WorkerError):
        await engine.ready()
    assert [] == workers()


async def test_stopped_before_it_was_started(start: StartEngine, settings: Settings) -> None:
    """Fails if who kept an engine that was put away can load its model: the user may have switched it off."""
    engine = start()
    await engine.stop()
    assert Outcome.FAILED is (await patiently(engine.fill(ask(settings)))).outcome
    with pytest.raises(WorkerError):
        await engine.ready()
    assert [] == workers()


async def test_too_long_a_line_is_not_sent(start: StartEngine, settings: Settings) -> None:
    """Fails if a request that the worker cannot read waits for an answer that never comes."""
    request = replace(ask(settings), slice_prefix="x" * wire.MAX_LINE_BYTES)
    result = await patiently(start().fill(request))
    assert (Outcome.FAILED, True) == (result.outcome, "maxWindowTokens" in result.message)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every byte that is written to the log fail."""
    with suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as full:  # closing it fails, too
        monkeypatch.setattr("sys.stderr", full)
        yield
        monkeypatch.undo()


async def test_a_log_that_cannot_be_written(start: StartEngine, settings: Settings, full_disk: None) -> None:  # noqa: ARG001
    """Fails if a full disk under the log stops the reading of the worker's, whose pipe then fills and holds it up."""
    code = "import os, sys; sys.stderr.write('a line\\n' * 50_000); sys.stderr.flush(); os.execv(sys.argv[1], sys.argv[1:])"
    command = (sys.executable, "-c", code, *worker_command(settings))
    assert [ANSWER] == texts(await patiently(start(command=command).fill(ask(settings))))
