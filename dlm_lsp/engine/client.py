"""What the editor's side may ask of a model, wherever it runs: a child process today, a machine of the team tomorrow.

In: `InfillRequest`. Out: `InfillResult`, and `Step`s for those who watch. Knows neither processes nor protocols of editors.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from dlm_lsp.values import InfillRequest, InfillResult, Step
from dlm_lsp.wire import Hello


class EngineState(StrEnum):
    """What a status line shows."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


class EngineClient(Protocol):
    """A model that can be asked."""

    @property
    def state(self) -> EngineState:
        """What the engine is doing now."""
        ...

    @property
    def hello(self) -> Hello | None:
        """What the running worker said about its model; None while there is none."""
        ...

    @property
    def loaded_percent(self) -> int:
        """How much of the model's weights has been read, of use until `hello` is there."""
        ...

    def start(self) -> None:
        """Begin to load the model; returns at once, and does nothing the second time or once it was stopped."""
        ...

    async def ready(self) -> Hello:
        """Wait until the model is loaded; WorkerError where it never will be."""
        ...

    async def fill(
        self, request: InfillRequest, on_step: Callable[[Step], None] | None = None, *, gives_way: bool = False
    ) -> InfillResult:
        """Give the answer to a request; cancelling the waiting task makes the engine drop the request.

        One that gives way counts as cancelled at once if there is any other, now or later. What goes wrong is an outcome
        with a sentence for the user, never an exception.
        """
        ...

    async def stop(self) -> None:
        """End the engine for good and free the model's memory."""
        ...
