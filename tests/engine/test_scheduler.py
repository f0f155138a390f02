"""Newest wins per (document, automatic); what a person asked for is never cancelled by a keystroke."""

from dlm_lsp.engine.scheduler import Ticket, superseded
from dlm_lsp.values import Trigger

TYPED = Ticket(1, "file:///a.py", Trigger.AUTOMATIC)
ELSEWHERE = Ticket(2, "file:///b.py", Trigger.AUTOMATIC)
INVOKED = Ticket(3, "file:///a.py", Trigger.INVOKED)
ACTION = Ticket(4, "file:///a.py", Trigger.ACTION)
RUNNING = (TYPED, ELSEWHERE, INVOKED, ACTION)


def test_a_keystroke_supersedes_the_one_before_in_its_document() -> None:
    """Fails if two automatic requests of one document run, or another document's is cancelled."""
    assert [TYPED] == superseded(RUNNING, Ticket(9, "file:///a.py", Trigger.AUTOMATIC))
    assert [] == superseded(RUNNING, Ticket(9, "file:///c.py", Trigger.AUTOMATIC))


def test_what_a_person_asked_for_cancels_nothing() -> None:
    """Fails if an invoked request or an action ends what the editor shows elsewhere."""
    assert [] == superseded(RUNNING, Ticket(9, "file:///a.py", Trigger.INVOKED))
    assert [] == superseded(RUNNING, Ticket(9, "file:///a.py", Trigger.ACTION))
