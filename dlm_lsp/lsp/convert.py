"""Between the editor's types and ours: the only place that makes the one of the other.

In: lsprotocol's params, open documents, finished texts. Out: `Snapshot`s and completion lists. Decides nothing about code.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lsprotocol import types

from dlm_lsp.lsp.documents import OpenDocument
from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.values import Snapshot, Trigger

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
    cursor = document.offset(params.position)
    snapshot = Snapshot(document.uri, document.language_id, document.version, document.source, cursor)
    selected = _selected(document, cursor, params.context.selected_completion_info)
    if selected is None:
        return None
    text = snapshot.text[:cursor] + selected + snapshot.text[cursor:]
    asked = replace(snapshot, text=text, cursor=cursor + len(selected)) if selected else snapshot
    return Question(snapshot, asked, selected, _TRIGGERS[params.context.trigger_kind])


def _selected(document: OpenDocument, cursor: int, info: types.SelectedCompletionInfo | None) -> str | None:
    if info is None:
        return ""
    typed = document.source[document.offset(info.range.start) : cursor]
    if document.offset(info.range.end) != cursor or not info.text.startswith(typed):
        return None
    return info.text[len(typed) :]


def completions(document: OpenDocument, question: Question, texts: Iterable[str]) -> types.InlineCompletionList:
    r"""Offer answers to a question in the document as it is now, of which the user may have typed a part.

    Each item is an insertion at an explicit empty range: without a range VS Code replaces the rest of the line. Nothing is
    an empty list: on null, Neovim leaves the old text on the screen. Lines of an item end with \n whatever the document's do:
    VS Code makes them the document's, and Neovim splits at \n alone and would leave a ^M in the text.
    """
    typed = typed_since(question.snapshot, document.source)
    if typed is None:
        return nothing()
    place = document.position(question.snapshot.cursor + len(typed))
    wholes = [question.selected + text for text in texts]
    rests = dict.fromkeys(whole[len(typed) :] for whole in wholes if whole.startswith(typed) and whole != typed)
    return types.InlineCompletionList(
        items=[
            types.InlineCompletionItem(insert_text=LINE_END.sub("\n", rest), range=types.Range(place, place))
            for rest in rests
        ]
    )


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
