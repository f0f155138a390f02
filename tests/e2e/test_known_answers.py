"""What is known is answered without the model: seen in the log, where every question that the model was asked has a line."""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.raw_client import RawClient, empty_range, replace

AUTOMATIC = 2
LONG = "result = [value for value in a if value]\n    return result + b"
SCRIPT = {
    "rules": [
        {"after": "def long(a, b):\n    ", "before": "\n", "answer": LONG, "confidence": 0.97},
        {"after": "return result + b\n    ", "before": "\n", "answer": "b = a"},
        {
            "after": "def slow(a, b):\n    ",
            "before": "\n",
            "answer": "return " + "a + b + " * 6 + "a",
            "confidence": 0.5,
        },
        {"after": "def next(a, b):\n    ", "before": "\n", "answer": "x = a"},
        {"after": "def soon(a, b):\n    ", "before": "\n", "answer": "z = a"},
        {"after": "    z = a\n    ", "before": "\n", "answer": "return a" + " + b" * 6, "confidence": 0.5},
        {"after": "    x = a\n    ", "before": "\n", "answer": "y = " + "b + " * 20 + "b", "confidence": 0.5},
    ],
}
TEXT = "import os\n\n\ndef long(a, b):\n    \n\n\nCONSTANT = 1\n"
NOTHING = {"items": []}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    """Write the script with a pause in each model call; give the model's name."""

    def write(step_ms: int) -> str:
        path = tmp_path_factory.mktemp("known") / "script.json"
        path.write_text(json.dumps({**SCRIPT, "step_ms": step_ms}), encoding="utf-8")
        return f"scripted:{path}"

    return write


@pytest.fixture(scope="module")
def server(script: Callable[[int], str]) -> Iterator[RawClient]:
    """Give a server that prepares nothing, shared by the tests of this module."""
    with RawClient("--model", script(0), "--device", "cpu", "--threads", "1") as client:
        client.initialize({"prepare": False})
        yield client


@pytest.fixture
def preparing(script: Callable[[int], str]) -> Iterator[RawClient]:
    """Give a server that prepares, with model calls of 40 ms."""
    with RawClient("--model", script(40), "--device", "cpu", "--threads", "1") as client:
        client.initialize({"prepare": True, "deadlineMs": 60000})
        yield client


class Typist:
    """Somebody who types in one document, and an editor that asks at the cursor after every key."""

    def __init__(self, client: RawClient, uri: str, text: str = TEXT, mark: str = "    \n") -> None:
        self.client, self.uri, self.text, self.version = client, uri, text, 1
        self.cursor = text.index(mark) + len(mark) - 1
        client.open(uri, text)

    def place(self, offset: int) -> tuple[int, int]:
        before = self.text[:offset]
        return before.count("\n"), len(before) - before.rfind("\n") - 1

    def edit(self, start: int, end: int, text: str) -> None:
        self.version += 1
        self.client.change(self.uri, self.version, replace(self.place(start), self.place(end), text))
        self.text = self.text[:start] + text + self.text[end:]

    def type(self, text: str) -> None:
        self.edit(self.cursor, self.cursor, text)
        self.cursor += len(text)

    def delete(self, count: int) -> None:
        self.edit(self.cursor - count, self.cursor, "")
        self.cursor -= count

    def ask(self, trigger: int = AUTOMATIC) -> int:
        return self.client.request_inline(self.uri, *self.place(self.cursor), trigger=trigger)

    def see(self, trigger: int = AUTOMATIC) -> list[str]:
        told = len(outcomes(self.client))
        result = self.client.answer(self.ask(trigger))["result"]
        self.client.wait_until(lambda: len(outcomes(self.client)) > told)  # the log's line may come after the answer
        assert all(empty_range(*self.place(self.cursor)) == item["range"] for item in result["items"])
        return [item["insertText"] for item in result["items"]]


def outcomes(client: RawClient, trigger: str = r"\w+") -> list[str]:
    """Give what became of each question, in order: "known", or what the model said."""
    line_of = re.compile(rf" request \d+ v\d+ {trigger}: (\w+)")
    return [found[1] for line in list(client.log) if (found := line_of.search(line))]


def state(client: RawClient) -> str:
    """Give what the status line shows."""
    return client.ask("dlm-lsp/status", {})["result"]["state"]


