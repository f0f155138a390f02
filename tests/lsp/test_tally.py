"""What a session remembers of its answers."""

from dataclasses import replace

from dlm_lsp.lsp.tally import MAX_ANSWERS, Answer, Fate, Tally
from dlm_lsp.settings import Settings
from dlm_lsp.values import Candidate, InfillResult, Outcome, Trigger


def answer(number: int, uri: str, *texts: str) -> Answer:
    """Make an answer with these texts."""
    candidates = tuple(Candidate((text,), -0.1, (0.9,), steps=4, rounds=0, parses=True) for text in texts)
    result = InfillResult(number, 1, Outcome.FILLED if texts else Outcome.EMPTY, candidates, calls=4)
    return Answer(number, uri, 1, Trigger.INVOKED, Settings(), None, result, texts, candidates, 5.0)


def test_what_is_not_shown_has_a_reason_and_what_is_shown_has_none() -> None:
    """Fails if an answer that is on the screen comes with an excuse, or one that is not comes without."""
    shown, withheld = answer(1, "a", "x"), replace(answer(2, "a", "y"), texts=(), candidates=())
    [candidate] = withheld.result.candidates
    assert ("", "") == (shown.why_nothing, shown.why_withheld(shown.candidates[0]))
    assert "repeated or empty" == withheld.why_withheld(candidate)
    assert "stands here already" in withheld.why_nothing
    assert "empty" in answer(3, "a").why_nothing


def test_the_last_answer_of_a_document_or_of_all() -> None:
    """Fails if the user is told about another document's answer, or an older one."""
    tally = Tally()
    assert tally.last() is None
    for number, uri in enumerate("aba", start=1):
        tally.note(answer(number, uri))
    tally.note(answer(4, "b"))
    assert [4, 3, 4] == [found.id for found in (tally.last(), tally.last("a"), tally.last("b")) if found]
    assert tally.last("c") is None


def test_old_answers_are_forgotten() -> None:
    """Fails if a server that runs for days keeps everything that it ever said."""
    tally = Tally()
    for number in range(MAX_ANSWERS + 1):
        tally.note(answer(number, str(number)))
    assert tally.last("0") is None
    assert tally.last("1") is not None
    assert MAX_ANSWERS + 1 == tally.counts["asked"]


def test_only_what_was_offered_can_be_accepted() -> None:
    """Fails if a number that means nothing replaces the last accepted answer, or counts are lost."""
    tally = Tally()
    offered = answer(1, "a", "x", "y")
    tally.note(offered)
    tally.tell(1, 1, Fate.ACCEPTED)
    for number, item in ((1, 2), (1, -1), (9, 0)):
        tally.tell(number, item, Fate.ACCEPTED)
    tally.tell(1, 0, Fate.REJECTED)
    assert (offered, 1) == tally.accepted
    assert {"asked": 1, "answered": 1, "known": 0, "calls": 4, "accepted": 4, "rejected": 1} == dict(tally.counts)


def test_what_was_offered_at_the_cursor() -> None:
    """Fails if an item is sought in another document's answers or in a code action's, or an older one comes before a newer."""
    tally = Tally()
    for each in (answer(1, "a", "x", "y"), answer(2, "b", "z"), answer(3, "a"), answer(4, "a", "w")):
        tally.note(each)
    tally.note(replace(answer(5, "a", "v"), trigger=Trigger.ACTION))
    assert [(4, 0), (1, 0), (1, 1)] == [(found.id, item) for found, item in tally.offered("a")]
