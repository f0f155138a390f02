"""Which running requests a new one makes pointless: newest wins per (document, automatic).

Pure data in and out: whoever runs the requests cancels what is named here. Requests that a person made, by a key or by a
code action, have slots of their own and are never cancelled by a keystroke.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dlm_lsp.values import Trigger


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request as the scheduler sees it."""

    id: int
    uri: str
    trigger: Trigger


def superseded(running: Iterable[Ticket], new: Ticket) -> list[Ticket]:
    """Name the running requests that nobody needs once `new` has come."""
    if new.trigger is not Trigger.AUTOMATIC:
        return []
    return [ticket for ticket in running if ticket.trigger is Trigger.AUTOMATIC and ticket.uri == new.uri]
