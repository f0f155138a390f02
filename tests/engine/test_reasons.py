"""What a user is told where nothing is shown."""

import re
from dataclasses import replace

import pytest

from dlm_lsp.engine.reasons import why_nothing, why_withheld
from dlm_lsp.settings import Settings
from dlm_lsp.values import Candidate, InfillResult, Outcome, Trigger

FITS = Candidate(("return x",), -0.5, (0.6,), steps=4, rounds=0, parses=True)
BROKEN = replace(FITS, texts=("return (",), parses=False)
UNSURE = replace(FITS, mean_logprob=-9.0)


def result(outcome: Outcome, *candidates: Candidate, message: str = "") -> InfillResult:
    """Make what the worker said."""
    return InfillResult(1, 1, outcome, candidates, message=message)


@pytest.mark.parametrize(
    ("said", "trigger", "settings", "word"),
    [
        (result(Outcome.FAILED, message="the model died"), Trigger.AUTOMATIC, Settings(), "the model died"),
        (result(Outcome.LATE), Trigger.AUTOMATIC, Settings(), "deadlineMs"),
        (result(Outcome.CANCELLED), Trigger.AUTOMATIC, Settings(), "stopped"),
        (result(Outcome.EMPTY), Trigger.AUTOMATIC, Settings(), "empty"),
        (result(Outcome.EMPTY, message="withheld: blockVerbatim"), Trigger.AUTOMATIC, Settings(), "blockVerbatim"),
        (result(Outcome.FILLED, BROKEN), Trigger.AUTOMATIC, Settings(), "showBroken"),
        (result(Outcome.FILLED, UNSURE), Trigger.AUTOMATIC, Settings(), "minLogprob"),
        (result(Outcome.FILLED, UNSURE, BROKEN), Trigger.AUTOMATIC, Settings(), "showBroken"),
        (result(Outcome.FILLED, UNSURE), Trigger.INVOKED, Settings(), "already"),
        (result(Outcome.FILLED, FITS, BROKEN), Trigger.AUTOMATIC, Settings(), "showBroken"),
        (result(Outcome.FILLED, FITS), Trigger.AUTOMATIC, Settings(agreement=1), "agreement"),
        (result(Outcome.FILLED, FITS, UNSURE), Trigger.AUTOMATIC, Settings(), "minLogprob"),
        (result(Outcome.FILLED, BROKEN), Trigger.AUTOMATIC, Settings(show_broken=True), "already"),
    ],
)
def test_each_reason_has_its_sentence(said: InfillResult, trigger: Trigger, settings: Settings, word: str) -> None:
    """Fails if somebody who sees no answer is told nothing, or to turn the wrong knob."""
    assert word in why_nothing(said, settings, trigger)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (result(Outcome.LATE), ["deadline_ms"]),
        (result(Outcome.FILLED, BROKEN), ["show_broken"]),
        (result(Outcome.FILLED, UNSURE), ["min_logprob", "agreement"]),
    ],
)
def test_settings_are_spelled_as_the_reader_writes_them(said: InfillResult, names: list[str]) -> None:
    """Fails if who types a command is told the name that editors use."""
    told = why_nothing(said, Settings(), Trigger.AUTOMATIC, spell=lambda name: f"<{name}>")
    assert names == re.findall("<(.*?)>", told)


def test_each_candidate_has_its_word() -> None:
    """Fails if a candidate is said to be broken where the model was not sure, or sure enough where draws did not agree."""
    strict = Settings(agreement=2)
    assert ["unsure", "does not fit", "repeated or empty"] == [
        why_withheld(each, Settings(), Trigger.AUTOMATIC) for each in (UNSURE, BROKEN, FITS)
    ]
    assert ["unsure", "repeated or empty"] == [
        why_withheld(replace(FITS, agreeing=n), strict, Trigger.AUTOMATIC) for n in (1, 2)
    ]
