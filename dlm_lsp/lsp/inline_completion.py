"""`textDocument/inlineCompletion`: what could stand at the cursor.

In: the params. Out: a list of insertions, empty where there is nothing worth showing: a failure while the user types is a
line in the log, never an error in the editor. What a newer request or the editor cancels is answered by pygls with -32800.
"""

from lsprotocol import types

from dlm_lsp.lsp import convert
from dlm_lsp.lsp.asking import ask
from dlm_lsp.lsp.session import Session


async def inline_completion(ls: Session, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Answer with insertions at the cursor."""
    document = ls.document(params.text_document.uri)
    question = convert.question(document, params) if document else None
    settings = await ls.settings_at(params.text_document.uri)
    if question is None or not settings.enabled or ls.document(params.text_document.uri) is None:
        return convert.nothing()
    try:
        answer = await ask(ls, question.asked, question.trigger, settings)
    except Exception as error:  # noqa: BLE001 an error response would be a pop-up while the user types
        ls.report_server_error(error, inline_completion)
        return convert.nothing()
    now = ls.document(params.text_document.uri)
    return convert.completions(now, question, answer.texts, answer.id) if now else convert.nothing()
