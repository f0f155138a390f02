"""Cancelled, superseded and stormed with cancels: exactly one response to each request, and the model is left in peace."""

import random
import re
import time

from tests.e2e.conftest import LONG
from tests.e2e.raw_client import RawClient, replace

CANCELLED = -32800
AUTOMATIC = 2
BODY = "def long(a, b):\n    \n"


def error_code(message: dict) -> int | None:
    """Give the code of an error response, None of another."""
    return message.get("error", {}).get("code")


def test_cancelled_between_two_model_calls(slow: RawClient) -> None:
    """Fails if the editor waits for the model, or the model works on for nobody."""
    slow.open("file:///cancel.py", BODY)
    assert LONG == slow.inline("file:///cancel.py", 1, 4)["items"][0]["insertText"]  # the model is loaded
    slow.open("file:///again.py", BODY)
    request = slow.request_inline("file:///again.py", 1, 4)
    time.sleep(0.3)
    told = len(slow.log)
    began = time.monotonic()
    slow.cancel(request)
    assert CANCELLED == error_code(slow.answer(request))
    assert time.monotonic() - began < 0.5
    slow.wait_until(lambda: any(": cancelled, " in line for line in slow.log[told:]), timeout_s=5)
    (line,) = [line for line in slow.log[told:] if ": cancelled, " in line]
    spent_ms = int(re.search(r"(\d+) ms", line)[1])
    assert spent_ms < 1300  # decoding the whole answer takes 32 calls of 50 ms


def test_a_keystroke_supersedes_the_one_before(slow: RawClient) -> None:
    """Fails if two automatic requests of one document queue up, or an invoked one or another document's is cancelled."""
    for name in ("typed", "other"):
        slow.open(f"file:///{name}.py", BODY)
    invoked = slow.request_inline("file:///typed.py", 1, 4)
    elsewhere = slow.request_inline("file:///other.py", 1, 4, trigger=AUTOMATIC)
    older = slow.request_inline("file:///typed.py", 1, 4, trigger=AUTOMATIC)
    newer = slow.request_inline("file:///typed.py", 1, 4, trigger=AUTOMATIC)
    assert CANCELLED == error_code(slow.answer(older, timeout_s=2))
    for request in (invoked, newer, elsewhere):
        assert LONG == slow.answer(request)["result"]["items"][0]["insertText"]


def test_cancels_that_come_too_late_or_name_nothing(fast: RawClient) -> None:
    """Fails if a cancel for a finished or an unknown request disturbs anything."""
    fast.open("file:///late.py", "def add(a, b):\n    \n")
    request = fast.request_inline("file:///late.py", 1, 4)
    (item,) = fast.answer(request)["result"]["items"]
    fast.cancel(request)
    fast.cancel(987_654)
    assert [item["insertText"]] == [again["insertText"] for again in fast.inline("file:///late.py", 1, 4)["items"]]


def test_a_storm_of_cancels(fast: RawClient) -> None:
    """Fails if a request is lost or answered twice while requests, edits and cancels come at random."""
    rng = random.Random(7)
    uris = [f"file:///storm{n}.py" for n in range(3)]
    for uri in uris:
        fast.open(uri, "def add(a, b):\n    \n")
    requests: list[int] = []
    for version in range(2, 202):
        uri = rng.choice(uris)
        requests.append(fast.request_inline(uri, 1, 4, trigger=rng.choice([1, AUTOMATIC])))
        if rng.random() < 0.5:
            fast.cancel(rng.choice(requests))
        if rng.random() < 0.3:
            fast.change(uri, version, replace((2, 0), (2, 0), "# more\n"))
        if rng.random() < 0.2:
            time.sleep(rng.random() * 0.02)
    answers = [fast.answer(request) for request in requests]
    assert {None, CANCELLED} == {error_code(answer) for answer in answers}
    assert [1] * len(requests) == [fast.answers[request] for request in requests]
    fast.open("file:///after.py", "def add(a, b):\n    \n")
    assert "return a + b" == fast.inline("file:///after.py", 1, 4)["items"][0]["insertText"]
