"""`textDocument/inlineCompletion`: what could stand at the cursor.

In: the params. Out: a list of insertions, empty where there is nothing worth showing: a failure while the user types is a
line in the log, never an error in the editor. What a newer request or the editor cancels is answered by pygls with -32800.
"""

import asyncio
import logging

from lsprotocol import types

from dlm_lsp.errors import WorkerError
from dlm_lsp.lsp import convert
from dlm_lsp.lsp.session import Session
from dlm_lsp.values import InfillRequest, InfillResult

log = logging.getLogger(__name__)


async def inline_completion(ls: Session, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Answer with insertions at the cursor."""
    document = ls.document(params.text_document.uri)
    question = convert.question(document, params) if document and ls.settings.enabled else None
    if question is None:
        return convert.nothing()
    try:
        texts = await _ask(ls, question)
    except Exception as error:  # noqa: BLE001 an error response would be a pop-up while the user types
        ls.report_server_error(error, inline_completion)
        return convert.nothing()
    now = ls.document(params.text_document.uri)
    return convert.completions(now, question, texts) if now else convert.nothing()


async def _ask(ls: Session, question: convert.Question) -> list[str]:
    """Give the texts that may be shown, best first."""
    # Imported while the model loads: the grammar would make every editor wait longer for `initialize`.
    from dlm_lsp.engine.gate import admit_all
    from dlm_lsp.engine.request import build_request

    asked, settings = question.asked, ls.settings
    with ls.slot(asked.uri, question.trigger) as request_id:
        try:
            hello = await ls.engine.ready()
            request = build_request(asked, settings, hello, request_id=request_id, trigger=question.trigger)
            result = await ls.engine.fill(request)
        except WorkerError:
            return []  # the session has said why
        except asyncio.CancelledError:
            log.info("request %d v%d %s: cancelled", request_id, asked.version, question.trigger)
            raise
    texts = [admitted.text for admitted in admit_all(asked, request, result, settings)]
    _log(request, result, len(texts))
    return texts


def _log(request: InfillRequest, result: InfillResult, admitted: int) -> None:
    """Write the one line of a request; it holds no code."""
    best = result.candidates[0] if result.candidates else None
    spent = " ".join(f"{stage}={ms:.0f}" for stage, ms in result.spent_ms.items())
    log.info(
        "request %d v%d %s: %s, %d admitted, H=%d, %d steps, %d rounds, ms: %s",
        request.id,
        request.version,
        request.trigger,
        result.outcome,
        admitted,
        len(best.token_confidence) if best else 0,
        best.steps if best else 0,
        best.rounds if best else 0,
        spent,
    )
