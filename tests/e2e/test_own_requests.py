"""Requests beyond the standard: fill now, status, switch, free, what the model saw, and what became of an item."""

import json
import shutil
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import save_file

from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.loading import Undrawn
from tests.e2e.conftest import LONG, StartServer, write_rules
from tests.e2e.raw_client import Message, RawClient, empty_range, without_commands

ADD = "def add(a, b):\n    \n"
BODY = "def long(a, b):\n    \n"
STATUS_WANTED = {"textDocument": {"inlineCompletion": {}}, "experimental": {"dlmLsp": {"didChangeStatus": True}}}


def fill(client: RawClient, uri: str, line: int, character: int, **more: object) -> Message:
    """Fill now; give the whole response."""
    place = {"line": line, "character": character}
    return client.ask("dlm-lsp/fill", {"textDocument": {"uri": uri}, "position": place, **more})


def status(client: RawClient) -> Message:
    """Ask for the status."""
    return client.ask("dlm-lsp/status", None)["result"]


def told(client: RawClient, method: str) -> list[Message]:
    """Give the params of the notifications of a method."""
    return [note["params"] for note in list(client.notifications) if note["method"] == method]


@pytest.fixture(scope="module")
def choosy(tmp_path_factory: pytest.TempPathFactory) -> RawClient:
    """Start a server whose model has two answers, and is unsure of both."""
    rule = {"after": "def add(a, b):\n    ", "before": "\n", "answer": "return a + b", "confidence": 0.95}
    model = write_rules(tmp_path_factory.mktemp("choosy") / "s.json", [{**rule, "alternatives": ["return b + a"]}])
    with RawClient("--model", model, "--device", "cpu", "--threads", "1") as client:
        client.initialize({"minLogprob": -0.01})
        yield client


def test_fill_answers_as_if_a_key_was_pressed(choosy: RawClient) -> None:
    """Fails if who asks by key is treated as who types, before or afterwards, or an item is not what inline completion would give."""
    choosy.open("file:///a.py", ADD)
    assert {"items": []} == choosy.inline("file:///a.py", 1, 4, trigger=2)
    result = fill(choosy, "file:///a.py", 1, 4)["result"]
    assert ("filled", "") == (result["outcome"], result["message"])
    assert result["ms"] > 0
    expected = {"insertText": "return a + b", "range": empty_range(1, 4)}
    assert [expected] == without_commands({"items": result["items"]})["items"]
    assert {"items": []} == choosy.inline("file:///a.py", 1, 4, trigger=2)


def test_fill_with_settings_of_its_own(choosy: RawClient) -> None:
    """Fails if settings of one request are ignored, stay in force, or wrong ones are not refused by name."""
    choosy.open("file:///a.py", ADD)
    texts = [len(fill(choosy, "file:///a.py", 1, 4, settings=s)["result"]["items"]) for s in ({"candidates": 2}, None)]
    assert [2, 1] == texts
    error = fill(choosy, "file:///a.py", 1, 4, settings={"candidates": "many"})["error"]
    assert -32602 == error["code"]
    assert "candidates" in error["message"]
    nothing = fill(choosy, "file:///a.py", 1, 4, settings={"enabled": False})["result"]
    assert ([], "off") == (nothing["items"], nothing["outcome"])
    assert "off" == fill(choosy, "file:///closed.py", 0, 0)["result"]["outcome"]
    assert "no-such" not in status(choosy)["model"]


def test_the_steps_can_be_watched(slow: RawClient) -> None:
    """Fails if who watches sees nothing, something that is no step, or the steps of somebody else."""
    slow.open("file:///watch.py", BODY)
    result = fill(slow, "file:///watch.py", 1, 4, watchToken="mine")["result"]
    assert LONG == result["items"][0]["insertText"]
    steps = [note["value"] for note in told(slow, "$/progress") if note["token"] == "mine"]
    assert list(range(1, len(steps) + 1)) == [step["step"] for step in steps]
    assert len(steps) == result["steps"]
    assert None in steps[0]["pieces"][0]
    assert LONG == "".join(steps[-1]["pieces"][0])
    assert {"denoise"} == {step["stage"] for step in steps}


def test_fill_can_be_cancelled_and_is_not_by_a_keystroke(slow: RawClient) -> None:
    """Fails if a request that somebody made by key is superseded, or cannot be taken back."""
    slow.open("file:///key.py", BODY)
    params = {"textDocument": {"uri": "file:///key.py"}, "position": {"line": 1, "character": 4}}
    kept, dropped = [slow.request("dlm-lsp/fill", params) for _ in range(2)]
    slow.request_inline("file:///key.py", 0, 8, trigger=2)
    slow.cancel(dropped)
    assert -32800 == slow.answer(dropped)["error"]["code"]
    assert LONG == slow.answer(kept)["result"]["items"][0]["insertText"]


