"""`textDocument/completion`: the same answers as entries of a list, for editors that have no inline completion.

In: the params. Out: a list that is never complete, so that the editor asks again while the user types; empty where there is
nothing to say. A superseded or failed request is an empty list too: some editors show any error to the user.
"""

import asyncio
import re

from lsprotocol import types

from dlm_lsp.lsp import convert
from dlm_lsp.lsp.asking import ask
from dlm_lsp.lsp.session import Session
from dlm_lsp.values import Trigger

OPTIONS = types.CompletionOptions(trigger_characters=[".", "(", "="])
"""Editors ask at every letter besides; a list that opens after each space or line would be in the way."""
MAX_WORD_CHARS = 100
"""How far back the word before the cursor is looked for."""
_WORD = re.compile(r"\w*\Z")


def is_needed(capabilities: types.ClientCapabilities) -> bool:
    """Whether a client has no inline completion: with both, it would show everything twice."""
    document = capabilities.text_document
    return document is None or document.inline_completion is None


async def completion(ls: Session, params: types.CompletionParams) -> types.CompletionList:
    """Answer with entries that insert at the cursor."""
    document = ls.document(params.text_document.uri)
    if document is None:
        return _entries([])
    snapshot = convert.snapshot_at(document, params.position)
    try:
        settings = await ls.settings_at(params.text_document.uri)
        if not settings.enabled or ls.document(params.text_document.uri) is None:
            return _entries([])
        # "Invoked" is also what editors say of every letter of a word, so it is no sign that somebody waits.
        answer = await ask(ls, snapshot, Trigger.AUTOMATIC, settings)
    except asyncio.CancelledError:
        return _entries([])
    except Exception as error:  # noqa: BLE001 an error response would be a pop-up while the user types
        ls.report_server_error(error, completion)
        return _entries([])
    now = ls.document(params.text_document.uri)
    typed = convert.typed_since(snapshot, now.source) if now else None
    if now is None or typed is None:
        return _entries([])
    place = now.position(snapshot.cursor + len(typed))
    word = _word_before(snapshot.text[: snapshot.cursor][-MAX_WORD_CHARS:] + typed)
    entries = []
    for text, item in convert.left_over(answer.texts, typed).items():
        entry = _entry(word, text, place, preselect=item == 0)
        entry.sort_text = f"!{item}"
        entry.command = convert.accepted_command(answer.id, item)
        entry.documentation = _documentation(ls, word + text, now.language_id)
        entries.append(entry)
    return _entries(entries)


def _entries(items: list[types.CompletionItem]) -> types.CompletionList:
    return types.CompletionList(is_incomplete=True, items=items)


def _entry(word: str, text: str, place: types.Position, *, preselect: bool) -> types.CompletionItem:
    """Make an entry of a text; editors filter by the word before the cursor, which the text does not repeat."""
    lines = (word + text).strip().split("\n")
    return types.CompletionItem(
        label=lines[0],
        kind=types.CompletionItemKind.Text,
        detail="dlm-lsp" if len(lines) == 1 else f"dlm-lsp, {len(lines)} lines",
        preselect=preselect,
        filter_text=lines[0],
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,  # else VS Code indents the lines of a text once more
        text_edit=types.TextEdit(types.Range(place, place), text),
    )


def _documentation(ls: Session, text: str, language: str) -> types.MarkupContent | None:
    """Show a text of several lines as a whole, as code where the client can."""
    if "\n" not in text:
        return None
    document = ls.client_capabilities.text_document
    item = document.completion.completion_item if document and document.completion else None
    if item is None or types.MarkupKind.Markdown not in (item.documentation_format or []):
        return types.MarkupContent(types.MarkupKind.PlainText, text)
    fence = "`" * (2 + max(1, *map(len, re.findall("`+", text)), 1))
    return types.MarkupContent(types.MarkupKind.Markdown, f"{fence}{language}\n{text}\n{fence}")


def _word_before(text: str) -> str:
    """Give what the editor takes for the word that is being completed."""
    match = _WORD.search(text)
    assert match is not None, "the pattern matches nothing as well"
    return match[0]
