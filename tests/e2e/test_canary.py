"""No code in any log: a word hidden in documents and messages is looked for in all that both processes say."""

import time

import pytest

from tests.e2e.conftest import LONG, StartServer
from tests.e2e.raw_client import RawClient, frame, inline_params, replace
from tests.e2e.test_worker_dies import kill_worker

CANARY = "hunter2"
TEXT = f'{CANARY} = "{CANARY}"\n# {CANARY}\ndef long(a, {CANARY}):\n    \ndef long(a, b):\n    \n{CANARY}((\n'
URI = "file:///code/app.py"
AT = {"start": {"line": 3, "character": 4}, "end": {"line": 3, "character": 4}}
DOCUMENT = {"textDocument": {"uri": URI}}


def quarrel(client: RawClient) -> None:
    """Send what is wrong in every way that carries text."""
    for body in (f'{{"{CANARY}": ', f'["{CANARY}"]', f'"{CANARY}"', f'{{"id": {{"{CANARY}": 1}}}}'):
        client.send_bytes(frame(body.encode()))
    client.send_bytes(f"Content-Length: {CANARY}\r\n\r\n{CANARY}: {CANARY}\r\n\r\n".encode())
    for method in ("odd", "$/odd", "textDocument/odd"):  # names of methods are the editor's and may be said
        client.ask(method, {CANARY: CANARY})
        client.notify(method, {CANARY: CANARY})
    for method in ("textDocument/inlineCompletion", "textDocument/codeAction", "workspace/executeCommand"):
        client.ask(method, {CANARY: CANARY})
        client.ask(method, [CANARY])
        client.ask(method, {**DOCUMENT, "position": CANARY, "range": CANARY, "command": CANARY, "arguments": [CANARY]})
    client.ask("workspace/executeCommand", {"command": CANARY, "arguments": [CANARY]})
    for method in ("textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "$/cancelRequest"):
        client.notify(
            method, {**DOCUMENT, CANARY: CANARY, "contentChanges": [{"text": 5, CANARY: CANARY}], "id": CANARY}
        )
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {CANARY: CANARY, "device": CANARY}}})


@pytest.mark.parametrize("place", [(3, 4), (0, 3), (6, 9)])
def test_what_the_user_writes_is_in_no_log(start: StartServer, slow_model: str, place: tuple[int, int]) -> None:
    """Fails if a log line quotes the document, an answer, a message, a setting or an exception that holds one of them."""
    client = start(slow_model, "--deadline-ms", "20000")
    client.initialize()
    client.open(URI, TEXT)
    for trigger in (1, 2):
        client.ask("textDocument/inlineCompletion", inline_params(URI, *place, trigger=trigger))
    client.ask("textDocument/completion", {**DOCUMENT, "position": {"line": place[0], "character": place[1]}})
    client.ask("textDocument/codeAction", {**DOCUMENT, "range": AT, "context": {"diagnostics": []}})
    client.change(URI, 2, replace((0, 0), (0, 0), f"{CANARY}\n"))
    client.change(URI, 1, replace((999, 0), (9999, 0), CANARY))
    quarrel(client)
    client.open(f"{URI}{CANARY}", f"{TEXT}\ud800")
    client.open(URI, TEXT, version=9)
    client.cancel(client.request_inline(URI, 5, 4))
    request = client.request_inline(URI, 5, 4)
    time.sleep(0.3)
    kill_worker(client)
    assert LONG == client.answer(request)["result"]["items"][0]["insertText"]
    client.leave()
    client.close()
    assert any("request 1 v1" in line for line in client.log), "there is a log"
    assert any("worker ended" in line for line in client.log)
    assert [] == [line for line in client.log if CANARY in line]
    assert [] == [line for line in client.log if LONG[:16] in line], "answers are code as well"