def test_what_the_model_saw(choosy: RawClient) -> None:
    """Fails if the user cannot find out what left the document, what came back, and why it was not shown."""
    choosy.open("file:///seen.py", ADD)
    choosy.inline("file:///seen.py", 1, 4, trigger=2)
    about = {"textDocument": {"uri": "file:///seen.py"}}
    unsure = choosy.ask("dlm-lsp/lastAnswer", about)["result"]
    assert ([], ["unsure"]) == (unsure["shown"], [each["withheld"] for each in unsure["candidates"]])
    assert "The model is not sure" in unsure["message"]
    assert unsure["message"] == status(choosy)["lastMessage"]
    choosy.wait_for_log(f"; {unsure['message']}")
    choosy.inline("file:///seen.py", 1, 4, trigger=2)
    assert "asked about before" in status(choosy)["lastMessage"]
    fill(choosy, "file:///seen.py", 1, 4, settings={"seed": 5})
    seen = choosy.ask("dlm-lsp/lastAnswer", None)["result"]
    assert ADD == seen["request"]["window"]["prefix"] + seen["request"]["window"]["suffix"]
    assert ("invoked", 5, 5) == (seen["request"]["trigger"], seen["request"]["seed"], seen["settings"]["seed"])
    assert ("", "") == (seen["message"], status(choosy)["lastMessage"])
    assert (["return a + b"], [""]) == (seen["shown"], [each["withheld"] for each in seen["candidates"]])
    (candidate,) = seen["candidates"]
    assert len(candidate["tokenTexts"][0]) == len(candidate["tokenConfidence"])
    assert choosy.ask("dlm-lsp/lastAnswer", {"textDocument": {"uri": "file:///b.py"}})["result"] is None
    assert [] == [line for line in choosy.log if "return" in line]


def test_what_comes_only_when_asked_for_says_so(choosy: RawClient) -> None:
    """Fails if who types in a string believes that the model had nothing to say."""
    choosy.open("file:///text.py", 'name = "a "\n')
    assert {"items": []} == choosy.inline("file:///text.py", 0, 10, trigger=2)
    assert "inStrings" in status(choosy)["lastMessage"]


def test_what_became_of_an_item(fast: RawClient) -> None:
    """Fails if shown, accepted and rejected items are not counted, by notification or by the item's command."""
    fast.open("file:///fate.py", ADD)
    item = fill(fast, "file:///fate.py", 1, 4)["result"]["items"][0]
    answer, place = item["command"]["arguments"]
    before = status(fast)["counts"]
    for fate in ("shown", "accepted", "rejected"):
        fast.notify(f"dlm-lsp/{fate}", {"answer": answer, "item": place})
    fast.notify("dlm-lsp/shown", {"answer": 10**9})
    assert fast.ask("workspace/executeCommand", item["command"])["result"] is None
    counts = {name: count - before.get(name, 0) for name, count in status(fast)["counts"].items()}
    assert {"shown": 2, "accepted": 2, "rejected": 1} == {name: n for name, n in counts.items() if n}


def test_free_ends_the_worker_and_the_next_request_starts_one(start: StartServer, fast_model: str) -> None:
    """Fails if memory is not freed when the answer comes, or the model is gone for good."""
    client = start(fast_model)
    client.initialize(capabilities=STATUS_WANTED)
    client.open("file:///a.py", ADD)
    assert 1 == len(client.inline("file:///a.py", 1, 4)["items"])
    worker = psutil.Process(client.worker_ids()[0])
    assert client.ask("dlm-lsp/free", None)["result"] is None
    assert not worker.is_running()
    assert ("stopped", None) == (status(client)["state"], status(client)["device"])
    assert 1 == len(fill(client, "file:///a.py", 1, 4)["result"]["items"])
    assert ("ready", "cpu") == (status(client)["state"], status(client)["device"])
    assert client.leave() == 0


def test_free_ends_what_is_asked_now(start: StartServer, slow_model: str) -> None:
    """Fails if a request that runs when the model goes is left without an answer, or starts it again."""
    client = start(slow_model, "--deadline-ms", "60000")
    client.initialize()
    client.open("file:///a.py", BODY)
    client.inline("file:///a.py", 0, 0)
    request = client.request_inline("file:///a.py", 1, 4)
    time.sleep(0.2)
    client.ask("dlm-lsp/free", None)
    assert {"items": []} == client.answer(request)["result"]
    assert [] == client.worker_ids()


def test_switching_goes_on_with_the_old_model_where_the_new_one_fails(
    start: StartServer, fast_model: str, tmp_path: Path
) -> None:
    """Fails if a wrong name costs the completions or is a pop-up, or a good one is not used, or not said in the status."""
    other = write_rules(tmp_path / "other.json", [{"after": "def add(a, b):\n    ", "answer": "return 7"}])
    client = start(fast_model)
    client.initialize(capabilities=STATUS_WANTED)
    client.open("file:///a.py", ADD)
    assert "return a + b" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
    failed = client.ask("dlm-lsp/switchModel", {"model": str(tmp_path / "no-such-folder")})["result"]
    assert not failed["loaded"]
    assert "no-such-folder" in failed["message"]
    assert "return a + b" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
    assert {"loaded": True, "message": ""} == client.ask("dlm-lsp/switchModel", {"model": other})["result"]
    assert "return 7" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
    assert other == status(client)["model"]
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"candidates": 2}}})
    assert "return 7" == client.inline("file:///a.py", 1, 4)["items"][0]["insertText"]
    client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"model": str(tmp_path)}}})
    client.wait_until(lambda: "failed" == told(client, "dlm-lsp/didChangeStatus")[-1]["state"])
    client.wait_until(lambda: told(client, "window/showMessage"))
    assert 1 == len(told(client, "window/showMessage"))