def test_typing_through_an_answer_needs_no_model(server: RawClient) -> None:
    """Fails if a key inside a suggestion asks the model again, or changes what is left of it: two lines may not become one."""
    typist = Typist(server, "file:///through.py")
    assert [LONG] == typist.see()
    asked = len(outcomes(server))
    assert len(LONG) >= 60
    for typed in range(1, len(LONG)):
        typist.type(LONG[typed - 1])
        assert [LONG[typed:]] == typist.see()
    server.wait_until(lambda: len(outcomes(server)) == asked + len(LONG) - 1)
    assert {"known"} == set(outcomes(server)[asked:])


def test_undo_return_and_retyping_need_no_model(server: RawClient) -> None:
    """Fails if a place that was answered is asked again when the user comes back to it, whichever way."""
    typist = Typist(server, "file:///undo.py")
    assert [LONG] == typist.see()
    asked = len(outcomes(server))
    typist.type("res")
    assert [LONG[3:]] == typist.see()
    typist.delete(3)  # deleted again
    assert [LONG] == typist.see()
    here, typist.cursor = typist.cursor, len("import os")
    typist.type("\nimport re")  # an edit elsewhere, taken back
    typist.edit(len("import os"), len("import os\nimport re"), "")
    typist.cursor = here
    assert [LONG] == typist.see()
    server.wait_until(lambda: len(outcomes(server)) == asked + 3)
    assert ["known"] * 3 == outcomes(server)[asked:]


def test_an_edit_elsewhere_in_the_slice_asks_anew(server: RawClient) -> None:
    """Fails if an old answer is repeated although the code around it has changed."""
    typist = Typist(server, "file:///elsewhere.py")
    assert [LONG] == typist.see()
    asked = len(outcomes(server))
    at = typist.text.index("CONSTANT")
    typist.edit(at, at + 8, "VARIABLE")
    assert [LONG] == typist.see()
    server.wait_until(lambda: len(outcomes(server)) == asked + 1)
    assert ["filled"] == outcomes(server)[asked:]


def test_nothing_is_known_too(server: RawClient) -> None:
    """Fails if a place where the model has nothing to say costs a model call at every look, or the key for it does nothing."""
    typist = Typist(server, "file:///nothing.py", "nobody(\n", "(\n")
    asked = len(outcomes(server))
    assert [[], [], []] == [typist.see(), typist.see(), typist.see(trigger=1)]
    server.wait_until(lambda: len(outcomes(server)) == asked + 3)
    assert ["empty", "known", "empty"] == outcomes(server)[asked:]


def test_settings_empty_the_memory(server: RawClient) -> None:
    """Fails if an answer of other settings is repeated after they were changed."""
    typist = Typist(server, "file:///settings.py")
    assert [LONG] == typist.see()
    asked = len(outcomes(server))
    server.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"threshold": 0.8}}})
    assert [[LONG], [LONG]] == [typist.see(), typist.see()]
    server.wait_until(lambda: len(outcomes(server)) == asked + 2)
    assert ["filled", "known"] == outcomes(server)[asked:]
    server.notify("workspace/didChangeConfiguration", {"settings": {"dlm-lsp": {"threshold": 0.9}}})


def test_the_same_question_twice_at_once_is_one_for_the_model(script: Callable[[int], str]) -> None:
    """Fails if an editor that asks again at once makes the model begin anew, or gets no answer."""
    with RawClient("--model", script(40), "--device", "cpu", "--threads", "1") as client:
        client.initialize({"prepare": False, "deadlineMs": 60000})
        alone = Typist(client, "file:///alone.py", "def slow(a, b):\n    \n")
        alone.see(trigger=1)  # the model is loaded
        twice = Typist(client, "file:///twice.py", "x = 1\n\n\ndef slow(a, b):\n    \n")
        began = time.monotonic()
        first = twice.ask(trigger=1)
        time.sleep(0.4)
        second = twice.ask(trigger=1)
        texts = [item["insertText"] for item in client.answer(first)["result"]["items"]]
        took = time.monotonic() - began
        assert texts == [item["insertText"] for item in client.answer(second)["result"]["items"]]
        assert texts
        assert time.monotonic() - began < 1.3 * took
        assert took > 0.8  # there was something to share


