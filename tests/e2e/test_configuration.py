"""Settings as editors give them: at the start, pushed, or when they are asked, for the window and for its folders."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.raw_client import Message, RawClient

SECTION = "dlm-lsp"
ADD = "def add(a, b):\n    \n"
ONE, TWO = "file:///code/one", "file:///code/two"
CHANGED = "workspace/didChangeConfiguration"


class Editor(RawClient):
    """A client that answers when it is asked for its settings."""

    def __init__(self, *arguments: str) -> None:
        self.settings: dict[str | None, Any] = {}
        """By scope."""
        self.asked: list[list[str | None]] = []
        self.registered: list[Message] = []
        super().__init__(*arguments, "--device", "cpu", "--threads", "1")

    def on_request(self, message: Message) -> object:
        if message["method"] == "workspace/configuration":
            items = message["params"]["items"]
            assert {SECTION} == {item["section"] for item in items}
            self.asked.append([item.get("scopeUri") for item in items])
            return [self.settings.get(scope) for scope in self.asked[-1]]
        if message["method"] == "client/registerCapability":
            self.registered += message["params"]["registrations"]
            return None
        return super().on_request(message)

    def is_on(self, uri: str) -> bool:
        """Whether there are completions in a document."""
        self.open(uri, ADD)
        return [] != self.inline(uri, 1, 4)["items"]

    def warnings(self) -> list[str]:
        """Give what the user was shown."""
        return [note["params"]["message"] for note in self.notifications if note["method"] == "window/showMessage"]


@pytest.fixture
def editor(fast_model: str) -> Editor:
    """Start a server for an editor with settings."""
    with Editor("--model", fast_model) as editor:
        yield editor


def capabilities(pull: bool = True, register: bool = False) -> Message:
    """Say what the editor can do."""
    workspace = {"configuration": pull, "didChangeConfiguration": {"dynamicRegistration": register}}
    return {"textDocument": {"inlineCompletion": {}}, "workspace": {**workspace, "workspaceFolders": True}}


def folders(*uris: str) -> list[Message]:
    """Give workspace folders."""
    return [{"uri": uri, "name": uri[-3:]} for uri in uris]


def test_settings_are_asked_for_before_the_model_is_loaded(fast_model: str) -> None:
    """Fails if the default model is loaded first although the editor's settings name another one."""
    with Editor("--model", "/no/such/folder") as editor:
        editor.settings[None] = {"model": fast_model}
        editor.initialize(capabilities=capabilities())
        assert editor.is_on("file:///a.py")
        assert [[None]] == editor.asked
        assert [] == editor.warnings()


def test_an_editor_that_says_nothing_is_not_waited_for(editor: Editor) -> None:
    """Fails if null, or no list at all, for an answer costs the completions or the options of the start."""
    for answer in ([None], None, {}, [1, 2]):
        editor.on_request = lambda _message, answer=answer: answer
        if answer == [None]:
            editor.initialize({"candidates": 1}, capabilities=capabilities())
        else:
            editor.notify(CHANGED, {"settings": None})
        assert editor.is_on("file:///a.py")
    assert [] == editor.warnings()


def test_folders_have_settings_of_their_own(editor: Editor) -> None:
    """Fails if a folder's setting holds elsewhere, or a folder that comes or goes is not noticed."""
    editor.settings = {TWO: {"enabled": False}}
    editor.initialize(capabilities=capabilities(), workspaceFolders=folders(ONE, TWO))
    assert [True, False, True] == [editor.is_on(uri) for uri in (ONE + "/a.py", TWO + "/a.py", "file:///code/c.py")]
    assert [[None, ONE, TWO]] == editor.asked
    assert 2 == editor.ask("dlm-lsp/status", None)["result"]["counts"]["asked"]
    editor.settings[ONE] = {"enabled": False}
    event = {"event": {"added": [], "removed": folders(TWO)}}
    editor.notify("workspace/didChangeWorkspaceFolders", event)
    editor.wait_until(lambda: [None, ONE] == editor.asked[-1] and not editor.is_on(ONE + "/b.py"))
    assert [False, True] == [editor.is_on(uri) for uri in (ONE + "/b.py", TWO + "/b.py")]


def test_off_everywhere_frees_the_model(editor: Editor) -> None:
    """Fails if a worker stays although nobody wants completions, or goes while one folder does."""
    editor.settings = {ONE: {"enabled": True}, None: {"enabled": False}}
    editor.initialize(capabilities=capabilities(), workspaceFolders=folders(ONE))
    assert [True, False] == [editor.is_on(uri) for uri in (ONE + "/a.py", "file:///a.py")]
    editor.settings[ONE] = {}
    editor.notify(CHANGED, {"settings": None})
    editor.wait_until(lambda: [] == editor.worker_ids())
    assert not editor.is_on(ONE + "/b.py")
    assert "off" == editor.ask("dlm-lsp/status", None)["result"]["state"]
    assert [] == editor.worker_ids()


def test_what_is_taken_out_of_the_settings_is_as_before(editor: Editor) -> None:
    """Fails if a setting stays in force that the user has deleted."""
    editor.initialize(capabilities=capabilities(pull=False))
    editor.notify(CHANGED, {"settings": {SECTION: {"enabled": False}}})
    assert not editor.is_on("file:///a.py")
    editor.notify(CHANGED, {"settings": {SECTION: {}}})
    assert editor.is_on("file:///a.py")
    editor.notify(CHANGED, {"settings": {"other": {"enabled": False}}})
    assert editor.is_on("file:///b.py")


