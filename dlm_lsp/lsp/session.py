"""What one connection with an editor holds: settings, the engine, and the requests that run.

In: settings and their changes. Out: log lines, and messages to the user where something has to be done by hand. Knows no
single feature; the features are functions over this.
"""

import asyncio
import itertools
import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from lsprotocol import types
from pygls.exceptions import JsonRpcInternalError
from pygls.lsp.server import LanguageServer

from dlm_lsp import __version__
from dlm_lsp.engine.client import EngineClient, EngineState
from dlm_lsp.engine.local import LocalEngine, worker_command
from dlm_lsp.engine.scheduler import Ticket, superseded
from dlm_lsp.lsp.documents import OpenDocument, OpenDocuments
from dlm_lsp.lsp.messages import make_converter
from dlm_lsp.lsp.protocol import Protocol
from dlm_lsp.lsp.tally import Tally
from dlm_lsp.settings import Settings
from dlm_lsp.text.private import private_rule
from dlm_lsp.values import Trigger

log = logging.getLogger(__name__)


class Session(LanguageServer):
    """A pygls server with our protocol class and the state of the connection."""

    protocol: Protocol

    def __init__(self, settings: Settings) -> None:
        super().__init__("dlm-lsp", __version__, protocol_cls=Protocol, converter_factory=make_converter)
        self.settings = settings
        self.engine: EngineClient = self._make_engine()
        self.editor: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        """The editor's process id as soon as it has said `initialize`, None where it cannot be watched."""
        self.tally = Tally()
        self._ids = itertools.count(1)
        self._running: dict[Ticket, asyncio.Task[object]] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def document(self, uri: str) -> OpenDocument | None:
        """Give a document that the editor has open, unless it is private: then it is as if it were closed."""
        if rule := private_rule(uri, self.settings.exclude):
            log.info("a private file (%s) was asked about: no answer", rule)
            return None
        workspace = self.workspace
        assert isinstance(workspace, OpenDocuments), "the protocol class makes this workspace"
        return workspace.find(uri)

    @contextmanager
    def slot(self, uri: str, trigger: Trigger) -> Iterator[int]:
        """Give a new request its id, and cancel the tasks of those that it supersedes: pygls answers them with -32800."""
        ticket = Ticket(next(self._ids), uri, trigger)
        for old in superseded(self._running, ticket):
            self._running[old].cancel()
        task = asyncio.current_task()
        assert task is not None, "requests run in tasks"
        self._running[ticket] = task
        try:
            yield ticket.id
        finally:
            del self._running[ticket]

    def use(self, settings: Settings) -> None:
        """Go on with other settings; the worker is replaced where they name another model, and freed where they say off."""
        other_worker = worker_command(settings) != worker_command(self.settings)
        self.settings = settings
        if other_worker or not settings.enabled:
            stopping = asyncio.create_task(self.engine.stop())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)
            self.engine = self._make_engine()

    async def stop(self) -> None:
        """End the worker, and those that are on their way out already."""
        await asyncio.gather(self.engine.stop(), *self._stopping)

    def complain(self, complaints: Iterable[str]) -> None:
        """Show what is wrong with the settings, in one message."""
        text = "; ".join(complaints)
        if text:
            self._show(types.MessageType.Warning, f"dlm-lsp goes on without these settings: {text}")

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what pygls would show in a pop-up while the user types: kind and place, not the text, which may hold code."""
        if isinstance(error, JsonRpcInternalError) and error.data:  # pygls has wrapped what was raised
            kind, places = error.message.partition(":")[0], error.data["traceback"]
        else:
            kind, places = type(error).__name__, traceback.format_tb(error.__traceback__)
        log.error("%s in %s\n%s", kind, getattr(source, "__name__", source), "".join(places))

    def _make_engine(self) -> EngineClient:
        return LocalEngine(self.settings, on_state=self._note_state)

    def _note_state(self, state: EngineState, sentence: str) -> None:
        log.debug("engine: %s %s", state, sentence)
        if state is EngineState.FAILED:
            log.error("no completions: %s", sentence)
            self._show(types.MessageType.Error, f"dlm-lsp gives no completions: {sentence}")

    def _show(self, kind: types.MessageType, text: str) -> None:
        with suppress(ConnectionError):  # the editor is gone; whoever reads notices
            self.window_show_message(types.ShowMessageParams(kind, text))
