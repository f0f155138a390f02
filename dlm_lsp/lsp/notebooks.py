r"""A notebook's code cells as one text: a hole in one cell is filled with the others around it.

In: a snapshot of a cell. Out: the snapshot of all its notebook's Python cells, joined by blank lines, with the cursor at the same
place; documents that are no cells come out as they are. Answers are for the cell: only what is asked about is joined. Magics of
IPython become comments of the same length, so that the rest is Python and offsets stay.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from lsprotocol import types

from dlm_lsp.lsp.session import Session
from dlm_lsp.values import Snapshot

BETWEEN = "\n\n"
PYTHON_MAGICS = frozenset({"capture", "debug", "prun", "python", "python3", "time", "timeit"})
"""Cells that begin with one of these hold Python; with another, another language."""
_CELL_MAGIC = re.compile(r"\s*%%([\w!]+)")
_MAGIC = re.compile(r"^([ \t]*)(?:%(?=%?[A-Za-z])|!(?!=)|\?(?=\w))", re.MULTILINE)
"""`% b` at the beginning of a line is the rest of an expression."""
_ASSIGNED = re.compile(r"^([ \t]*[\w, \t]+=[ \t]*)[%!](?=[^\r\n])[^\r\n]", re.MULTILINE)
_HELP = re.compile(r"^([ \t]*)[\w.]([\w.]*\?\??[ \t]*)$", re.MULTILINE)


def whole(ls: Session, asked: Snapshot) -> Snapshot:
    """Give the snapshot that the model is asked about; a cell of another language stands for itself."""
    notebook = ls.workspace.get_notebook_document(cell_uri=asked.uri)
    if notebook is None:
        return asked
    if language := _foreign(asked.text):
        return replace(asked, language=language)
    before, after = [""], [""]
    side = before
    for uri, text in _code(ls, notebook, asked.language):
        if uri == asked.uri:
            side = after
        elif not _foreign(text):
            side.append(_known_as_python(text))
    head = "".join(text + BETWEEN for text in before[1:])
    joined = head + as_python(asked.text) + "".join(BETWEEN + text for text in after[1:])
    return Snapshot(asked.uri, asked.language, asked.version, joined, len(head) + asked.cursor)


def as_python(text: str) -> str:
    """Turn what only IPython understands into comments and numbers, character for character; each line for itself."""
    text = _MAGIC.sub(r"\1#", text)
    text = _HELP.sub(r"\1#\2", text)
    return _ASSIGNED.sub(r"\g<1>0#", text)


_known_as_python = lru_cache(maxsize=512)(as_python)
"""For the cells around: only the one that is asked about changes, and each of its versions would be kept."""


def _code(ls: Session, notebook: types.NotebookDocument, language: str) -> Iterator[tuple[str, str]]:
    """Give the code cells of a language, in their order."""
    for cell in notebook.cells:
        document = ls.document(cell.document)
        if cell.kind is types.NotebookCellKind.Code and document is not None and document.language_id == language:
            yield document.uri, document.source


def _foreign(text: str) -> str:
    """Name the language of a cell that its first line says not to be Python, else nothing."""
    magic = _CELL_MAGIC.match(text)
    return magic[1] if magic is not None and magic[1] not in PYTHON_MAGICS else ""