def test_nothing_is_loaded_while_completions_are_off(start: StartServer, fast_model: str) -> None:
    """Fails if a request of ours brings a model into memory that the user has switched off."""
    client = start(fast_model)
    client.initialize({"enabled": False})
    client.open("file:///a.py", ADD)
    switched = client.ask("dlm-lsp/switchModel", {"model": fast_model})["result"]
    assert {"loaded": False, "message": "completions are switched off"} == switched
    assert [] == fill(client, "file:///a.py", 1, 4)["result"]["items"]
    client.ask("dlm-lsp/free", None)
    client.ask("workspace/executeCommand", {"command": "dlm-lsp.accepted", "arguments": [1, 0]})
    assert client.ask("dlm-lsp/lastAnswer", None)["result"] is None
    assert ([], "off") == (client.worker_ids(), status(client)["state"])


def test_the_status_is_told_to_those_who_want_it(start: StartServer, fast_model: str) -> None:
    """Fails if a status line is not told of a change or of an answer, another editor is, or the log holds code."""
    wants, plain = start(fast_model), start(fast_model)
    wants.initialize(capabilities=STATUS_WANTED)
    plain.initialize()
    for client in (wants, plain):
        client.open("file:///a.py", ADD)
        client.inline("file:///a.py", 1, 4)
        client.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"enabled": False}}})
        client.wait_until(lambda client=client: [] == client.worker_ids())
        client.ask("dlm-lsp/status", None)
    notes = [(note["state"], note["lastMs"] is not None) for note in told(wants, "dlm-lsp/didChangeStatus")]
    before_answer = [("loading", False), ("ready", False), ("busy", False), ("ready", False)]
    assert [*before_answer, ("ready", True), ("off", True)] == notes
    assert [] == told(plain, "dlm-lsp/didChangeStatus")
    lines = [note["message"].split()[0:2] for note in told(plain, "window/logMessage")]
    assert [["The", "model"], ["The", "model"], ["Completions", "are"]] == lines


def test_loading_is_shown_where_it_takes_long(start: StartServer) -> None:
    """Fails if the user stares at an editor that says nothing while the model loads, or the bar stays."""
    client = start("nano")
    shows = {"textDocument": {"inlineCompletion": {}}, "window": {"workDoneProgress": True}}
    client.on_request = lambda _message: None
    client.initialize(capabilities=shows)
    client.wait_until(lambda: "ready" == status(client)["state"])
    client.wait_until(lambda: any("end" == note["value"]["kind"] for note in told(client, "$/progress")))
    begin, *reports, end = [note["value"] for note in told(client, "$/progress")]
    assert {"kind": "begin", "title": "Loading nano", "cancellable": False}.items() <= begin.items()
    assert all("report" == report["kind"] for report in reports)
    assert {"kind": "end"} == end


def test_how_much_of_a_model_has_been_read(start: StartServer, tmp_path: Path) -> None:
    """Fails if who waits for a large model is not told how far it is, is told after it is there, or two bars are shown."""
    client = start(str(many_layers(tmp_path / "deep")))
    client.on_request = lambda _message: None
    client.initialize(capabilities=STATUS_WANTED | {"window": {"workDoneProgress": True}})
    client.wait_until(lambda: "ready" == status(client)["state"])
    assert status(client)["loadedPercent"] is None
    notes = [(note["state"], note["loadedPercent"]) for note in told(client, "dlm-lsp/didChangeStatus")]
    loading, ready = [percent for state, percent in notes if state == "loading"], notes[-1]
    assert ("ready", None) == ready
    assert sorted(set(loading)) == loading
    assert 0 == loading[0]
    assert any(0 < percent < 100 for percent in loading)
    client.wait_until(lambda: any("end" == note["value"]["kind"] for note in told(client, "$/progress")))
    begin, *reports, end = [note["value"] for note in told(client, "$/progress")]
    assert ["begin", "end"] == [begin["kind"], end["kind"]]
    percentages = [report["percentage"] for report in reports]
    assert set(percentages) <= set(loading)
    assert sorted(percentages) == percentages


def many_layers(folder: Path) -> Path:
    """Make a checkpoint that takes long to read for its size: of 700 layers of 16."""
    tiny = Path(__file__).parents[1] / "data/reference/checkpoints/dream-tiny"
    shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("*.safetensors*"))
    config = json.loads((tiny / "config.json").read_text()) | {
        "num_hidden_layers": 700,
        "hidden_size": 16,
        "intermediate_size": 16,
    }
    (folder / "config.json").write_text(json.dumps(config))
    with torch.device("meta"), Undrawn():
        wanted = DreamModel(DreamConfig.from_json(config)).state_dict()
    save_file({name: torch.zeros(tensor.shape) for name, tensor in wanted.items()}, folder / "model.safetensors")
    return folder
