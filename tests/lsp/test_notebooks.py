"""What of a notebook's cells is made Python, and what is left as it is."""

import ast
import tracemalloc
from types import SimpleNamespace

import pytest
from lsprotocol import types

from dlm_lsp.lsp.documents import OpenDocuments
from dlm_lsp.lsp.notebooks import as_python, whole
from dlm_lsp.values import Snapshot


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("%matplotlib inline\nx = 1\n", "#matplotlib inline\nx = 1\n"),
        ("%%time\nx = 1\n", "#%time\nx = 1\n"),
        ("if x:\n    !ls\n    y()\n", "if x:\n    #ls\n    y()\n"),
        ("files = !ls -l\n", "files = 0#s -l\n"),
        ("a, b = %sql x\n", "a, b = 0#ql x\n"),
        ("np.array??\n?x\n", "#p.array??\n#x\n"),
    ],
)
def test_magics_become_comments(text: str, python: str) -> None:
    """Fails if a magic breaks the Python around it, or moves it."""
    assert python == as_python(text)
    ast.parse(python)


@pytest.mark.parametrize(
    "text", ["y = (a\n  % b)\n", "y = (a\n  != b)\n", "x = a % b\n", "x = a != b\n", "print('%d?')\n"]
)
def test_python_stays_as_it_is(text: str) -> None:
    """Fails if an operator at the beginning of a line is taken for a magic."""
    assert text == as_python(text)


def test_typing_in_a_long_cell_keeps_none_of_its_versions() -> None:
    """Fails if a session holds every text that a cell ever had: after a day that is as much memory as a model."""
    workspace = OpenDocuments(None, [], "utf-16")
    uris = ["cell:/a.ipynb#1", "cell:/a.ipynb#2"]
    cells = [types.NotebookCell(types.NotebookCellKind.Code, uri) for uri in uris]
    documents = [types.TextDocumentItem(uri, "python", 1, "x = 1\n") for uri in uris]
    notebook = types.NotebookDocument("file:///a.ipynb", "jupyter-notebook", 1, cells)
    workspace.put_notebook_document(types.DidOpenNotebookDocumentParams(notebook, documents))
    session = SimpleNamespace(workspace=workspace, document=workspace.find)
    tracemalloc.start()
    for number in range(50):
        text = f"{number}" + "x" * 100_000
        asked = whole(session, Snapshot(uris[1], "python", number, text, len(text)))
        assert ("x = 1\n\n\n" + text, len(asked.text)) == (asked.text, asked.cursor)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000  # 10 MB if all are kept
