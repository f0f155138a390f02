"""What the open documents tell about and to each other, read while nobody waits.

In: the workspace's documents. Out: for a question about one of them, its `Outline` and the chunks of the others. A document is read
in a thread, once nothing was asked for a while; until then what was read before stands for it.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lsprotocol import types
from pygls.workspace import Workspace

from dlm_lsp.lsp.documents import OpenDocument
from dlm_lsp.text.private import is_private
from dlm_lsp.text.snippets import Chunk
from dlm_lsp.values import Snapshot

if TYPE_CHECKING:
    from dlm_lsp.engine.context import Outline  # which imports the grammar: see `lsp.asking`
    from dlm_lsp.lsp.session import Session

PAUSE_S = 0.5
"""How long nothing is asked before documents are read again."""


class Surroundings:
    """The outlines of the documents of one workspace."""

    def __init__(self, is_busy: Callable[[], bool] = lambda: False) -> None:
        self._is_busy = is_busy
        """Whether somebody waits for an answer."""
        self._outlines: dict[str, Outline] = {}
        """By URI, the one that was asked about last behind the others."""
        self._versions: dict[str, int] = {}
        """Of the documents when they were read."""
        self._joined: dict[str, Snapshot] = {}
        """By URI of a notebook, its cells as they were asked about last, if they were not read since."""
        self._reading: asyncio.Task[None] | None = None

    def of(
        self, asked: Snapshot, workspace: Workspace, exclude: tuple[str, ...], *, alone: bool = False
    ) -> tuple["Outline | None", tuple[Chunk, ...]]:
        """Give what a document says as a whole, and what its neighbours say that are not private.

        The cell of a notebook is asked about as a part of the others: what they say together counts. Of one that is asked about
        `alone`, or whose language is another one, nothing is known. A notebook is told no neighbours, and is none to other files.
        """
        from dlm_lsp.engine.context import neighbours, outline

        uri = unquote(asked.uri)  # as the workspace has it
        self.read_soon(workspace)
        notebook = workspace.get_notebook_document(cell_uri=uri)
        if notebook is not None:
            if alone or asked.language != workspace.get_text_document(uri).language_id:
                return None, ()
            uri = unquote(notebook.uri)
            self._joined[uri] = asked
        known = self._outlines.pop(uri, None) or outline(uri, asked.text, asked.language)
        self._versions.setdefault(uri, asked.version)
        self._outlines[uri] = known
        self._forget_closed(workspace)
        if notebook is not None:
            return known, ()
        files = {each: self._outlines[each] for each in self._outlines if each in workspace.text_documents}
        return known, tuple(neighbours(uri, files, list(workspace.folders), lambda other: is_private(other, exclude)))

    def read_soon(self, workspace: Workspace) -> None:
        """Read what was opened or changed, as soon as nothing has been asked for a while."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = asyncio.create_task(self._read(workspace))

    def opened(self, uri: str, workspace: Workspace) -> None:
        """Read a document before the first question about it; it may be another one than when it was open before."""
        self._versions.pop(unquote(uri), None)
        self.read_soon(workspace)

    def _forget_closed(self, workspace: Workspace) -> None:
        is_open = {*workspace.text_documents, *workspace.notebook_documents}
        for each in (self._outlines.keys() | self._versions.keys() | self._joined.keys()) - is_open:
            self._outlines.pop(each, None)
            self._versions.pop(each, None)
            self._joined.pop(each, None)

    async def _read(self, workspace: Workspace) -> None:
        """Read the documents that have changed since they were read."""
        from dlm_lsp.engine.context import outline
        from dlm_lsp.syntax.slice import cut_slice

        await asyncio.sleep(PAUSE_S)
        while self._is_busy():  # noqa: ASYNC110 an event for each request would be more to get wrong
            await asyncio.sleep(PAUSE_S)
        for uri, document in list(workspace.text_documents.items()):
            version = document.version or 0
            is_read = uri in self._outlines and self._versions.get(uri) == version
            if isinstance(document, OpenDocument) and not is_read:
                read = await asyncio.to_thread(outline, uri, document.source, document.language_id)
                self._outlines[uri], self._versions[uri] = read, version
                # The first slice of a document takes as long as it has lines, and the others do not.
                await asyncio.to_thread(cut_slice, document.source, len(document.source), document.language_id)
        while self._joined:
            uri, asked = self._joined.popitem()
            self._outlines[uri] = await asyncio.to_thread(outline, uri, asked.text, asked.language)
        self._forget_closed(workspace)


def did_open(ls: "Session", params: types.DidOpenTextDocumentParams) -> None:
    """Read a document soon."""
    ls.surroundings.opened(params.text_document.uri, ls.workspace)
