"""`textDocument/codeAction` and `codeAction/resolve`: what could be written anew here, and then the edit.

In: the params, what the client said that it can do. Out: actions that were found at a glance, without the model; edits with the
document's version, and marked as to be confirmed where the client can show that. What becomes of a wish is in `lsp.rewriting`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from dlm_lsp.engine.actions import Action
from dlm_lsp.engine.edits import Edit
from dlm_lsp.lsp.documents import OpenDocument
from dlm_lsp.lsp.session import Session
from dlm_lsp.lsp.wish import COMMAND, KINDS, TITLES, Place, Wish, pack
from dlm_lsp.values import Snapshot, Span

OPTIONS = types.CodeActionOptions(
    code_action_kinds=[types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite], resolve_provider=True
)
ANNOTATION = "dlm-lsp"
MAX_TITLE_CHARS = 40


def code_actions(ls: Session, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
    """Say what makes sense at a range; the model is not asked."""
    document = ls.document(params.text_document.uri)
    wanted = {action for action in Action if _is_wanted(KINDS[action], params.context.only)}
    if document is None or not wanted or not ls.layers.at(document.uri).enabled:
        return []
    # Imported while the model loads, as in `lsp.asking`.
    from dlm_lsp.engine.gaps import possible
    from dlm_lsp.lsp.rewriting import accepted_in, span_of

    selection = span_of(document, params.range)
    snapshot = Snapshot(document.uri, document.language_id, document.version, document.source, selection.start)
    found: list[types.CodeAction | types.Command] = list(_other_answers(ls, document, params.range, wanted))
    for action, reason in possible(snapshot, selection, accepted_in(ls, document)).items():
        if action in wanted and not reason:
            found.append(_offer(ls, action, document, params.range))
        elif action in wanted and params.context.only and _client(ls).disabled_support:
            disabled = types.CodeActionDisabled(reason)
            found.append(types.CodeAction(TITLES[action], kind=KINDS[action], disabled=disabled))
    return found


async def resolve(ls: Session, action: types.CodeAction) -> types.CodeAction:
    """Have the model write; an action that comes to nothing stays without an edit, and the user is told why."""
    from dlm_lsp.lsp.rewriting import rewrite

    if action.data is None:
        return action
    try:
        wish = Wish(Action(action.data["action"]), ls.protocol.fm.converter.structure(action.data["place"], Place))
    except Exception as error:
        raise JsonRpcInvalidParams("this code action is none of ours") from error
    done = await rewrite(ls, wish)
    if done.message:
        tell(ls, done.message)
    if done.document is None:
        return action
    return attrs.evolve(action, edit=workspace_edit(ls, done.document, done.edits, action.title))


def workspace_edit(ls: Session, document: OpenDocument, changes: Sequence[Edit], label: str) -> types.WorkspaceEdit:
    """Give edits as the client can take them: of this version, and to be confirmed."""
    workspace = ls.client_capabilities.workspace
    can = workspace.workspace_edit if workspace else None
    plain = [types.TextEdit(_range(document, each.span), each.text) for each in changes]
    if can is None or not can.document_changes:
        return types.WorkspaceEdit(changes={document.uri: plain})
    annotated = can.change_annotation_support is not None
    versioned = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
    marked = [types.AnnotatedTextEdit(ANNOTATION, each.range, each.new_text) for each in plain]
    note = types.ChangeAnnotation(label, needs_confirmation=True, description="written by a model")
    return types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(versioned, marked if annotated else plain)],
        change_annotations={ANNOTATION: note} if annotated else None,
    )


def tell(ls: Session, message: str) -> None:
    """Show a sentence to who asked; unlike a completion, an action was asked for."""
    with suppress(ConnectionError):
        ls.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"dlm-lsp: {message}"))


def _offer(ls: Session, action: Action, document: OpenDocument, place: types.Range) -> types.CodeAction | types.Command:
    """Offer an action: to be resolved if the client can, else as a command."""
    title, kind = TITLES[action], KINDS[action]
    wish = pack(action, document.uri, place, document.version)
    can = _client(ls)
    command = types.Command(title, COMMAND + action, arguments=[wish["place"]])
    if can.code_action_literal_support is None:
        return command
    if can.data_support and can.resolve_support is not None and "edit" in can.resolve_support.properties:
        return types.CodeAction(title, kind=kind, data=wish)
    return types.CodeAction(title, kind=kind, command=command)


def _other_answers(
    ls: Session, document: OpenDocument, place: types.Range, wanted: set[Action]
) -> Iterator[types.CodeAction]:
    """Offer what the last action here came to besides what stands there now."""
    choices = ls.choices.get(document.uri)
    if choices is None or choices.action not in wanted or choices.settings != ls.layers.at(document.uri):
        return
    if _client(ls).code_action_literal_support is None:
        return  # it knows commands alone
    standing = choices.standing(document.source)
    start, end = document.offset(place.start), document.offset(place.end)
    if standing is None or not any(span.start <= end and start <= span.end for span in choices.spans(standing)):
        return
    for number in range(1, len(choices.ways)):
        if number != standing:
            first_line = " … ".join(text.strip().partition("\n")[0] for text in choices.ways[number])[:MAX_TITLE_CHARS]
            title = f"Use answer {number} of {len(choices.ways) - 1}: {first_line}"
            edit = workspace_edit(ls, document, choices.change(standing, number), title)
            yield types.CodeAction(title, kind=KINDS[choices.action], edit=edit)


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a kind is one of those, or below one, that the client has asked for."""
    return only is None or any(kind == each or kind.startswith(f"{each}.") or not each for each in only)


def _client(ls: Session) -> types.CodeActionClientCapabilities:
    document = ls.client_capabilities.text_document
    return (document.code_action if document else None) or types.CodeActionClientCapabilities()


def _range(document: OpenDocument, span: Span) -> types.Range:
    return types.Range(document.position(span.start), document.position(span.end))
