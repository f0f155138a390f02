"""The same conversation as lsprotocol's types see it, by pytest-lsp's client, which also checks answers against capabilities."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient

from tests.e2e.conftest import LONG
from tests.e2e.raw_client import SERVER

URI = "file:///a.py"


@pytest_asyncio.fixture
async def client(slow_model: str) -> AsyncIterator[LanguageClient]:
    """Start a server, shake hands, and shut down at the end."""
    command = [*SERVER, "--model", slow_model, "--device", "cpu", "--threads", "1", "--deadline-ms", "60000"]
    client = await ClientServerConfig(server_command=command).start()
    # None of pytest-lsp's profiles of clients has inline completion.
    inline = types.InlineCompletionClientCapabilities(dynamic_registration=False)
    capabilities = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(inline_completion=inline)
    )
    result = await client.initialize_session(types.InitializeParams(capabilities))
    assert types.InlineCompletionOptions() == result.capabilities.inline_completion_provider
    yield client
    await client.shutdown_session()
    await client.stop()


def params(trigger: types.InlineCompletionTriggerKind) -> types.InlineCompletionParams:
    """Ask at the hole."""
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(trigger),
        text_document=types.TextDocumentIdentifier(URI),
        position=types.Position(1, 4),
    )


async def test_a_conversation(client: LanguageClient) -> None:
    """Fails if an answer does not fit lsprotocol's types, or a superseded request is not told so."""
    document = types.TextDocumentItem(URI, "python", 1, "def long(a, b):\n    \n")
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    automatic = types.InlineCompletionTriggerKind.Automatic
    older = asyncio.ensure_future(client.text_document_inline_completion_async(params(automatic)))
    await asyncio.sleep(0)
    newer = await client.text_document_inline_completion_async(params(automatic))
    with pytest.raises(JsonRpcException) as caught:
        await older
    assert types.LSPErrorCodes.RequestCancelled == caught.value.code
    place = types.Position(1, 4)
    (item,) = newer.items
    assert item.command is not None
    assert "dlm-lsp.accepted" == item.command.command
    assert types.InlineCompletionItem(LONG, range=types.Range(place, place), command=item.command) == item
