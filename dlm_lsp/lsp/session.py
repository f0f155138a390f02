"""What one connection with an editor holds: settings, the engine, and the requests that run.

In: settings and their changes. Out: log lines, and messages to the user where something has to be done by hand. Knows no
single feature; the features are functions over this.
"""

import asyncio
import itertools
import logging
import traceback
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer

from dlm_lsp import __version__
from dlm_lsp.engine.client import EngineClient, EngineState
from dlm_lsp.engine.recall import Recall
from dlm_lsp.engine.scheduler import Ticket, superseded
from dlm_lsp.engine.service import Service
from dlm_lsp.engine.sharing import Sharing
from dlm_lsp.errors import WorkerError
from dlm_lsp.lsp.documents import OpenDocument, OpenDocuments
from dlm_lsp.lsp.layers import Layers
from dlm_lsp.lsp.messages import make_converter
from dlm_lsp.lsp.protocol import Protocol
from dlm_lsp.lsp.surroundings import Surroundings
from dlm_lsp.lsp.tally import Tally
from dlm_lsp.settings import Settings
from dlm_lsp.text.private import private_rule
from dlm_lsp.values import InfillResult, Trigger

log = logging.getLogger(__name__)

CONFIGURED_WITHIN_S = 2.0
"""How long requests, and the loading of the model, wait for the editor's settings: they may name another model, or say off."""
NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithCells(cells=[types.NotebookCellLanguage(language="python")])]
)
"""Which cells are sent to us."""


