"""One question of an editor, from the snapshot to what may be shown; every feature that fills one hole asks through here.

In: a snapshot, why it is asked, the settings that hold there. Out: an `Answer`, which the session's tally keeps for those who
ask about it later, and one line in the log, without code. Knows nothing of positions or of what the editor does with it.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from dlm_lsp.errors import WorkerError
from dlm_lsp.lsp import notebooks
from dlm_lsp.lsp.session import Session
from dlm_lsp.lsp.tally import Answer
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, InfillResult, Outcome, Snapshot, Step, Trigger

log = logging.getLogger(__name__)


async def ask(
    ls: Session, asked: Snapshot, trigger: Trigger, settings: Settings, on_step: Callable[[Step], None] | None = None
) -> Answer:
    """Fill the hole at the cursor of `asked`; a model that cannot be loaded is an answer too, of the outcome failed."""
    # Imported while the model loads: the grammar would make every editor wait longer for `initialize`.
    from dlm_lsp.engine.gate import admit_all
    from dlm_lsp.engine.request import build_request

    began = time.perf_counter()
    asked = notebooks.whole(ls, asked)
    request: InfillRequest | None = None
    with ls.slot(asked.uri, trigger) as request_id:
        try:
            hello = await ls.engine.ready()
            watched = on_step is not None
            request = build_request(asked, settings, hello, request_id=request_id, trigger=trigger, watch=watched)
            result = await ls.engine.fill(request, on_step)
        except WorkerError as error:  # the session has told the user
            result = InfillResult(request_id, asked.version, Outcome.FAILED, message=str(error))
        except asyncio.CancelledError:
            log.info("request %d v%d %s: cancelled", request_id, asked.version, trigger)
            raise
    admitted = admit_all(asked, request, result, settings) if request else []
    answer = Answer(
        id=request_id,
        uri=asked.uri,
        version=asked.version,
        trigger=trigger,
        settings=settings,
        request=request,
        result=result,
        texts=tuple(each.text for each in admitted),
        candidates=tuple(each.candidate for each in admitted),
        ms=(time.perf_counter() - began) * 1000,
    )
    ls.tally.note(answer)
    _log(answer)
    return answer


def _log(answer: Answer) -> None:
    """Write the one line of a request; it holds no code."""
    result = answer.result
    best = result.candidates[0] if result.candidates else None
    spent = " ".join(f"{stage}={ms:.0f}" for stage, ms in result.spent_ms.items())
    log.info(
        "request %d v%d %s: %s, %d admitted, H=%d, %d steps, %d rounds, ms: %s",
        answer.id,
        answer.version,
        answer.trigger,
        result.outcome,
        len(answer.texts),
        len(best.token_confidence) if best else 0,
        best.steps if best else 0,
        best.rounds if best else 0,
        spent,
    )