def test_a_warm_start_after_an_edit_nearby(script: Callable[[int], str]) -> None:
    """Fails if the old answer is not sent along when that is wanted, or the model begins from masks all the same."""
    with RawClient("--model", script(0), "--device", "cpu", "--threads", "1") as client:
        client.initialize({"prepare": False, "warmStart": True})
        typist = Typist(client, "file:///warm.py", "def slow(a, b):\n    \n\n\nCONSTANT = 1\n")
        before = typist.see()
        at = typist.text.index("CONSTANT")
        typist.edit(at, at + 8, "VARIABLE")
        assert before == typist.see()
        client.wait_until(lambda: len(outcomes(client)) == 2)
        steps = [int(found[1]) for line in client.log if (found := re.search(r" (\d+) steps", line))]
        assert 1 == steps[1]
        assert 10 < steps[0]


def test_accepting_finds_the_next_answer_ready(preparing: RawClient) -> None:
    """Fails if the answer behind an accepted one is not prepared in a pause, or is not offered, or the log lies about its origin."""
    typist = Typist(preparing, "file:///accept.py")
    assert [LONG] == typist.see()
    preparing.wait_for_log(" ahead: filled, 1 admitted")
    typist.type(LONG)
    began = time.monotonic()
    assert ["\n    b = a"] == typist.see()
    assert time.monotonic() - began < 1
    typist.type("\n    ")
    assert ["b = a"] == typist.see()
    preparing.wait_until(lambda: ["filled", "filled", "known", "known"] == outcomes(preparing)[:4])
    prepared = next(found[1] for line in preparing.log if (found := re.search(r" request (\d+) v\d+ ahead: ", line)))
    assert 2 == sum(f"known from {prepared}," in line for line in preparing.log)


def test_accepting_waits_for_what_is_being_prepared(preparing: RawClient) -> None:
    """Fails if the model begins anew with what it has nearly done."""
    typist = Typist(preparing, "file:///soon.py", "def soon(a, b):\n    \n")
    assert ["z = a"] == typist.see()
    preparing.wait_until(lambda: state(preparing) == "busy")
    time.sleep(0.3)
    typist.type("z = a")
    assert ["\n    return a" + " + b" * 6] == typist.see()
    assert [] == [line for line in preparing.log if "cancelled" in line]
    preparing.wait_until(lambda: ["filled", "known"] == outcomes(preparing, trigger="automatic"))


def test_accepting_at_once_gets_what_a_pause_would_have_prepared(preparing: RawClient) -> None:
    """Fails if who accepts before anything is prepared gets nothing, or an answer for another place than later."""
    typist = Typist(preparing, "file:///once.py")
    assert [LONG] == typist.see()
    typist.type(LONG)
    assert ["\n    b = a"] == typist.see()


def test_nothing_is_prepared_behind_what_is_not_offered_any_more(preparing: RawClient) -> None:
    """Fails if the model works behind an offer that was typed over, because the pause after it is over."""
    typist = Typist(preparing, "file:///gone.py")
    assert [LONG] == typist.see()
    typist.type('x = "')  # nobody is asked in a string
    assert [] == typist.see()
    time.sleep(1)
    assert not any(" ahead: filled" in line for line in preparing.log)


def test_what_is_prepared_gives_way(preparing: RawClient) -> None:
    """Fails if a question waits for an answer that is prepared for later: that one takes 40 model calls of 40 ms."""
    typist = Typist(preparing, "file:///way.py", "def next(a, b):\n    \n\n\ndef long(a, b):\n    \n")
    assert ["x = a"] == typist.see()
    time.sleep(0.6)  # the pause is over, the model is at work
    assert not any(" ahead: " in line for line in preparing.log)
    other = Typist(preparing, "file:///other.py")
    began = time.monotonic()
    assert [LONG] == other.see()
    quick = time.monotonic() - began
    preparing.wait_for_log(" ahead: cancelled")
    preparing.wait_for_log(": cancelled, ")
    fresh = Typist(preparing, "file:///fresh.py")
    began = time.monotonic()
    assert [LONG] == fresh.see()
    assert quick < time.monotonic() - began + 0.5


def test_nothing_is_prepared_when_switched_off(server: RawClient) -> None:
    """Fails if the setting does not keep the model quiet."""
    typist = Typist(server, "file:///quiet.py")
    assert [LONG] == typist.see()
    time.sleep(0.6)
    assert not any(" ahead: " in line for line in server.log)
