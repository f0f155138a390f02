"""Who asks the same at the same time gets the same answer, found out once."""

import asyncio

import pytest

from dlm_lsp.engine.sharing import Sharing


class Work:
    """A question that is answered when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.go_on = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.begun == 13:
            raise ValueError
        return self.begun


async def several(sharing: Sharing[int], work: Work, *keys: str) -> list[asyncio.Task[int]]:
    """Ask at the same time."""
    tasks = [asyncio.create_task(sharing.ask(key, work)) for key in keys]
    await asyncio.sleep(0)
    return tasks


async def test_the_same_is_found_out_once_and_another_time_again() -> None:
    """Fails if two who ask the same cost two answers, different ones are mixed up, or an old answer is kept."""
    sharing, work = Sharing[int](), Work()
    tasks = await several(sharing, work, "a", "a", "b")
    await asyncio.sleep(0)
    assert 2 == work.begun
    work.go_on.set()
    assert [2, 2, 2] == await asyncio.gather(*tasks)
    assert 3 == await sharing.ask("a", work)


async def test_only_what_nobody_waits_for_is_cancelled() -> None:
    """Fails if one who leaves takes the answer from the others, or the work goes on for nobody."""
    sharing, work = Sharing[int](), Work()
    first, second = await several(sharing, work, "a", "a")
    first.cancel()
    (third,) = await several(sharing, work, "a")
    assert (1, 0) == (work.begun, work.cancelled)
    second.cancel()
    third.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    await asyncio.sleep(0)
    assert (1, 1) == (work.begun, work.cancelled)
    (fourth,) = await several(sharing, work, "a")
    work.go_on.set()
    assert 2 == await fourth


async def test_what_goes_wrong_is_told_to_all() -> None:
    """Fails if one of those who wait is left waiting, or a failure is taken for the answer later."""
    sharing, work = Sharing[int](), Work()
    work.begun = 12
    work.go_on.set()
    for task in await several(sharing, work, "a", "a"):
        with pytest.raises(ValueError):
            await task
    assert 14 == await sharing.ask("a", work)
