"""Notebooks: cells come and go, and a hole in one is filled with the others around it."""

import time
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer, write_rules
from tests.e2e.raw_client import Message, RawClient, empty_range, replace

NOTEBOOK = "file:///code/study.ipynb"
CELLS = [f"vscode-notebook-cell:/code/study.ipynb#C{n}" for n in range(9)]
BEFORE = "%matplotlib inline\nrate = 3"
CAPABILITIES = {
    "textDocument": {"inlineCompletion": {}},
    "notebookDocument": {"synchronization": {"dynamicRegistration": False}},
}


@pytest.fixture
def client(start: StartServer, tmp_path: Path) -> RawClient:
    """Start a server whose model speaks only where it sees all cells around the hole, the magic as a comment."""
    seen = "#matplotlib inline\nrate = 3\n\ndef scaled(x):\n    return "
    rules = [{"after": seen, "before": "\n\nprint(scaled(2))", "answer": "x * rate"}]
    rules.append({"after": "rate = 3\n\ntotal = ", "answer": "rate + 1"})
    client = start(write_rules(tmp_path / "cells.json", rules))
    result = client.initialize(capabilities=CAPABILITIES)
    selector = [{"cells": [{"language": "python"}]}]
    assert {"notebookSelector": selector} == result["capabilities"]["notebookDocumentSync"]
    return client


def cell(number: int, kind: int = 2) -> Message:
    """Give a cell of the notebook; kind 2 is code."""
    return {"kind": kind, "document": CELLS[number]}


def text(number: int, source: str) -> Message:
    """Give a cell's document."""
    return {"uri": CELLS[number], "languageId": "python", "version": 1, "text": source}


def open_notebook(client: RawClient, *sources: str) -> None:
    """Open the notebook with these code cells."""
    notebook = {"uri": NOTEBOOK, "notebookType": "jupyter-notebook", "version": 1}
    notebook["cells"] = [cell(number) for number in range(len(sources))]
    documents = [text(number, source) for number, source in enumerate(sources)]
    client.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": documents})


def change_notebook(client: RawClient, version: int, **cells: object) -> None:
    """Change the notebook's cells."""
    document = {"uri": NOTEBOOK, "version": version}
    client.notify("notebookDocument/didChange", {"notebookDocument": document, "change": {"cells": cells}})


def test_the_cells_around_are_seen(client: RawClient) -> None:
    """Fails if a cell stands alone, a magic line breaks it, or the answer's place is counted from the first cell."""
    open_notebook(client, BEFORE, "def scaled(x):\n    return ", "print(scaled(2))", "%%bash\nls", "")
    (item,) = client.inline(CELLS[1], 1, 11)["items"]
    assert {"insertText": "x * rate", "range": empty_range(1, 11)} == item


def test_cells_come_go_and_change(client: RawClient) -> None:
    """Fails if the notebook that is asked about is not the one on the screen: order, new, removed and edited cells."""
    open_notebook(client, "print(scaled(2))", "def scaled(y):\n    return ")
    assert [] == client.inline(CELLS[1], 1, 11)["items"]
    structure = {"start": 0, "deleteCount": 2, "cells": [cell(2), cell(1), cell(0)]}
    change_notebook(client, 2, structure={"array": structure, "didOpen": [text(2, BEFORE)]})
    edit = {"document": {"uri": CELLS[1], "version": 2}, "changes": [replace((0, 11), (0, 12), "x")]}
    change_notebook(client, 3, textContent=[edit])
    assert "x * rate" == client.inline(CELLS[1], 1, 11)["items"][0]["insertText"]
    structure = {"start": 0, "deleteCount": 1}
    change_notebook(client, 4, structure={"array": structure, "didClose": [{"uri": CELLS[2]}]})
    assert [] == client.inline(CELLS[1], 1, 11)["items"]


def test_cells_of_another_language_are_left_out(client: RawClient) -> None:
    """Fails if what is no Python stands between the cells that the model sees."""
    open_notebook(client, "rate = 3", "%%bash\nls -l", "total = ")
    assert "rate + 1" == client.inline(CELLS[2], 0, 8)["items"][0]["insertText"]
    assert [] == client.inline(CELLS[1], 1, 5)["items"]


def test_an_action_in_a_cell_leaves_the_notebook_as_it_is_known(client: RawClient) -> None:
    """Fails if the one cell that an action sees is taken for all cells by whoever asks next."""
    many = "".join(f"def f{number}(a):\n    return a\n\n" for number in range(100))
    open_notebook(client, f"first = 1\n{many}", "def g(a):\n    pass\n", "total = ")

    def names_known() -> list[str]:
        client.inline(CELLS[2], 0, 8)
        told = client.ask("dlm-lsp/lastAnswer", {"textDocument": {"uri": CELLS[2]}})["result"]
        return told["request"]["knownNames"]

    assert "first" in names_known()
    argument = {"uri": CELLS[1], "range": empty_range(1, 4)}
    client.ask("workspace/executeCommand", {"command": "dlm-lsp.fillFunction", "arguments": [argument]})
    time.sleep(1.2)  # what was asked about is read once nobody has asked for a while
    assert "first" in names_known()


def test_a_closed_notebook_is_gone(client: RawClient) -> None:
    """Fails if cells outlive their notebook, or nonsense about notebooks costs the server's life."""
    open_notebook(client, "rate = 3", "total = ")
    documents = [{"uri": uri} for uri in CELLS[:2]]
    client.notify("notebookDocument/didClose", {"notebookDocument": {"uri": NOTEBOOK}, "cellTextDocuments": documents})
    assert [] == client.inline(CELLS[1], 0, 8)["items"]
    change_notebook(client, 2, structure={"array": {"start": 5, "deleteCount": 7}})
    change_notebook(client, 3, textContent=[{"document": {"uri": CELLS[0], "version": 2}, "changes": [{"text": ""}]}])
    client.notify("notebookDocument/didOpen", {"notebookDocument": {}})
    open_notebook(client, "rate = 3", "total = ")
    assert "rate + 1" == client.inline(CELLS[1], 0, 8)["items"][0]["insertText"]
