"""What an editor sees of something that takes long, and what its button does."""

import asyncio
import json
from collections.abc import Callable

import pytest

from dlm_lsp.lsp.progress import progress
from dlm_lsp.lsp.server import make_session
from dlm_lsp.lsp.session import Session
from dlm_lsp.settings import Settings

Said = list[dict]
CREATE, CANCEL = "window/workDoneProgress/create", "window/workDoneProgress/cancel"


class Sheet:
    """Where a session writes."""

    def __init__(self) -> None:
        self.said: Said = []

    def write(self, data: bytes) -> None:
        self.said.append(json.loads(data.split(b"\r\n\r\n", 1)[1]))

    def close(self) -> None:
        pass


def receive(session: Session, **message: object) -> None:
    """Hand a message to a session as if a client had sent it."""
    session.protocol.receive(json.dumps({"jsonrpc": "2.0", **message}).encode())


def begin_session(shows_progress: bool) -> tuple[Session, Said]:
    """Make a session that is initialized; give also what it says from now on."""
    session, sheet = make_session(Settings(enabled=False)), Sheet()
    session.protocol.set_writer(sheet)
    capabilities = {"window": {"workDoneProgress": shows_progress}}
    receive(session, id=1, method="initialize", params={"capabilities": capabilities})
    sheet.said.clear()
    return session, sheet.said


async def until(is_so: Callable[[], bool]) -> None:
    """Let the other tasks run."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 it is not told
            await asyncio.sleep(0.001)


def values(said: Said) -> list[tuple]:
    """Give the progress in a short form."""
    notes = [note["params"]["value"] for note in said if note["method"] == "$/progress"]
    return [(note["kind"], note.get("title") or note.get("message"), note.get("percentage")) for note in notes]


async def test_the_token_of_a_request_is_used_as_it_is() -> None:
    """Fails if the client is asked for a bar that it has made already, or a report is lost or out of order."""
    session, said = begin_session(shows_progress=False)
    async with progress(session, "mine", "Filling", measured=True) as report:
        await until(lambda: said)
        report("1 of 2", 50)
    report("nobody looks any more")
    assert [("begin", "Filling", 0), ("report", "1 of 2", 50), ("end", None, None)] == values(said)
    assert {"mine"} == {note["params"]["token"] for note in said}


async def test_a_bar_of_ours_opens_when_the_client_says_so() -> None:
    """Fails if a token is used before the client knows it, or what was said meanwhile is lost."""
    session, said = begin_session(shows_progress=True)
    async with progress(session, None, "Loading", cancellable=False) as report:
        report("nano")
        await until(lambda: said)
        assert [CREATE] == [note["method"] for note in said]
        receive(session, id=said[0]["id"], result=None)
        await until(lambda: len(said) == 2)
    (begin, end) = [note["params"] for note in said[1:]]
    assert {said[0]["params"]["token"]} == {begin["token"], end["token"]}
    assert {"kind": "begin", "title": "Loading", "message": "nano", "cancellable": False} == begin["value"]
    assert {"kind": "end"} == end["value"]


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_client_that_does_not_answer_costs_nothing(refuses: bool) -> None:
    """Fails if the work waits for the bar, or an answer that comes too late, or an error, disturbs the session."""
    session, said = begin_session(shows_progress=True)
    answer = {"error": {"code": -1, "message": "no"}} if refuses else {"result": None}
    async with progress(session, None, "Loading"):
        await until(lambda: said)
        if refuses:
            receive(session, id=said[0]["id"], **answer)
            await asyncio.sleep(0.01)
    receive(session, id=said[0]["id"], **answer)
    await asyncio.sleep(0.01)
    assert [CREATE] == [note["method"] for note in said]


async def test_what_is_soon_over_or_cannot_be_shown_is_not_shown() -> None:
    """Fails if bars flicker, or a client that knows no progress is asked for some."""
    for shows_progress, after_s in ((True, 0.5), (False, 0.0)):
        session, said = begin_session(shows_progress)
        async with progress(session, None, "Loading", after_s=after_s) as report:
            await asyncio.sleep(0.02)
            report("seen by nobody")
        assert [] == said


async def test_the_button_cancels_the_work() -> None:
    """Fails if the button does nothing, stops something else, or leaves the bar on the screen."""
    session, said = begin_session(shows_progress=True)

    async def work(token: str, cancellable: bool) -> None:
        async with progress(session, token, "Filling", cancellable=cancellable):
            await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(work(token, token != "fixed")) for token in ("one", "two", "fixed")]
    await until(lambda: len(said) == 3)
    for token in ("two", "fixed", "unknown"):
        receive(session, method=CANCEL, params={"token": token})
    await asyncio.wait(tasks)
    assert [False, True, False] == [task.cancelled() for task in tasks]
    assert ["one", "two", "fixed"] == [note["params"]["token"] for note in said[:3]]
    assert "two" == said[3]["params"]["token"]
    assert {"end"} == {kind for kind, _, _ in values(said[3:])}
    assert {} == session.work_done_progress.tokens
