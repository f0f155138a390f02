"""One answer for all who ask the same at the same time: editors ask again when nothing has changed.

In: a key that says what is asked, and how to find it out. Out: the answer. What nobody waits for any more is cancelled. Does not
know what keys and answers are.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Running(Generic[Answer]):
    task: asyncio.Task[Answer]
    waiting: int = 0


class Sharing(Generic[Answer]):
    """The questions that are being answered."""

    def __init__(self) -> None:
        self._running: dict[Hashable, _Running[Answer]] = {}

    async def ask(self, key: Hashable, find_out: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Wait for the answer to `key`, which is found out once for all who wait at the same time."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = _Running(asyncio.create_task(find_out()))
        running.waiting += 1
        try:
            return await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if not running.waiting:
                running.task.cancel()  # does nothing to one that is done
                if self._running.get(key) is running:
                    del self._running[key]