@pytest.mark.parametrize(("pull", "options"), [(True, None), (False, {"section": SECTION})])
def test_changes_are_registered_for_where_the_editor_wants_it(editor: Editor, pull: bool, options: object) -> None:
    """Fails if VS Code never tells us of a change, or pushes nothing to a server that cannot ask."""
    editor.initialize(capabilities=capabilities(pull, register=True))
    editor.wait_until(lambda: editor.registered)
    (registration,) = editor.registered
    assert (CHANGED, options) == (registration["method"], registration.get("registerOptions"))


def test_wrong_settings_are_named_once(editor: Editor) -> None:
    """Fails if the same typing error is told again at every change, or another one is not told."""
    editor.settings = {None: {"deadlineMs": "soon"}, ONE: {"deadlineMs": "soon"}}
    editor.initialize(capabilities=capabilities(), workspaceFolders=folders(ONE))
    for number in (2, 3):
        editor.notify(CHANGED, {"settings": None})
        editor.wait_until(lambda number=number: number == len(editor.asked))
    assert editor.is_on(ONE + "/a.py")
    assert 1 == len(editor.warnings())
    editor.settings[ONE] = {"colour": 1}
    editor.notify(CHANGED, {"settings": None})
    editor.wait_until(lambda: 2 == len(editor.warnings()))
    assert "deadlineMs" in editor.warnings()[0]
    assert "colour" in editor.warnings()[1]
    assert "deadlineMs" not in editor.warnings()[1]


def test_options_of_the_start_may_be_in_our_section(editor: Editor, fast_model: str) -> None:
    """Fails if an editor that has one object for options and settings is told that its section is unknown."""
    editor.initialize({SECTION: {"enabled": False, "model": fast_model}}, capabilities=capabilities(pull=False))
    assert not editor.is_on("file:///a.py")
    assert [] == editor.warnings()


def test_a_decoder_may_order_the_calls_itself(editor: Editor) -> None:
    """Fails if a strategy cannot be set, or a drafter that cannot draft ends the worker, is a pop-up or is not told."""
    editor.settings[None] = {"sampler": "wino"}
    editor.initialize(capabilities=capabilities())
    assert editor.is_on("file:///a.py")
    editor.settings[None] = {"sampler": "dual:drafter=skip"}
    editor.notify(CHANGED, {"settings": None})
    editor.wait_until(lambda: 2 == len(editor.asked) and not editor.is_on("file:///b.py"))
    said = [note["params"]["message"] for note in editor.notifications if note["method"] == "window/logMessage"]
    assert any("drafter=skip needs a model with layers" in line for line in said)
    editor.settings[None] = {}
    editor.notify(CHANGED, {"settings": None})
    editor.wait_until(lambda: editor.is_on("file:///c.py"))
    assert [] == editor.warnings()


def test_a_wrong_way_to_decode_is_a_sentence_with_what_is_right(editor: Editor) -> None:
    """Fails if a name, a value or a pair that cannot be is not told, lacks what would be right, or costs the completions."""
    editor.settings[None] = {"sampler": "saber:mu=2", "cache": "hol", "length": "oracle", "threshold": 2}
    editor.initialize(capabilities=capabilities())
    assert editor.is_on("file:///a.py"), "the defaults are used"
    [warning] = editor.warnings()
    assert "sampler: the parameter 'mu' of 'saber' is 2; it must be 3 to 512" in warning
    assert "cache: there is no cache 'hol'; the nearest name is 'hole'" in warning
    assert "length: 'oracle' is for benchmarks only" in warning
    assert "threshold: 2 is not between 0 and 1" in warning
    editor.settings[None] = {"sampler": "dual:drafter=nano"}
    editor.notify(CHANGED, {"settings": None})
    editor.wait_until(lambda: 2 == len(editor.asked) and not editor.is_on("file:///b.py"))
    said = editor.ask("dlm-lsp/status", None)["result"]["lastMessage"]
    assert "the drafter 'nano' has another tokenizer than the model; take frozen, skip or a checkpoint" in said
    editor.settings[None] = {}
    editor.notify(CHANGED, {"settings": None})
    editor.wait_until(lambda: editor.is_on("file:///c.py"))


def test_a_number_format_that_is_not_there_is_said_once(
    start: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails if who has set a format is told nothing, not what to install, or again and again; or gets no answers for it."""
    tiny = Path(__file__).parents[1] / "data/reference/checkpoints/dream-tiny"
    (tmp_path / "onnx.py").write_text("raise ImportError('not here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client = start(str(tiny), "--dtype", "onnx-int8")
    client.initialize()
    client.open("file:///a.py", ADD)
    for character in (4, 3):
        client.inline("file:///a.py", 1, character)
    told = [note["params"] for note in client.notifications if note["method"] == "window/showMessage"]
    assert [2] == [note["type"] for note in told]
    status = client.ask("dlm-lsp/status", None)["result"]
    assert ("ready", "float32") == (status["state"], status["dtype"])
    for said in (told[0]["message"], status["message"]):
        assert "onnx-int8" in said
        assert "pip install 'dlm-lsp[onnx]'" in said
