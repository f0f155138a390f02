"""Which engine is asked: the one in service, replaced when another model is wanted, stopped when none is.

In: settings, and what is wanted. Out: an `EngineClient` that can always be asked; where its model is not loaded, asking loads it.
Knows no protocol and no editor.
"""

import asyncio

from dlm_lsp.engine.client import EngineClient, EngineState
from dlm_lsp.engine.local import LocalEngine, OnState, worker_command
from dlm_lsp.errors import WorkerError
from dlm_lsp.settings import Settings


class Service:
    """The engine in service, and those on their way in or out; `on_state` hears of the one in service alone."""

    def __init__(self, settings: Settings, on_state: OnState) -> None:
        self._on_state = on_state
        self._leaving: set[asyncio.Task[None]] = set()
        self._switching = asyncio.Lock()
        self.settings = settings
        """Those of the engine in service."""
        self.engine = self._make(settings)

    def use(self, settings: Settings, *, enabled: bool) -> None:
        """Go on with these settings; an engine that obeys others, or that nobody wants any more, frees its memory."""
        if worker_command(settings) != worker_command(self.settings) or not enabled:
            self._put(self._make(settings), settings)

    async def free(self) -> None:
        """Free the model's memory; whoever asks next loads it again."""
        self._put(self._make(self.settings), self.settings)
        await self._gone()

    async def switch(self, settings: Settings) -> None:
        """Go on with another model once it is loaded; WorkerError where it cannot be, and all stays as it is.

        Until then both models are in memory: free first where they have no room beside each other. What is wanted while the
        model loads is wanted last, and prevails: other settings, none at all, or free memory.
        """
        async with self._switching:
            replaced, engine = self.engine, self._make(settings)
            try:
                await engine.ready()
            except BaseException:
                self._retire(engine)
                raise
            if self.engine is not replaced:
                self._retire(engine)
                raise WorkerError("other settings came, or the memory was freed, while the model was being loaded")
            self._put(engine, settings)

    async def stop(self) -> None:
        """End all."""
        self._retire(self.engine)
        await self._gone()

    def _make(self, settings: Settings) -> LocalEngine:
        def heard(state: EngineState, sentence: str) -> None:
            if self.engine is engine:
                self._on_state(state, sentence)

        engine = LocalEngine(settings, on_state=heard)
        return engine

    def _put(self, engine: LocalEngine, settings: Settings) -> None:
        self._retire(self.engine)
        self.engine, self.settings = engine, settings
        self._on_state(engine.state, "")

    def _retire(self, engine: EngineClient) -> None:
        leaving = asyncio.create_task(engine.stop())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _gone(self) -> None:
        await asyncio.gather(*self._leaving)
