"""What is prepared while nobody waits, and what becomes of it once somebody does."""

import asyncio

import pytest

from dlm_lsp.lsp import ahead
from dlm_lsp.lsp.server import make_session
from dlm_lsp.settings import Settings


async def test_who_waits_for_what_is_prepared_ends_the_pause_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if who accepts at once waits for a pause that is made for those who type on, or for what is prepared for another place."""
    session, done = make_session(Settings()), []

    async def prepare(wanted: asyncio.Event) -> None:
        await ahead.pause(wanted)
        done.append("prepared")

    monkeypatch.setattr(ahead, "PAUSE_S", 60)
    session.look_ahead("here", prepare)
    assert not await session.prepared("elsewhere")
    assert [] == done
    assert await asyncio.wait_for(session.prepared("here"), 10)
    assert ["prepared"] == done


async def test_without_anybody_who_waits_the_pause_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the model works behind every offer that is typed through, or what gives way is prepared all the same."""
    session, done = make_session(Settings()), []

    async def prepare(wanted: asyncio.Event) -> None:
        await ahead.pause(wanted)
        done.append("prepared")

    monkeypatch.setattr(ahead, "PAUSE_S", 0.05)
    session.look_ahead("here", prepare)
    await asyncio.sleep(0)
    assert [] == done
    session.look_ahead("there", prepare)
    await asyncio.sleep(0.3)
    assert ["prepared"] == done
