"""The documents that the editor has open, kept exactly as the editor keeps them.

In: the notifications of text synchronisation, through pygls' workspace. Out: text, version, offsets. pygls' own class splits
lines where LSP does not (form feed, U+2028) and moves what lies behind the last line to wrong places: both corrupt the text.
"""

from collections.abc import Sequence
from urllib.parse import unquote

from lsprotocol import types
from pygls.workspace import Workspace

from dlm_lsp.text.offsets import LineIndex


class OpenDocument:
    """One document; the names are those that pygls' workspace uses."""

    def __init__(self, uri: str, source: str, version: int, language_id: str, encoding: str) -> None:
        self.uri = uri
        self.version = version
        self.language_id = language_id
        self._encoding = encoding
        self._lines = LineIndex(source)

    @property
    def source(self) -> str:
        """The text."""
        return self._lines.text

    def offset(self, position: types.Position) -> int:
        """Give the offset of a position; one outside the text is moved to the nearest place in it."""
        return self._lines.offset(position.line, position.character, self._encoding)

    def position(self, offset: int) -> types.Position:
        """Give the position of an offset, in the client's units."""
        return types.Position(*self._lines.position(offset, self._encoding))

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Replace a range, or the whole text where there is none."""
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = sorted((self.offset(change.range.start), self.offset(change.range.end)))
            self._lines.replace(start, end, change.text)
        else:
            self._lines = LineIndex(change.text)


class OpenDocuments(Workspace):
    """pygls' workspace with documents of our class."""

    def __init__(self, root_uri: str | None, folders: Sequence[types.WorkspaceFolder] | None, encoding: str) -> None:
        super().__init__(root_uri, types.TextDocumentSyncKind.Incremental, folders, encoding)
        self._encoding = encoding

    def find(self, uri: str) -> OpenDocument | None:
        """Give an open document; files that are not open are none of our business."""
        document = self.text_documents.get(unquote(uri))
        return document if isinstance(document, OpenDocument) else None

    def _create_text_document(  # type: ignore[override]  # the workspace calls nothing else of its own class
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> OpenDocument:
        return OpenDocument(doc_uri, source or "", version or 0, language_id or "", self._encoding)
