"""The protocol class between messages: what it keeps of those that are done with."""

import asyncio
import json
from typing import Any

from dlm_lsp.lsp.server import make_session
from dlm_lsp.settings import Settings


class Nowhere:
    """A stream that nobody reads."""

    def write(self, _data: bytes) -> None:
        """Drop what is written."""

    def close(self) -> None:
        """Do nothing."""


def test_nothing_is_kept_of_notifications() -> None:
    """Fails if each change of a document leaves something behind: a day of typing would fill the memory."""

    async def talk() -> dict[Any, Any]:
        session = make_session(Settings(enabled=False))
        session.protocol.set_writer(Nowhere())

        def say(method: str, params: object, **more: object) -> None:
            session.protocol.receive(
                json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
            )

        say("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, id=1)
        await asyncio.sleep(0.01)
        item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": ""}
        say("textDocument/didOpen", {"textDocument": item})
        for version in range(2, 30):
            document = {"uri": "file:///a.py", "version": version}
            say("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": "x" * version}]})
        await asyncio.sleep(0.01)
        found = session.document("file:///a.py")
        assert found is not None
        assert "x" * 29 == found.source
        return dict(session.protocol._request_futures)

    assert {} == asyncio.run(talk())
