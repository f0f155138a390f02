"""Code actions as editors of all kinds see them: offered at a glance, resolved or run as commands, and exactly what they say."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig

from tests.e2e.action_editor import OLD, PLAIN, VS_CODE, Editor, capabilities
from tests.e2e.conftest import LONG, StartServer
from tests.e2e.raw_client import SERVER as SERVE
from tests.e2e.raw_client import Message, RawClient
from tests.e2e.test_cancel import CANCELLED, error_code
from tests.e2e.test_worker_dies import kill_worker

REGENERATE = "Regenerate selection"
FUNCTION = "Fill this function"
STUBS = "Fill every stub in this file"
SELECTED_STUBS = "Fill every stub in the selection"
REPAIR = "Repair the broken lines"
UNSURE = "Regenerate what was least sure in the accepted answer"

RULES: list[Message] = [
    {
        "after": "def add(a, b):\n    ",
        "before": "\n",
        "answer": "return a + b",
        "alternatives": ["return b + a", "c = a\n    return c + b"],
    },
    {"after": "def tab(a, b):\n\t", "before": "\n", "answer": "c = a\n\treturn c"},
    {"after": '"""Add."""\n    ', "before": "\n", "answer": "return a + b"},
    {"after": "def inner(x):\n        ", "before": "\n", "answer": "return x * 2"},
    {"after": "    async def later(self):\n        ", "before": "\n", "answer": "return await self.now()"},
    {"after": "def bad(a):\n    ", "before": "\n", "answer": "return (a"},
    {"after": "def long(a, b):\n    ", "before": "\n", "answer": LONG, "confidence": 0.5},
    {"after": "total = (", "before": ")", "answer": "price * quantity"},
    {"after": "smile = '😀' + ", "before": " + '🎉'", "answer": "'🙂'"},
    {"after": "def broken(a):\n    ", "before": "\n    return", "answer": "value = (a + 1)"},
    *[{"after": f"def f{n}(a):\n    ", "before": "\n", "answer": f"return a * {n}"} for n in range(20)],
    {"after": "def unsure(a, b):\n    ", "before": " = a + b", "answer": "total"},
    {"after": "def unsure(a, b):\n    ", "before": "\n", "answer": "x = a + b", "confidence": 0.6},
]
SERVER = ("--device", "cpu", "--threads", "1", "--deadline-ms", "60000", "--candidates", "3", "--repair-rounds", "0")
"""Nothing is repaired: what the script says that does not fit has to be met by the server."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name a scripted model that answers at once."""
    return _script(tmp_path_factory.mktemp("actions") / "script.json", step_ms=0)


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name the same model, slower."""
    return _script(tmp_path_factory.mktemp("slow") / "script.json", step_ms=60)


def _script(path: Path, step_ms: int) -> str:
    path.write_text(json.dumps({"rules": RULES, "step_ms": step_ms}), encoding="utf-8")
    return f"scripted:{path}"


def _client(model: str, can: Message, *arguments: str, **options: Any) -> RawClient:
    client = RawClient("--model", model, *SERVER, *arguments)
    client.initialize(options or None, capabilities=can)
    return client


@pytest.fixture(scope="module")
def vs_code(model: str) -> Iterator[RawClient]:
    """Give a client that can do everything."""
    with _client(model, VS_CODE) as client:
        yield client


@pytest.fixture(scope="module")
def plain(model: str) -> Iterator[RawClient]:
    """Give a client that cannot resolve, and takes only the simplest edits."""
    with _client(model, PLAIN) as client:
        yield client


@pytest.fixture(scope="module")
def old(model: str) -> Iterator[RawClient]:
    """Give a client that knows commands alone."""
    with _client(model, OLD) as client:
        yield client


@pytest.fixture(scope="module")
def slow(slow_model: str) -> Iterator[RawClient]:
    """Give a client like `vs_code` whose model takes its time."""
    with _client(slow_model, VS_CODE) as client:
        load(client)
        yield client


@pytest.fixture(params=["vs_code", "plain", "old"])
def client(request: pytest.FixtureRequest) -> RawClient:
    """Give one client after another."""
    return request.getfixturevalue(request.param)


_COUNT = iter(range(10_000))


def edit(client: RawClient, text: str, suffix: str = ".py") -> Editor:
    """Open a document of its own."""
    return Editor(client, f"file:///actions/{next(_COUNT)}{suffix}", text)


def load(client: RawClient) -> None:
    """Have the model loaded, so that what follows is asked of it at once."""
    editor = edit(client, "def add(a, b):\n    pass\n")
    assert editor.run(FUNCTION, editor.range_of("pass", 0))


def test_what_is_announced(model: str) -> None:
    """Fails if a client is not told what it can ask for."""
    with RawClient("--model", model, *SERVER) as client:
        can = client.initialize(capabilities=VS_CODE)["capabilities"]
    assert {"codeActionKinds": ["quickfix", "refactor.rewrite"], "resolveProvider": True} == can["codeActionProvider"]
    names = ("regenerate", "fillFunction", "fillSelectedStubs", "fillStubs", "repair", "regenerateUnsure")
    assert {f"dlm-lsp.{name}" for name in names} <= set(can["executeCommandProvider"]["commands"])


ACTIONS = [
    (
        REGENERATE,
        "s = '🎉🎉'; smile = '😀' + @@'x'@@ + '🎉' + '😀'\n",
        "s = '🎉🎉'; smile = '😀' + '🙂' + '🎉' + '😀'\n",
    ),
    (REGENERATE, "x = 1\ntotal = (@@pri@@ce)\n", "x = 1\ntotal = (price * quantity)\n"),
    (REGENERATE, "def add(a, b):\n@@    c = 1\n    return c\n@@x = 1\n", "def add(a, b):\n    return a + b\nx = 1\n"),
    (REGENERATE, "smile = '😀' + @@'😀'@@ + '🎉'\n", "smile = '😀' + '🙂' + '🎉'\n"),
    (REGENERATE, "def tab(a, b):\n\t@@return 1@@\n", "def tab(a, b):\n\tc = a\n\treturn c\n"),
    (FUNCTION, "def tab(a, b):\r\n\tpa@@ss\r\nx = 1\r\n", "def tab(a, b):\r\n\tc = a\r\n\treturn c\r\nx = 1\r\n"),
    (
        FUNCTION,
        "x = 1\n\ndef a@@dd(a, b):\n    pass\n\ny = 1\n",
        "x = 1\n\ndef add(a, b):\n    return a + b\n\ny = 1\n",
    ),
    (FUNCTION, "def add(a, b): p@@ass\ny = 1\n", "def add(a, b):\n    return a + b\ny = 1\n"),
    (FUNCTION, 'def plus(a, b):\n    """Add."""@@\n', 'def plus(a, b):\n    """Add."""\n    return a + b\n'),
    (
        FUNCTION,
        'def plus(a, b):\n    """Add."""\n    @@return 0\n',
        'def plus(a, b):\n    """Add."""\n    return a + b\n',
    ),
    (
        FUNCTION,
        "@cache\ndef outer():\n    def inner(x):\n        @@...\n    return inner\n",
        "@cache\ndef outer():\n    def inner(x):\n        return x * 2\n    return inner\n",
    ),
    (
        FUNCTION,
        "class A:\n    @wraps\n    async def later(self):\n        @@raise NotImplementedError\n\n    x = 1\n",
        "class A:\n    @wraps\n    async def later(self):\n        return await self.now()\n\n    x = 1\n",
    ),
    (
        STUBS,
        "@@\ndef f1(a): ...\nclass A:\n    pass\ndef f2(a):\n    pass\n",
        "\ndef f1(a):\n    return a * 1\nclass A:\n    pass\ndef f2(a):\n    return a * 2\n",
    ),
    (
        SELECTED_STUBS,
        "def f1(a):\n    pass\n@@def f2(a):\n    pass\n@@",
        "def f1(a):\n    pass\ndef f2(a):\n    return a * 2\n",
    ),
    (
        REPAIR,
        "def broken(a):\n    value = (a + @@\n    return value\n",
        "def broken(a):\n    value = (a + 1)\n    return value\n",
    ),
]


@pytest.mark.parametrize(("title", "marked", "after"), ACTIONS)
def test_every_action_in_every_client(client: RawClient, title: str, marked: str, after: str) -> None:
    """Fails if an action writes something else, at another place, or in a form that the client does not take."""
    before, *rest = marked.split("@@")
    editor = edit(client, before + "".join(rest))
    place = {"start": editor.position(len(before)), "end": editor.position(len(before + (rest[0] if rest[1:] else "")))}
    assert editor.run(title, place) is not None
    assert after == editor.text


def test_edits_are_to_be_confirmed_and_versioned(vs_code: RawClient, plain: RawClient) -> None:
    """Fails if an edit could be made in another version, or without being shown where the client can show it."""
    text = "def add(a, b):\n    pass\n"
    editor = edit(vs_code, text)
    made = editor.run(FUNCTION, editor.range_of("pass", 0))
    (change,) = made["documentChanges"]
    assert {"uri": editor.uri, "version": 1} == change["textDocument"]
    (annotation,) = {each["annotationId"] for each in change["edits"]}
    assert made["changeAnnotations"][annotation]["needsConfirmation"] is True
    editor = edit(plain, text)
    made = editor.run(FUNCTION, editor.range_of("pass", 0))
    assert ["changes"] == list(made)
    assert [["newText", "range"]] == [sorted(each) for each in made["changes"][editor.uri]]


def test_a_glance_is_fast_and_calls_no_model(vs_code: RawClient) -> None:
    """Fails if the lightbulb needs the model or reads a file of 20,000 lines from end to end."""
    function = "def g{0}(a):\n    try:\n        return a\n    except ValueError:\n        pass\n    return {0}\n\n"
    editor = edit(vs_code, "".join(function.format(n) for n in range(2857)) + "def add(a, b):\n    pass\n")
    asked = len(vs_code.log)
    spent_ms = []
    for n in (0, 1400, 2856):
        for _ in range(3):
            began = time.perf_counter()
            assert [FUNCTION, STUBS] == editor.titles(editor.range_of(f"return {n}\n", 0))
            spent_ms.append((time.perf_counter() - began) * 1000)
    assert sorted(spent_ms)[len(spent_ms) // 2] < 60  # about 5 on a quiet machine
    assert [] == [line for line in vs_code.log[asked:] if "request" in line]


def test_only_the_kinds_that_are_asked_for(vs_code: RawClient) -> None:
    """Fails if a client that asks for quick fixes gets rewrites, or is not told why there is nothing."""
    editor = edit(vs_code, "def add(a, b):\n    pass\n")
    place = editor.range_of("pass", 0)
    assert [FUNCTION, STUBS] == editor.titles(place)
    assert [FUNCTION, STUBS] == [each["title"] for each in editor.actions(place, "refactor") if "disabled" not in each]
    assert [STUBS] == [each["title"] for each in editor.actions(place, "refactor.rewrite.dlm.fillStubs.file")]
    assert [] == editor.titles(place, "source.organizeImports")
    (repair,) = editor.actions(place, "quickfix")
    assert (REPAIR, "nothing is broken here") == (repair["title"], repair["disabled"]["reason"])


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("x = lambda: 1\n", ".py"),
        ("class P(Protocol):\n    x: int\n", ".py"),
        ("def f(a: int) -> int: ...\n", ".pyi"),
        ("", ".py"),
        ("def f():\n    pass\n", "/.env"),
    ],
)
def test_nothing_to_offer(vs_code: RawClient, text: str, suffix: str) -> None:
    """Fails if there is a lightbulb where nothing can be done."""
    editor = edit(vs_code, text, suffix)
    assert [] == editor.actions({"start": editor.position(0), "end": editor.position(0)})
    unknown = {
        "textDocument": {"uri": "file:///never-opened.py"},
        "range": editor.range_of(""),
        "context": {"diagnostics": []},
    }
    assert [] == vs_code.ask("textDocument/codeAction", unknown)["result"]


def test_off_means_off(start: StartServer, model: str) -> None:
    """Fails if something is offered or asked while the user has switched it off."""
    client = start(model)
    client.initialize({"enabled": False}, capabilities=VS_CODE)
    editor = edit(client, "def add(a, b):\n    pass\n")
    place = editor.range_of("pass", 0)
    assert [] == editor.actions(place)
    assert editor.execute("dlm-lsp.fillFunction", {"uri": editor.uri, "range": place, "version": 1}) is None
    assert 1 == len(editor.messages())
    assert [] == client.worker_ids()


def test_asked_again_the_next_answer_comes(vs_code: RawClient) -> None:
    """Fails if there is one answer only, the model is asked for each, or showing an answer uses it up."""
    editor = edit(vs_code, "def add(a, b):\n    pass\n")
    action = editor.action(FUNCTION, editor.range_of("pass", 0))
    before = len(vs_code.log)
    shown = vs_code.ask("codeAction/resolve", action)["result"]["edit"]
    vs_code.wait_until(lambda: any(" holes, " in line for line in vs_code.log[before:]))
    asked = len(vs_code.log)
    assert shown == editor.run(FUNCTION, editor.range_of("pass", 0))  # shown first, then used
    seen = [editor.text]
    for _ in range(2):
        assert editor.run(FUNCTION, editor.range_of("def", 0))
        seen.append(editor.text)
    bodies = ["return a + b", "return b + a", "c = a\n    return c + b"]
    assert [f"def add(a, b):\n    {body}\n" for body in bodies] == seen
    assert [] == [line for line in vs_code.log[asked:] if "request" in line]
    titles = editor.titles(editor.range_of("return", 0), "refactor.rewrite")[:2]
    assert ["Use answer 1 of 3: return a + b", "Use answer 2 of 3: return b + a"] == titles
    editor.run("Use answer 1 of 3: return a + b", editor.range_of("return", 0))
    assert seen[0] == editor.text
    assert [] == [line for line in vs_code.log[asked:] if "request" in line]


def test_old_clients_get_the_next_answer_too(old: RawClient) -> None:
    """Fails if a client that knows commands alone is sent anything else, or has no way to the other answers."""
    editor = edit(old, "def add(a, b):\n    pass\n")
    for body in ("return a + b", "return b + a"):
        assert editor.run(FUNCTION, editor.range_of("def", 0))
        assert f"def add(a, b):\n    {body}\n" == editor.text
        assert [["arguments", "command", "title"]] == [
            sorted(each) for each in editor.actions(editor.range_of("def", 0))
        ]


def test_undone_and_asked_again(vs_code: RawClient) -> None:
    """Fails if the answer that was undone comes once more, or no new one is sought when all were seen."""
    editor = edit(vs_code, "def add(a, b):\n    pass\n")
    for body in ("return a + b", "return b + a", "c = a\n    return c + b"):
        assert editor.run(FUNCTION, editor.range_of("pass", 0))
        assert f"def add(a, b):\n    {body}\n" == editor.text
        editor.type("def add(a, b):\n    pass\n")
    asked = len(vs_code.log)
    assert not editor.run(FUNCTION, editor.range_of("pass", 0))  # the script has no other
    vs_code.wait_until(lambda: any(" holes, " in line for line in vs_code.log[asked:]))


def test_nothing_that_fits(client: RawClient) -> None:
    """Fails if what breaks the file is offered, or the user waits for nothing without a word."""
    editor = edit(client, "def bad(a):\n    pass\n")
    told = len(editor.messages())
    assert not editor.run(FUNCTION, editor.range_of("pass", 0))
    assert "def bad(a):\n    pass\n" == editor.text
    assert ["dlm-lsp: nothing that fits was found"] == editor.messages()[told:]


def test_broken_answers_for_those_who_want_them(plain: RawClient) -> None:
    """Fails if the setting that shows what breaks the file is not heard here."""
    editor = edit(plain, "def bad(a):\n    pass\n")
    for wanted in (True, False):
        plain.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"showBroken": wanted}}})
        editor.type("def bad(a):\n    pass\n")
        editor.run(FUNCTION, editor.range_of("pass", 0))
        assert wanted is (editor.text == "def bad(a):\n    return (a\n")


def test_twenty_stubs_in_a_few_requests(vs_code: RawClient) -> None:
    """Fails if every stub costs a request of its own, one is forgotten, or text between them changes."""
    stubs = [f"# {n}\ndef f{n}(a):\n    pass\n\n\n" for n in range(20)]
    editor = edit(vs_code, "import os\n\n\n" + "".join(stubs) + "x = 1\n")
    asked = len(vs_code.log)
    assert editor.run(STUBS, editor.range_of("import", 0))
    filled = [f"# {n}\ndef f{n}(a):\n    return a * {n}\n\n\n" for n in range(20)]
    assert "import os\n\n\n" + "".join(filled) + "x = 1\n" == editor.text
    vs_code.wait_until(lambda: 4 <= sum(" holes, " in line for line in vs_code.log[asked:]))
    assert 4 == sum(" holes, " in line for line in vs_code.log[asked:])


def test_stubs_that_cannot_be_filled_stay(vs_code: RawClient) -> None:
    """Fails if one answer that does not fit spoils the others, or the user is not told."""
    editor = edit(vs_code, "def f1(a):\n    pass\ndef bad(a):\n    ...\ndef f2(a):\n    pass\n")
    told = len(editor.messages())
    assert editor.run(STUBS, editor.range_of("def f1", 0))
    assert "def f1(a):\n    return a * 1\ndef bad(a):\n    ...\ndef f2(a):\n    return a * 2\n" == editor.text
    assert ["dlm-lsp: 2 of 3 were filled; nothing that fits was found for the others"] == editor.messages()[told:]


def test_progress_of_many_stubs_and_its_stop_button(slow: RawClient) -> None:
    """Fails if a long action shows nothing, or goes on when it is stopped."""
    editor = edit(slow, "def f1(a):\n    pass\n" * 5 + "def long(a, b):\n    pass\n" * 7)
    place = {"uri": editor.uri, "range": editor.range_of("def", 0), "version": 1}
    request = slow.request("workspace/executeCommand", {"command": "dlm-lsp.fillStubs", "arguments": [place]})

    def bars() -> dict[str, list[Message]]:
        sent = [note["params"] for note in slow.notifications if note["method"] == "$/progress"]
        by_token = {
            params["token"]: [each["value"] for each in sent if each["token"] == params["token"]] for params in sent
        }
        return {values[0]["title"]: [{"token": token}, *values] for token, values in by_token.items()}

    editor.wait_until(lambda: any("5 of 12" in str(value.get("message")) for value in bars().get(STUBS, [])))
    token, begin, *_ = bars()[STUBS]
    assert ("begin", True) == (begin["kind"], begin["cancellable"])
    told = len(slow.log)
    slow.notify("window/workDoneProgress/cancel", token)
    assert CANCELLED == error_code(slow.answer(request, timeout_s=2))
    slow.wait_until(lambda: any(": cancelled, " in line for line in slow.log[told:]), timeout_s=5)
    slow.wait_until(lambda: "end" == bars()[STUBS][-1]["kind"])
    assert 1 == editor.version


@pytest.mark.parametrize("how", ["off", "free"])
def test_switched_off_in_the_middle(slow_model: str, how: str) -> None:
    """Fails if the canvases that are left load the model again that the user has just taken out of memory."""
    with _client(slow_model, VS_CODE) as client:
        load(client)
        editor = edit(client, "def f1(a):\n    pass\n" * 5 + "def long(a, b):\n    pass\n" * 7)
        request = client.request("codeAction/resolve", editor.action(STUBS, editor.range_of("def", 0)))
        client.wait_for_log(" 5 holes, 1 ways")
        if how == "off":
            client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"enabled": False}}})
        else:
            client.request("dlm-lsp/free", None)
        assert 5 == len(client.answer(request)["result"]["edit"]["documentChanges"][0]["edits"])
        assert ["dlm-lsp: 5 of 12 were filled; the model was stopped for the others"] == editor.messages()
        client.wait_until(lambda: client.worker_ids() == [], timeout_s=5)


def test_cancelled_while_it_resolves(slow: RawClient) -> None:
    """Fails if the editor waits for the model, or the model works on for nobody."""
    editor = edit(slow, "def long(a, b):\n    pass\n")
    request = slow.request("codeAction/resolve", editor.action(FUNCTION, editor.range_of("pass", 0)))
    time.sleep(0.5)
    told = len(slow.log)
    slow.cancel(request)
    assert CANCELLED == error_code(slow.answer(request, timeout_s=2))
    slow.wait_until(lambda: any(": cancelled, " in line for line in slow.log[told:]), timeout_s=5)


def test_typing_does_not_cancel_an_action(slow: RawClient) -> None:
    """Fails if an action goes under with the next keystroke, or its edit is made in text that was typed meanwhile."""
    text = "x = 1\ndef long(a, b):\n    pass\n"
    for typed, after in (("y = 2\nx = 1", "y = 2\n" + text.replace("pass", LONG)), ("x = 1\nz = 3", None)):
        editor = edit(slow, text)
        request = slow.request("codeAction/resolve", editor.action(FUNCTION, editor.range_of("pass", 0)))
        time.sleep(0.2)
        editor.type(text.replace("x = 1", typed) if after else text.replace("pass", "return 0"))
        slow.request_inline(editor.uri, 0, 0, trigger=2)
        action = slow.answer(request)["result"]
        if after:
            assert 2 == action["edit"]["documentChanges"][0]["textDocument"]["version"]
            editor.make(action["edit"])
            assert after == editor.text
        else:
            assert "edit" not in action
            assert "dlm-lsp: the document has changed meanwhile: ask again" in editor.messages()


def test_an_action_for_an_older_version(vs_code: RawClient) -> None:
    """Fails if a range that was meant for another text is used."""
    editor = edit(vs_code, "def add(a, b):\n    pass\n")
    place = editor.range_of("pass", 0)
    action = editor.action(FUNCTION, place)
    editor.type("# new\ndef add(a, b):\n    pass\n")
    asked = len(vs_code.log)
    assert "edit" not in vs_code.ask("codeAction/resolve", action)["result"]
    assert editor.execute("dlm-lsp.fillFunction", {"uri": editor.uri, "range": place, "version": 1}) is None
    assert [] == [line for line in vs_code.log[asked:] if "request" in line]
    assert editor.execute("dlm-lsp.fillFunction", {"uri": editor.uri, "range": place})
    assert "# new\ndef add(a, b):\n    return a + b\n" == editor.text


def test_a_worker_killed_in_the_middle(slow: RawClient) -> None:
    """Fails if an action is lost with the worker that it was sent to."""
    editor = edit(slow, "def long(a, b):\n    pass\n")
    request = slow.request("codeAction/resolve", editor.action(FUNCTION, editor.range_of("pass", 0)))
    time.sleep(0.5)
    kill_worker(slow)
    editor.make(slow.answer(request)["result"]["edit"])
    assert f"def long(a, b):\n    {LONG}\n" == editor.text


def test_a_model_that_cannot_be_loaded(start: StartServer, tmp_path: Path) -> None:
    """Fails if the user who asked is not told why nothing comes."""
    client = start(str(tmp_path / "no-such-folder"))
    client.initialize(capabilities=VS_CODE)
    editor = edit(client, "def add(a, b):\n    pass\n")
    assert not editor.run(FUNCTION, editor.range_of("pass", 0))
    assert any("no-such-folder" in message for message in editor.messages())


def test_a_selection_that_is_too_long(vs_code: RawClient) -> None:
    """Fails if a page is replaced by the few lines that the model can write."""
    editor = edit(vs_code, "x = [1, 2, 3]\n" * 400)
    told = len(editor.messages())
    everything = {"start": editor.position(0), "end": editor.position(len(editor.text))}
    assert not editor.run(REGENERATE, everything)
    assert ["dlm-lsp: that is too long for the model to write at once"] == editor.messages()[told:]


def test_what_was_least_sure_in_an_accepted_answer(vs_code: RawClient) -> None:
    """Fails if the answer that was accepted is not recognised, or the whole of it is written anew."""
    editor = edit(vs_code, "def unsure(a, b):\n    \n")
    item = vs_code.inline(editor.uri, 1, 4)["items"][0]
    assert UNSURE not in editor.titles(editor.range_of("def", 0))
    editor.type(f"def unsure(a, b):\n    {item['insertText']}\n")
    end = editor.range_of(item["insertText"])["end"]
    vs_code.inline(editor.uri, **end, trigger=2)  # as editors do at once
    made = editor.run(UNSURE, editor.range_of("def", 0))
    assert made is not None
    assert "def unsure(a, b):\n    total = a + b\n" == editor.text
    editor.type("def unsure(a, b):\n    return b\n")
    assert UNSURE not in editor.titles(editor.range_of("def", 0))


@pytest.mark.parametrize("arguments", [[], [1], [{}], [{"uri": "file:///a.py"}], [{"uri": 1, "range": {}}], [{}, {}]])
def test_arguments_that_are_none(vs_code: RawClient, arguments: list[Any]) -> None:
    """Fails if nonsense is not refused, or harms the server."""
    params = {"command": "dlm-lsp.repair", "arguments": arguments}
    assert -32602 == error_code(vs_code.ask("workspace/executeCommand", params))
    action = {"title": "Repair", "data": {"action": "repair", "place": arguments}}
    assert -32602 == error_code(vs_code.ask("codeAction/resolve", action))


def test_a_client_that_takes_no_edits(start: StartServer, model: str) -> None:
    """Fails if an edit is sent to a client that has said it makes none."""
    client = start(model)
    client.initialize(capabilities=capabilities({}, {}, apply_edit=False))
    editor = edit(client, "def add(a, b):\n    pass\n")
    made = editor.run(FUNCTION, editor.range_of("pass", 0))
    assert "return a + b" == made["changes"][editor.uri][0]["newText"]
    assert 1 == editor.version


async def test_as_lsprotocol_sees_it(model: str) -> None:
    """Fails if an answer does not fit lsprotocol's types or what was announced."""
    client = await ClientServerConfig(server_command=[*SERVE, "--model", model, *SERVER]).start()
    resolves = types.ClientCodeActionResolveOptions(properties=["edit"])
    literals = types.ClientCodeActionLiteralOptions(types.ClientCodeActionKindOptions(value_set=[""]))
    can = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            code_action=types.CodeActionClientCapabilities(
                data_support=True, resolve_support=resolves, code_action_literal_support=literals
            )
        ),
        workspace=types.WorkspaceClientCapabilities(
            workspace_edit=types.WorkspaceEditClientCapabilities(
                document_changes=True, change_annotation_support=types.ChangeAnnotationsSupportOptions()
            )
        ),
    )
    await client.initialize_session(types.InitializeParams(can))
    uri = "file:///typed.py"
    document = types.TextDocumentItem(uri, "python", 1, "def add(a, b):\n    pass\n")
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    place = types.Range(types.Position(1, 4), types.Position(1, 4))
    context = types.CodeActionContext(diagnostics=[])
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, context)
    function, stubs = await client.text_document_code_action_async(params)
    assert [FUNCTION, STUBS] == [function.title, stubs.title]
    resolved = await client.code_action_resolve_async(function)
    (change,) = resolved.edit.document_changes
    assert (uri, 1) == (change.text_document.uri, change.text_document.version)
    assert ["return a + b"] == [each.new_text for each in change.edits]
    await client.shutdown_session()
    await client.stop()
