"""From the worker's answer to what may be shown: where that is found out."""

import asyncio
import threading

import pytest

from dlm_lsp.engine import gate
from dlm_lsp.engine.request import build_request
from dlm_lsp.lsp.asking import _admit
from dlm_lsp.settings import Settings
from dlm_lsp.values import Candidate, InfillResult, Outcome, Snapshot, Trigger
from dlm_lsp.wire import Hello

TEXT = "def f(x):\n    return "


@pytest.mark.parametrize(("parses", "expected"), [(True, True), (False, False)])
def test_what_has_to_be_judged_does_not_hold_up_the_others(parses: bool, expected: bool, monkeypatch) -> None:
    """Fails if a long function that is broken is read while the editor waits, or a thread is woken for what is judged already."""
    admit_all, here = gate.admit_all, []
    monkeypatch.setattr(gate, "admit_all", lambda *asked: here.append(threading.current_thread()) or admit_all(*asked))
    asked, settings = Snapshot("file:///a.py", "python", 1, TEXT + "\n", len(TEXT)), Settings()
    request = build_request(asked, settings, Hello(), request_id=1, trigger=Trigger.AUTOMATIC)
    answer = Candidate(("x; y = (",) if not parses else ("x",), -0.1, (), steps=1, rounds=0, parses=parses)
    result = InfillResult(1, 1, Outcome.FILLED, (answer,))
    admitted = asyncio.run(_admit(asked, request, result, settings))
    assert ["x"] == [each.text for each in admitted]
    assert [expected] == [thread is threading.current_thread() for thread in here]
