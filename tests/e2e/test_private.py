"""Private files: as if they were not open, and the model never hears of them."""

import pytest

from tests.e2e.conftest import StartServer

ADD = "def add(a, b):\n    \n"


@pytest.mark.parametrize("uri", ["file:///w/.env", "file:///w/db_secrets.py", "file:///home/u/.ssh/config.py"])
def test_a_private_document_gets_an_empty_answer(start: StartServer, fast_model: str, uri: str) -> None:
    """Fails if a file that holds keys is sent to the model: the answer would be there, and the log would count a request."""
    client = start(fast_model)
    client.initialize()
    client.open(uri, ADD)
    assert {"items": []} == client.inline(uri, 1, 4)
    client.wait_for_log("a private file")
    document, place = {"textDocument": {"uri": uri}}, {"line": 1, "character": 4}
    everything = {"start": {"line": 0, "character": 0}, "end": place}
    actions = client.ask("textDocument/codeAction", {**document, "range": everything, "context": {"diagnostics": []}})
    assert not actions["result"], "nothing is offered that would read it"
    completion = client.ask("textDocument/completion", {**document, "position": place}).get("result")
    assert not (completion or {}).get("items")
    wish = {"command": "dlm-lsp.fillStubs", "arguments": [{"uri": uri, "range": everything}]}
    client.ask("workspace/executeCommand", wish)
    client.open("file:///w/app.py", ADD)
    assert "return a + b" == client.inline("file:///w/app.py", 1, 4)["items"][0]["insertText"]
    client.wait_for_log(": filled")
    assert 1 == sum(": filled" in line for line in client.log), "one model call, for the ordinary file"
    assert not any("/w/" in line or ".ssh/config" in line for line in client.log), "the log does not name the file"


def test_globs_of_the_user(start: StartServer, fast_model: str) -> None:
    """Fails if the setting is not read at the start, or not when it changes."""
    client = start(fast_model)
    client.initialize({"exclude": ["*.gen.py"]})
    for uri in ("file:///w/a.gen.py", "file:///w/b.py"):
        client.open(uri, ADD)
    assert [0, 1] == [len(client.inline(uri, 1, 4)["items"]) for uri in ("file:///w/a.gen.py", "file:///w/b.py")]
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"exclude": ["b.py"]}}})
    assert [1, 0] == [len(client.inline(uri, 1, 4)["items"]) for uri in ("file:///w/a.gen.py", "file:///w/b.py")]


@pytest.mark.parametrize("method", ["textDocument/inlineCompletion", "textDocument/completion", "dlm-lsp/fill"])
def test_a_glob_that_the_editor_says_while_the_first_question_waits(
    start: StartServer, fast_model: str, method: str
) -> None:
    """Fails if a file that the user's settings make private is shown to the model because it was asked about before they came."""
    client = start(fast_model)
    document = {} if method == "textDocument/completion" else {"inlineCompletion": {}}
    client.initialize(capabilities={"textDocument": document, "workspace": {"configuration": True}})
    client.open("file:///w/hidden.py", ADD)
    place = {"textDocument": {"uri": "file:///w/hidden.py"}, "position": {"line": 1, "character": 4}}
    request = client.request(method, {**place, "context": {"triggerKind": 1}} if "/fill" not in method else place)
    asked = "workspace/configuration"
    client.wait_until(lambda: any(asked == note["method"] for note in client.notifications))
    (question,) = [note for note in client.notifications if asked == note["method"]]
    client.send({"jsonrpc": "2.0", "id": question["id"], "result": [{"exclude": ["hidden.py"]}]})
    assert [] == client.answer(request)["result"]["items"]
    assert client.ask("dlm-lsp/lastAnswer", {})["result"] is None, "nobody asked the model"
