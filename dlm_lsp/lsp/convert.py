"""Between the editor's types and ours: the only place that makes the one of the other.

In: lsprotocol's params, open documents, finished texts. Out: `Snapshot`s and completion lists. Decides nothing about code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lsprotocol import types

from dlm_lsp.lsp.documents import OpenDocument
from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.values import Snapshot, Trigger

ACCEPTED = "dlm-lsp.accepted"
"""The command of every item."""
_TRIGGERS = {
    types.InlineCompletionTriggerKind.Invoked: Trigger.INVOKED,
    types.InlineCompletionTriggerKind.Automatic: Trigger.AUTOMATIC,
}


@dataclass(frozen=True, slots=True)
class Question:
    """What an inline completion request asks.

    `selected` is what the entry selected in the editor's list would add at the cursor: `asked` is the document as if it
    were there already, and every answer has to begin with it.
    """

    snapshot: Snapshot
    asked: Snapshot
    selected: str
    trigger: Trigger


def question(document: OpenDocument, params: types.InlineCompletionParams) -> Question | None:
    """Freeze the document as the request found it; None where no insertion at the cursor can extend the selected entry."""
    snapshot = snapshot_at(document, params.position)
    cursor = snapshot.cursor
    selected = _selected(document, cursor, params.context.selected_completion_info)
    if selected is None:
        return None
    trigger = _TRIGGERS[params.context.trigger_kind]
    if not selected:  # the usual case: no copy of a large document for nothing
        return Question(snapshot, snapshot, selected, trigger)
    text = snapshot.text[:cursor] + selected + snapshot.text[cursor:]
    return Question(snapshot, replace(snapshot, text=text, cursor=cursor + len(selected)), selected, trigger)


def snapshot_at(document: OpenDocument, position: types.Position) -> Snapshot:
    """Freeze a document, with the cursor at a position."""
    cursor = document.offset(position)
    return Snapshot(document.uri, document.language_id, document.version, document.source, cursor)


def _selected(document: OpenDocument, cursor: int, info: types.SelectedCompletionInfo | None) -> str | None:
    if info is None:
        return ""
    typed = document.source[document.offset(info.range.start) : cursor]
    if document.offset(info.range.end) != cursor or not info.text.startswith(typed):
        return None
    return info.text[len(typed) :]


def completions(
    document: OpenDocument, question: Question, texts: Sequence[str], answer_id: int
) -> types.InlineCompletionList:
    r"""Offer answers to a question in the document as it is now, of which the user may have typed a part.

    Each item is an insertion at an explicit empty range: without a range VS Code replaces the rest of the line. Nothing is
    an empty list: on null, Neovim leaves the old text on the screen. Lines of an item end with \n whatever the document's do:
    VS Code makes them the document's, and Neovim splits at \n alone and would leave a ^M in the text.
    """
    typed = typed_since(question.snapshot, document.source)
    if typed is None:
        return nothing()
    place = document.position(question.snapshot.cursor + len(typed))
    rests = left_over([question.selected + text for text in texts], typed)
    return types.InlineCompletionList(
        items=[
            types.InlineCompletionItem(rest, range=types.Range(place, place), command=accepted_command(answer_id, item))
            for rest, item in rests.items()
        ]
    )


def left_over(texts: Sequence[str], typed: str) -> dict[str, int]:
    r"""Give what is left of the texts that begin with what was typed, and where each comes from; lines end with \n."""
    rests: dict[str, int] = {}
    for item, text in enumerate(texts):
        if text.startswith(typed) and text != typed:
            rests.setdefault(LINE_END.sub("\n", text[len(typed) :]), item)
    return rests


def accepted_command(answer_id: int, item: int) -> types.Command:
    """Give the command that editors send back to us when they have inserted an item."""
    return types.Command(title="accepted", command=ACCEPTED, arguments=[answer_id, item])


def nothing() -> types.InlineCompletionList:
    """Say that there is nothing to show."""
    return types.InlineCompletionList(items=[])


def typed_since(snapshot: Snapshot, text: str) -> str | None:
    """Give what was typed at the cursor since the snapshot; None where anything else has changed."""
    count = len(text) - len(snapshot.text)
    if count == 0:
        return "" if text == snapshot.text else None
    behind = snapshot.cursor + count
    unchanged = count > 0 and text[: snapshot.cursor] == snapshot.text[: snapshot.cursor]
    return text[snapshot.cursor : behind] if unchanged and text[behind:] == snapshot.text[snapshot.cursor :] else None
