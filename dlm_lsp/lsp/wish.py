"""What an editor may wish for: the code actions' names, titles and kinds, and the place that travels with them.

In: the `data` of a code action, or the argument of a command. Out: a `Wish`. Does not know what a wish comes to.
"""

from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from dlm_lsp.engine.actions import Action

COMMAND = "dlm-lsp."
"""What the names of our commands begin with."""
REWRITE = "refactor.rewrite.dlm"
KINDS = {
    Action.REGENERATE: f"{REWRITE}.regenerate",
    Action.FUNCTION: f"{REWRITE}.fillFunction",
    Action.STUBS_SELECTED: f"{REWRITE}.fillStubs.selection",
    Action.STUBS: f"{REWRITE}.fillStubs.file",
    Action.REPAIR: "quickfix.dlm.repair",
    Action.UNSURE: f"{REWRITE}.regenerateUnsure",
}
TITLES = {
    Action.REGENERATE: "Regenerate selection",
    Action.FUNCTION: "Fill this function",
    Action.STUBS_SELECTED: "Fill every stub in the selection",
    Action.STUBS: "Fill every stub in this file",
    Action.REPAIR: "Repair the broken lines",
    Action.UNSURE: "Regenerate what was least sure in the accepted answer",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where."""

    uri: str
    range: types.Range
    version: int | None = None
    """Of the document that `range` is meant for; None where the editor does not know."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What, and where."""

    action: Action
    place: Place

    @property
    def title(self) -> str:
        """What the user has read."""
        return TITLES[self.action]


def pack(action: Action, uri: str, place: types.Range, version: int) -> dict[str, Any]:
    """Write down a wish as plain JSON; its `place` is a command's argument."""
    ends = {
        name: {"line": at.line, "character": at.character} for name, at in (("start", place.start), ("end", place.end))
    }
    return {"action": action.value, "place": {"uri": uri, "range": ends, "version": version}}
