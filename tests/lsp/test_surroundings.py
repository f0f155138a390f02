"""What open documents tell to each other, and when they are read."""

import asyncio
from urllib.parse import unquote

import pytest
from lsprotocol import types
from pygls.workspace import Workspace

from dlm_lsp.lsp import surroundings
from dlm_lsp.lsp.documents import OpenDocuments
from dlm_lsp.lsp.surroundings import Surroundings
from dlm_lsp.values import Snapshot

ROOT = "file:///code/my%20shop"
LEDGER = "def record(order, customer):\n    return ledger.write(order, customer)\n"
BILL = "RATE = 3\n\n\ndef bill(order, customer):\n    return 0\n"


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(surroundings, "PAUSE_S", 0.02)
    made = OpenDocuments(None, [types.WorkspaceFolder(ROOT, "shop")], "utf-16")
    for name, text in (("bill.py", BILL), ("ledger.py", LEDGER), ("secrets.py", LEDGER)):
        made.put_text_document(types.TextDocumentItem(f"{ROOT}/{name}", "python", 1, text))
    return made


def asked(name: str, text: str, version: int = 1) -> Snapshot:
    return Snapshot(f"{ROOT}/{name}", "python", version, text, len(text))


async def rest() -> None:
    await asyncio.sleep(0.2)


def names(workspace: Workspace, told: Surroundings, text: str, version: int = 1) -> list[str]:
    known, _ = told.of(asked("bill.py", text, version), workspace, ())
    assert known is not None
    return [name for _, name in known.bindings]


def test_neighbours_are_read_in_the_first_rest_and_private_ones_are_not_told(workspace: Workspace) -> None:
    """Fails if the question waits for other files, if nobody reads them, or if secrets are told."""

    async def ask() -> list[list[str]]:
        told = Surroundings()
        first = told.of(asked("bill.py", BILL), workspace, ())[1]
        await rest()
        second = told.of(asked("bill.py", BILL), workspace, ())[1]
        excluded = told.of(asked("bill.py", BILL), workspace, ("ledger*",))[1]
        return [[chunk.path for chunk in chunks] for chunks in (first, second, excluded)]

    assert [[], ["my shop/ledger.py"], []] == asyncio.run(ask())


def test_a_document_is_read_again_after_a_change_and_not_while_somebody_types(workspace: Workspace) -> None:
    """Fails if names are forgotten or stale for ever, or if each keystroke reads the whole document."""
    changed = BILL.replace("RATE", "SHARE")

    async def ask() -> list[list[str]]:
        told = Surroundings()
        seen = [names(workspace, told, BILL)]
        change = types.TextDocumentContentChangeWholeDocument(changed)
        workspace.update_text_document(types.VersionedTextDocumentIdentifier(2, f"{ROOT}/bill.py"), change)
        seen.append(names(workspace, told, changed, 2))
        await rest()
        return [*seen, names(workspace, told, changed, 2)]

    assert [["RATE", "bill"], ["RATE", "bill"], ["SHARE", "bill"]] == asyncio.run(ask())


def test_closed_documents_are_forgotten(workspace: Workspace) -> None:
    """Fails if a session holds something of every file that was ever open, or takes one opened anew for what it was."""
    uri = f"{ROOT}/bill.py"

    async def ask() -> list[str]:
        told = Surroundings()
        told.of(asked("ledger.py", LEDGER), workspace, ())
        told.of(asked("bill.py", BILL), workspace, ())
        await rest()
        workspace.remove_text_document(f"{ROOT}/ledger.py")
        workspace.remove_text_document(uri)
        workspace.put_text_document(types.TextDocumentItem(uri, "python", 1, "ANEW = 1\n"))
        told.opened(uri, workspace)
        await rest()
        assert {unquote(uri), unquote(f"{ROOT}/secrets.py")} == set(told._versions) == set(told._outlines)
        return names(workspace, told, "ANEW = 1\n")

    assert ["ANEW"] == asyncio.run(ask())


def test_closed_documents_tell_nothing(workspace: Workspace) -> None:
    """Fails if a file that was closed is told for the rest of the session, or one that was opened again never."""

    async def ask() -> list[int]:
        told = Surroundings()
        told.of(asked("bill.py", BILL), workspace, ())
        await rest()
        open_ = len(told.of(asked("bill.py", BILL), workspace, ())[1])
        workspace.remove_text_document(f"{ROOT}/ledger.py")
        closed = len(told.of(asked("bill.py", BILL), workspace, ())[1])
        workspace.put_text_document(types.TextDocumentItem(f"{ROOT}/ledger.py", "python", 1, LEDGER))
        await rest()
        return [open_, closed, len(told.of(asked("bill.py", BILL), workspace, ())[1])]

    assert [1, 0, 1] == asyncio.run(ask())