class Session(LanguageServer):
    """A pygls server with our protocol class and the state of the connection."""

    protocol: Protocol

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            "dlm-lsp",
            __version__,
            notebook_document_sync=NOTEBOOKS,
            protocol_cls=Protocol,
            converter_factory=make_converter,
        )
        self.base = settings
        """Of the command line, and of the editor's `initializationOptions`: what everything else is laid over."""
        self.pushed: object = None
        """The settings that the editor last sent without being asked."""
        self.pulls = 0
        """How often the editor was asked for its settings."""
        self.layers = Layers(settings)
        self.service = Service(settings, on_state=self._note_state)
        self.on_state: Callable[[EngineState], None] = lambda _state: None
        """Told of every change that a status line shows."""
        self.on_answer: Callable[[], None] = lambda: None
        """Told of every answer."""
        self.configured = asyncio.Event()
        """Set as soon as the editor has said its settings, or has none to say."""
        self.initialized = False
        """Whether the client may be told anything."""
        self.said = ""
        """The state that the client's log was told last."""
        self.trouble = ""
        """Why there are no completions, a sentence for the user; empty while there is hope."""
        self.editor: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        """The editor's process id as soon as it has said `initialize`, None where it cannot be watched."""
        self.tally = Tally()
        self.choices: dict[str, Any] = {}
        """What the last code action came to, by document: `engine.choices.Choices`, which is slow to import."""
        self.surroundings = Surroundings(is_busy=lambda: bool(self._running))
        self.recall = Recall()
        self.sharing: Sharing[InfillResult] = Sharing()
        """The questions that are before the model now."""
        self._ahead: tuple[Hashable, asyncio.Task[None], asyncio.Event] | None = None
        """What is being prepared, and the event that says that somebody waits for it."""
        self._ids = itertools.count(1)
        self._running: dict[Ticket, asyncio.Task[object]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()
        """Complaints that the user has read."""

    @property
    def settings(self) -> Settings:
        """The settings of the window."""
        return self.layers.window

    @property
    def engine(self) -> EngineClient:
        """The model that is asked now."""
        return self.service.engine

    async def settings_at(self, uri: str) -> Settings:
        """Give the settings at a document; at the start, wait a little for what the editor has to say.

        That may be that the document is private: look it up again.
        """
        if not self.configured.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.configured.wait(), CONFIGURED_WITHIN_S)
        return self.layers.at(uri)

    def document(self, uri: str) -> OpenDocument | None:
        """Give a document that the editor has open, unless it is private: then it is as if it were closed."""
        if rule := private_rule(uri, self.layers.at(uri).exclude):
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

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that no request waits for."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def new_id(self) -> int:
        """Give the id of a request that has no slot, because nobody waits for it."""
        return next(self._ids)

    def look_ahead(self, what: Hashable, work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
        """Do something that nobody waits for, in place of what was begun before, unless that is the same and still runs.

        It is given an event, which is set as soon as somebody does wait for it.
        """
        if self._ahead is not None and self._ahead[0] == what and not self._ahead[1].done():
            return
        self.stop_looking_ahead()
        wanted = asyncio.Event()
        self._ahead = (what, asyncio.create_task(work(wanted)), wanted)

    async def prepared(self, what: Hashable) -> bool:
        """Wait until what is being done ahead is done; False, and at once, if it is something else or nothing."""
        if self._ahead is None or self._ahead[0] != what:
            return False
        _, task, wanted = self._ahead
        wanted.set()
        await asyncio.wait({task})
        return True

    def stop_looking_ahead(self) -> None:
        """End what nobody waits for."""
        if self._ahead is not None:
            self._ahead[1].cancel()
            self._ahead = None

    def use(self, layers: Layers) -> None:
        """Go on with other settings; the worker is replaced where they name another model, and freed where all say off.

        A model that was switched to by a request stays until the editor names another one than it did before.
        """
        if layers != self.layers:
            self._forget_answers()
        other_model = layers.window.model != self.layers.window.model
        self.layers = layers
        model = layers.window.model if other_model else self.service.settings.model
        self.service.use(replace(layers.window, model=model), enabled=layers.enabled)

    async def switch(self, model: str) -> None:
        """Go on with another model as soon as it is loaded; WorkerError where it cannot be, and nothing changes."""
        if not self.layers.enabled:
            raise WorkerError("completions are switched off")
        await self.service.switch(replace(self.settings, model=model))
        self._forget_answers()

    async def free(self) -> None:
        """Free the model's memory until the next request."""
        self.stop_looking_ahead()
        await self.service.free()

    async def stop(self) -> None:
        """End the worker, and those that are on their way out already; the client is told nothing any more."""
        self.initialized = False
        await self.service.stop()

    def _forget_answers(self) -> None:
        self.recall.forget()
        self.stop_looking_ahead()

    def complain(self, complaints: Iterable[str]) -> None:
        """Show what is wrong with the settings, in one message, and each fault once."""
        text = "; ".join(complaint for complaint in complaints if complaint not in self._told)
        self._told.update(complaints)
        if text:
            self._show(types.MessageType.Warning, f"dlm-lsp goes on without these settings: {text}")

    def write_log(self, kind: types.MessageType, sentence: str) -> None:
        """Write into the client's log; never anything of the user's text."""
        with suppress(ConnectionError):  # the editor is gone; whoever reads notices
            self.window_log_message(types.LogMessageParams(kind, sentence))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what pygls would show in a pop-up while the user types: kind and place, not the text, which may hold code."""
        if isinstance(error, JsonRpcInternalError) and error.data:  # pygls has wrapped what was raised
            kind, places = error.message.partition(":")[0], error.data["traceback"]
        elif isinstance(error, JsonRpcException):
            log.info("refused a request: %s", type(error).__name__)  # the client has got the sentence
            return
        else:
            kind, places = type(error).__name__, traceback.format_tb(error.__traceback__)
        log.error("%s in %s\n%s", kind, getattr(source, "__name__", source), "".join(places))

    def _note_state(self, state: EngineState, sentence: str) -> None:
        self.trouble = sentence if state is EngineState.FAILED else ""
        hello = self.engine.hello
        if hello and hello.notice and hello.notice not in self._told:
            self._told.add(hello.notice)
            self._show(types.MessageType.Warning, f"dlm-lsp: {hello.notice}")
        self.on_state(state)
        if state is EngineState.FAILED:
            log.error("no completions: %s", sentence)
            self._show(types.MessageType.Error, f"dlm-lsp gives no completions: {sentence}")

    def _show(self, kind: types.MessageType, text: str) -> None:
        with suppress(ConnectionError):  # the editor is gone; whoever reads notices
            self.window_show_message(types.ShowMessageParams(kind, text))
