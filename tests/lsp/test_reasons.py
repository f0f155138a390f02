"""What a user is told where nothing is shown."""

from dataclasses import replace

import pytest

from dlm_lsp.lsp.reasons import why_nothing, why_withheld
from dlm_lsp.lsp.tally import Answer
from dlm_lsp.settings import Settings
from dlm_lsp.values import Candidate, InfillResult, Outcome, Trigger

FITS = Candidate(("return x",), -0.5, (0.6,), steps=4, rounds=0, parses=True)
BROKEN = replace(FITS, texts=("return (",), parses=False)
UNSURE = replace(FITS, mean_logprob=-9.0)


def answer(outcome: Outcome, *candidates: Candidate, message: str = "", **changes: object) -> Answer:
    """Make an automatic answer with nothing to show."""
    result = InfillResult(1, 1, outcome, candidates, message=message)
    made = Answer(1, "a", 1, Trigger.AUTOMATIC, Settings(), None, result, (), (), 5.0)
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("about", "word"),
    [
        (answer(Outcome.FAILED, message="the model died"), "the model died"),
        (answer(Outcome.LATE), "deadlineMs"),
        (answer(Outcome.CANCELLED), "stopped"),
        (answer(Outcome.EMPTY), "empty"),
        (answer(Outcome.EMPTY, message="withheld: blockVerbatim"), "blockVerbatim"),
        (answer(Outcome.FILLED, BROKEN), "fit"),
        (answer(Outcome.FILLED, UNSURE), "minLogprob"),
        (answer(Outcome.FILLED, UNSURE, BROKEN), "fit"),
        (answer(Outcome.FILLED, UNSURE, trigger=Trigger.INVOKED), "already"),
        (answer(Outcome.FILLED, FITS, BROKEN), "fit"),
        (answer(Outcome.FILLED, FITS, settings=Settings(agreement=1)), "agreement"),
    ],
)
def test_each_reason_has_its_sentence(about: Answer, word: str) -> None:
    """Fails if somebody who sees no answer is told nothing, or to turn the wrong knob."""
    assert word in why_nothing(about)


def test_what_is_shown_needs_no_reason() -> None:
    """Fails if an answer that is on the screen comes with an excuse."""
    shown = answer(Outcome.FILLED, FITS, texts=FITS.texts, candidates=(FITS,))
    assert ("", "") == (why_nothing(shown), why_withheld(shown, FITS))


def test_each_candidate_has_its_word() -> None:
    """Fails if a candidate is said to be broken where the model was not sure, or sure enough where draws did not agree."""
    plain, agreeing = answer(Outcome.FILLED), answer(Outcome.FILLED, settings=Settings(agreement=2))
    words = [why_withheld(plain, each) for each in (UNSURE, BROKEN, FITS)]
    assert ["unsure", "does not fit", "repeated or empty"] == words
    assert ["unsure", "repeated or empty"] == [why_withheld(agreeing, replace(FITS, agreeing=n)) for n in (1, 2)]
