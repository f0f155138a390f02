"""Ask the model the way the server does: request, engine, gate.

In: settings and a `Snapshot`. Out: an `Answer`. Everything a command learns of a model it learns through here, so that what is
shown and measured on the command line is what an editor gets.
"""

import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from dlm_lsp.engine.gate import admit_all
from dlm_lsp.engine.local import LocalEngine
from dlm_lsp.engine.reasons import why_nothing
from dlm_lsp.engine.request import build_request
from dlm_lsp.errors import WorkerError
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, InfillResult, Snapshot, Step, Trigger
from dlm_lsp.wire import Hello

OnStep = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question came to."""

    texts: tuple[str, ...]
    """What an editor would be shown, best first."""
    result: InfillResult
    """What the worker said, before the gate."""
    ms: float
    """From the snapshot to the judged texts."""
    why_empty: str = ""
    """A sentence for the user where nothing is shown."""

    @property
    def best(self) -> str:
        """The first text, empty where there is none."""
        return self.texts[0] if self.texts else ""

    @property
    def steps(self) -> int:
        """Model calls."""
        return self.result.candidates[0].steps if self.result.candidates else 0


class Model:
    """A running engine, and a count of what it was asked."""

    def __init__(self, engine: LocalEngine, hello: Hello) -> None:
        self._engine = engine
        self._asked = 0
        self.hello = hello

    def request(self, snapshot: Snapshot, settings: Settings, *, watch: bool = False) -> InfillRequest:
        """Make the request for the hole at the cursor, as if somebody had pressed the key for it."""
        self._asked += 1
        return build_request(
            snapshot, settings, self.hello, request_id=self._asked, trigger=Trigger.INVOKED, watch=watch
        )

    async def fill(self, request: InfillRequest, on_step: OnStep | None = None) -> InfillResult:
        """Give the worker's answer, before the gate."""
        return await self._engine.fill(request, on_step)

    async def ask(
        self,
        snapshot: Snapshot,
        settings: Settings,
        on_step: OnStep | None = None,
        *,
        trace: bool = False,
        greedy: bool = True,
    ) -> Answer:
        """Fill the hole at the cursor; `trace` shows the steps of all lanes, `greedy=False` draws the first candidate too."""
        began = time.perf_counter()
        request = replace(self.request(snapshot, settings, watch=on_step is not None), trace=trace, greedy=greedy)
        result = await self.fill(request, on_step)
        texts = tuple(admitted.text for admitted in admit_all(snapshot, request, result, settings))
        ms = (time.perf_counter() - began) * 1000
        return Answer(texts, result, ms, "" if texts else why_nothing(result, settings, request.trigger, _option))


def _option(name: str) -> str:
    """Write a setting as it is typed."""
    return "--" + name.replace("_", "-")


def print_notice(notice: str) -> None:
    """Say what the user should know although the model runs."""
    print(f"dlm-lsp: {notice}", file=sys.stderr)


@asynccontextmanager
async def open_model(settings: Settings, on_notice: Callable[[str], None] = print_notice) -> AsyncIterator[Model]:
    """Start the model's process, wait until it is ready, and end it afterwards; its log is shown only if it fails."""
    log: deque[str] = deque(maxlen=20)
    engine = LocalEngine(settings, on_log=log.append)
    try:
        engine.start()
        try:
            hello = await engine.ready()
        except WorkerError as error:
            last_words = "".join(f"\n  {line}" for line in log)
            raise WorkerError(f"{error}{last_words}") from error
        if hello.notice:
            on_notice(hello.notice)
        yield Model(engine, hello)
    finally:
        await engine.stop()
