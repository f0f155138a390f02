"""Work-done progress: what the editor shows while something takes long, with a button that stops it.

In: a title, a token where the request brought one, reports. Out: `$/progress` notifications, after
`window/workDoneProgress/create` where the token is ours; nothing at all for a client that shows no progress. Pressing the
button cancels the task that shows the bar. Knows nothing of what is being done.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from dlm_lsp.lsp.session import Session

Value = types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd


class Bar:
    """One bar in the editor; calling it reports. What is said before it is open is shown when it opens."""

    def __init__(
        self, ls: Session, token: types.ProgressToken, title: str, *, cancellable: bool, measured: bool
    ) -> None:
        self._ls = ls
        self._token = token
        self._begin = types.WorkDoneProgressBegin(title, cancellable=cancellable, percentage=0 if measured else None)
        self._is_open = False

    def __call__(self, message: str, percentage: int | None = None) -> None:
        """Say how far it is; clients ignore percentages of a bar that is not measured."""
        if self._is_open:
            self._send(types.WorkDoneProgressReport(message=message, percentage=percentage))
        else:
            self._begin.message = message
            self._begin.percentage = self._begin.percentage if percentage is None else percentage

    def open(self) -> None:
        """Show the bar."""
        self._is_open = True
        self._send(self._begin)

    def close(self) -> None:
        """Take the bar away."""
        if self._is_open:
            self._is_open = False
            self._send(types.WorkDoneProgressEnd())

    def _send(self, value: Value) -> None:
        with suppress(ConnectionError):  # the editor is gone; whoever reads notices
            self._ls.protocol.notify(types.PROGRESS, types.ProgressParams(self._token, value))


@asynccontextmanager
async def progress(
    ls: Session,
    token: types.ProgressToken | None,
    title: str,
    *,
    cancellable: bool = True,
    measured: bool = False,
    after_s: float = 0.0,
) -> AsyncIterator[Bar]:
    """Show a bar as long as the block runs, from `after_s` on: what is over sooner needs none.

    `token` is the `workDoneToken` of the request, or None: then the client is asked for a bar, and the block does not wait
    for its answer. A bar is `measured` if its reports have percentages.
    """
    task = asyncio.current_task()
    assert task is not None, "pygls runs requests in tasks"
    name = str(uuid.uuid4()) if token is None else token
    bar = Bar(ls, name, title, cancellable=cancellable, measured=measured)

    async def show() -> None:
        await asyncio.sleep(after_s)
        if token is None:
            params = types.WorkDoneProgressCreateParams(name)
            try:
                await ls.protocol.send_request_async(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params)
            except (JsonRpcException, ConnectionError):
                return
        bar.open()

    if cancellable:
        # pygls calls `cancel` on what it finds here.
        ls.work_done_progress.tokens[name] = task  # type: ignore[assignment]
    showing = asyncio.create_task(show()) if token is not None or _shows_progress(ls) else None
    try:
        yield bar
    finally:
        ls.work_done_progress.tokens.pop(name, None)
        if showing is not None:
            showing.cancel()
        bar.close()


def _shows_progress(ls: Session) -> bool:
    window = ls.client_capabilities.window
    return window is not None and bool(window.work_done_progress)
