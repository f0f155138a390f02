"""What to ask while nobody waits: what the user will want to see next if they accept what they see now.

In: a snapshot and the text that is offered at its cursor. Out: the document as it will be then, and where the model should be
asked. One step ahead and no further: most offers are not accepted. Asks nothing itself; who runs it gives way to anybody else.
"""

from dataclasses import replace

from dlm_lsp.syntax.scan import indent_of
from dlm_lsp.text.offsets import line_ending
from dlm_lsp.values import Hole, HoleKind, Snapshot


def accept(offered: Snapshot, text: str) -> Snapshot:
    """Give the document with `text` in it, the cursor behind it: where the editor will ask."""
    before, behind = offered.text[: offered.cursor] + text, offered.text[offered.cursor :]
    return replace(offered, text=before + behind, cursor=len(before))


def next_line(accepted: Snapshot, hole: Hole) -> str:
    """Give what a person types before they go on at the cursor, where `hole` is: a new line behind a finished statement.

    Nothing where the statement goes on: inside of brackets, behind the header of a block, before code on the same line.
    """
    if hole.kind is not HoleKind.REST or hole.max_lines > 1:
        return ""
    line_start = max(accepted.text.rfind(end, 0, accepted.cursor) for end in "\r\n") + 1
    return line_ending(accepted.text) + indent_of(accepted.text[line_start : accepted.cursor])