def test_of_a_notebook_its_cells_together_are_read_while_nobody_waits(workspace: Workspace) -> None:
    """Fails if names of one cell are taken for those of the joined text, or if each keystroke reads the whole notebook."""
    cell = types.NotebookCell(types.NotebookCellKind.Code, f"{ROOT}/bill.py")
    notebook = types.NotebookDocument(f"{ROOT}/a.ipynb", "jupyter-notebook", 1, [cell])
    document = types.TextDocumentItem(f"{ROOT}/bill.py", "python", 1, BILL)
    workspace.put_notebook_document(types.DidOpenNotebookDocumentParams(notebook, [document]))

    joined = "import os\n\n" + BILL

    async def ask() -> list[list[str]]:
        told = Surroundings()
        seen = [names(workspace, told, joined), names(workspace, told, joined + "LATER = 1\n")]
        await rest()
        assert () == told.of(asked("bill.py", joined), workspace, ())[1]
        return [*seen, names(workspace, told, joined)]

    assert [["RATE", "bill"], ["RATE", "bill"], ["RATE", "bill", "LATER"]] == asyncio.run(ask())


def test_a_cell_of_another_language_is_not_taken_for_its_notebook(workspace: Workspace) -> None:
    """Fails if who asks in a cell of bash loses the names of the Python cells: what uses them is then repaired for nothing."""
    kind, texts = types.NotebookCellKind.Code, {f"{ROOT}/bash.py": "%%bash\nls\n", f"{ROOT}/bill.py": BILL}
    notebook = types.NotebookDocument(
        f"{ROOT}/a.ipynb", "jupyter-notebook", 1, [types.NotebookCell(kind, uri) for uri in texts]
    )
    documents = [types.TextDocumentItem(uri, "python", 1, text) for uri, text in texts.items()]
    workspace.put_notebook_document(types.DidOpenNotebookDocumentParams(notebook, documents))
    foreign = Snapshot(f"{ROOT}/bash.py", "bash", 1, "%%bash\nls\n", 9)

    async def ask() -> list[list[str]]:
        told, seen = Surroundings(), []
        for _ in range(2):
            assert (None, ()) == told.of(foreign, workspace, ())
            seen.append(names(workspace, told, BILL))
            told.of(foreign, workspace, ())
            await rest()
        return seen

    assert [["RATE", "bill"]] * 2 == asyncio.run(ask())


def test_a_notebook_is_no_neighbour(workspace: Workspace) -> None:
    """Fails if other files are told what a notebook's cells say together, of which the pages know nothing."""
    cell = f"vscode-notebook-cell:{ROOT.removeprefix('file:')}/a.ipynb#1"
    cells = [types.NotebookCell(types.NotebookCellKind.Code, cell)]
    notebook = types.NotebookDocument(f"{ROOT}/a.ipynb", "jupyter-notebook", 1, cells)
    document = types.TextDocumentItem(cell, "python", 1, LEDGER)
    workspace.put_notebook_document(types.DidOpenNotebookDocumentParams(notebook, [document]))

    async def ask() -> list[str]:
        told = Surroundings()
        told.of(Snapshot(cell, "python", 1, LEDGER, 0), workspace, ())
        await rest()
        return [chunk.path for chunk in told.of(asked("bill.py", BILL), workspace, ())[1]]

    assert ["my shop/ledger.py"] == asyncio.run(ask())


def test_a_document_is_read_before_the_first_question(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the first answer in a long file has to wait until the file is read."""

    async def ask() -> list[str]:
        told = Surroundings()
        told.read_soon(workspace)
        await rest()
        monkeypatch.setattr("dlm_lsp.engine.context.outline", None)
        return names(workspace, told, BILL)

    assert ["RATE", "bill"] == asyncio.run(ask())


def test_nothing_is_read_while_somebody_waits(workspace: Workspace) -> None:
    """Fails if reading takes the time of an answer that is on its way."""

    async def ask() -> list[list[str]]:
        waiting = True
        told = Surroundings(is_busy=lambda: waiting)
        told.of(asked("bill.py", BILL), workspace, ())
        await rest()
        first = told.of(asked("bill.py", BILL), workspace, ())[1]
        waiting = False
        await rest()
        second = told.of(asked("bill.py", BILL), workspace, ())[1]
        return [[chunk.path for chunk in chunks] for chunks in (first, second)]

    assert [[], ["my shop/ledger.py"]] == asyncio.run(ask())
