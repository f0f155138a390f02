"""What the model repeats from its training texts is withheld where the user wants that, and the user is told."""

from pathlib import Path

import numpy as np
import pytest

from dlm_lsp.models.folders import TRAINED_ON
from dlm_lsp.models.scripted import read_script
from dlm_lsp.worker.pipeline import WITHHELD
from dlm_lsp.worker.verbatim import cut_blocks, write_blocks
from tests.e2e.action_editor import VS_CODE, Editor
from tests.e2e.conftest import StartServer, write_rules
from tests.e2e.raw_client import Message, RawClient

HEAD = "def add(a, b):\n    "
COPIED = "first = a[0] + b[0]\n    second = a[1] - b[1]\n    return first * second"
OWN = "def own(a, b):\n    "
RULES = [{"after": HEAD, "before": "\n", "answer": COPIED}, {"after": OWN, "before": "\n", "answer": "return a"}]


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Name a scripted model that was trained on one of its answers."""
    name = write_rules(tmp_path / "script.json", RULES)
    ids = read_script(tmp_path / "script.json").tokenizer.encode(COPIED)
    write_blocks(cut_blocks(np.array(ids, np.uint16)), tmp_path / TRAINED_ON)
    return name


def fill(client: RawClient, text: str, **settings: object) -> Message:
    """Fill the end of the second line of a new document."""
    uri = f"file:///{abs(hash(text))}.py"
    client.open(uri, text + "\n")
    place = {"line": 1, "character": 4}
    return client.ask("dlm-lsp/fill", {"textDocument": {"uri": uri}, "position": place, "settings": settings})["result"]


def test_a_copy_is_withheld_and_told(start: StartServer, model: str) -> None:
    """Fails if the setting does not reach the worker, the reason does not reach the user, or anything quotes what was withheld."""
    client = start(model)
    client.initialize({"blockVerbatim": True})
    for _ in range(2):  # what is known already is told as it was the first time
        withheld = fill(client, HEAD)
        assert ([], "empty", WITHHELD) == (withheld["items"], withheld["outcome"], withheld["message"])
    last = client.ask("dlm-lsp/lastAnswer", {})["result"]
    assert (WITHHELD, []) == (last["message"], last["candidates"])
    assert "first" not in str(last)
    client.wait_for_log(WITHHELD)
    assert "return a" == fill(client, OWN)["items"][0]["insertText"]
    assert COPIED == fill(client, HEAD, blockVerbatim=False)["items"][0]["insertText"]


def test_a_code_action_says_why_it_did_nothing(start: StartServer, model: str) -> None:
    """Fails if who asks for a whole function is told that nothing fits."""
    client = start(model)
    client.initialize({"blockVerbatim": True}, capabilities=VS_CODE)
    editor = Editor(client, "file:///stub.py", HEAD + "pass\n")
    assert not editor.run("Fill this function", editor.range_of("pass", 0))
    assert HEAD + "pass\n" == editor.text
    assert [f"dlm-lsp: {WITHHELD}"] == editor.messages()


def test_a_model_without_a_list_says_so(start: StartServer, fast_model: str) -> None:
    """Fails if answers come unchecked, or the user does not learn what to do."""
    client = start(fast_model)
    client.initialize({"blockVerbatim": True})
    failed = fill(client, HEAD)
    assert ([], "failed") == (failed["items"], failed["outcome"])
    assert "this model comes without a list of what it was trained on" in failed["message"]
    assert "switch it off or use the bundled model" in failed["message"]
