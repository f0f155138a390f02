"""One question of an editor, from the snapshot to what may be shown; every feature that fills one hole asks through here.

In: a snapshot, why it is asked, the settings that hold there. Out: an `Answer`, which the session's tally keeps for those who
ask about it later, and one line in the log, without code. Knows nothing of positions or of what the editor does with it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from lsprotocol import types

from dlm_lsp.engine.reasons import ASKED_BEFORE, UNASKED
from dlm_lsp.engine.recall import Offer
from dlm_lsp.errors import WorkerError
from dlm_lsp.lsp import notebooks
from dlm_lsp.lsp.ahead import is_prepared, look_ahead
from dlm_lsp.lsp.session import Session
from dlm_lsp.lsp.tally import Answer
from dlm_lsp.settings import Settings
from dlm_lsp.text.offsets import LINE_END, line_ending
from dlm_lsp.values import Candidate, InfillRequest, InfillResult, Outcome, Snapshot, Span, Step, Trigger
from dlm_lsp.wire import Hello

if TYPE_CHECKING:
    from dlm_lsp.engine.gate import Admitted

log = logging.getLogger(__name__)


async def ask(
    ls: Session, asked: Snapshot, trigger: Trigger, settings: Settings, on_step: Callable[[Step], None] | None = None
) -> Answer:
    """Fill the hole at the cursor of `asked`; a model that cannot be loaded is an answer too, of the outcome failed."""
    # Imported while the model loads: the grammar would make every editor wait longer for `initialize`.
    from dlm_lsp.engine.request import build_request, is_wanted

    began = time.perf_counter()
    asked = notebooks.whole(ls, asked)
    scope = (asked.uri, settings)
    request: InfillRequest | None = None
    known: tuple[Offer, ...] | None = None
    why_known = ASKED_BEFORE
    admitted: list[Admitted] = []
    with ls.slot(asked.uri, trigger) as request_id:
        try:
            hello = await ls.engine.ready()
            watched = on_step is not None
            outline, offered = ls.surroundings.of(asked, ls.workspace, settings.exclude)
            request = build_request(
                *(asked, settings, hello),
                request_id=request_id,
                trigger=trigger,
                watch=watched,
                known=outline,
                offered=offered,
            )
            if not is_wanted(request, settings):
                known, why_known = (), UNASKED
            elif not watched:
                known = ls.recall.find(scope, request)
                if known is None and trigger is Trigger.AUTOMATIC and await is_prepared(ls, asked, request, settings):
                    known = ls.recall.find(scope, request)
            if known is None:
                result = await _fill(ls, scope, settings, request, on_step)
                admitted = await _admit(asked, request, result, settings)
            else:
                outcome = Outcome.FILLED if known else Outcome.EMPTY
                result = InfillResult(request_id, asked.version, outcome, message="" if known else why_known)
        except WorkerError as error:  # the session has told the user
            result = InfillResult(request_id, asked.version, Outcome.FAILED, message=str(error))
        except asyncio.CancelledError:
            log.info("request %d v%d %s: cancelled", request_id, asked.version, trigger)
            raise
    offers = known or ()
    if request is not None and known is None:
        offers = tuple(Offer(each.text, each.candidate, request_id) for each in admitted)
        if result.outcome is Outcome.FILLED or (result.outcome is Outcome.EMPTY and not result.message):
            ls.recall.remember(scope, request, offers)
    answer = Answer(
        id=request_id,
        uri=asked.uri,
        version=asked.version,
        trigger=trigger,
        settings=settings,
        request=request,
        result=result,
        texts=tuple(LINE_END.sub(line_ending(asked.text), offer.text) for offer in offers),
        candidates=tuple(offer.candidate for offer in offers),
        ms=(time.perf_counter() - began) * 1000,
        known=known is not None,
    )
    ls.tally.note(answer)
    if result.outcome is Outcome.FAILED and request is not None:
        ls.write_log(types.MessageType.Warning, f"A request failed: {result.message}")
    from_request = offers[0].request_id if offers else request_id
    asyncio.get_running_loop().call_later(0, _tell, ls, answer, from_request)  # once the answer is sent
    if offers and request is not None and settings.prepare:
        look_ahead(ls, asked, request, settings, offers[0].text)
    else:
        ls.stop_looking_ahead()  # what is prepared is behind an offer that is not on the screen any more
    return answer


def rehearse() -> None:
    """Do once, in a thread, what is done without the model: the first answer should not be slower than the second."""
    from dlm_lsp.engine.gaps import possible
    from dlm_lsp.engine.gate import admit_all
    from dlm_lsp.engine.request import build_request

    text = "def f(x):\n    "
    snapshot, settings = Snapshot("", "python", 0, text, len(text)), Settings()
    request = build_request(snapshot, settings, Hello(), request_id=0, trigger=Trigger.INVOKED)
    answer = Candidate(("return (",), 0.0, (), steps=0, rounds=0, parses=False)
    possible(snapshot, Span(0, 0))
    admit_all(snapshot, request, InfillResult(0, 0, Outcome.FILLED, (answer,)), settings)


async def _admit(asked: Snapshot, request: InfillRequest, result: InfillResult, settings: Settings) -> "list[Admitted]":
    """Give what may be shown; where something has to be judged anew, which takes a while in a long function that is broken, in a thread."""
    from dlm_lsp.engine.gate import admit_all

    if settings.show_broken or all(candidate.parses for candidate in result.candidates):
        return admit_all(asked, request, result, settings)
    return await asyncio.to_thread(admit_all, asked, request, result, settings)


async def _fill(
    ls: Session,
    scope: Hashable,
    settings: Settings,
    request: InfillRequest,
    on_step: Callable[[Step], None] | None,
) -> InfillResult:
    """Ask the model, together with all who ask it the same now; who wants to see the steps asks alone."""
    if on_step is not None:
        return await ls.engine.fill(request, on_step)
    question = (scope, replace(request, id=0, version=0))
    if settings.warm_start and (before := ls.recall.nearby(scope, request)):
        request = replace(request, drafts=(before,))
    return await ls.sharing.ask(question, lambda: ls.engine.fill(request))


def _tell(ls: Session, answer: Answer, from_request: int) -> None:
    """Say what became of a request, in the log and to a client that wants to hear it."""
    _log(answer, from_request)
    ls.on_answer()


def _log(answer: Answer, from_request: int) -> None:
    """Write the one line of a request; it holds no code. What is known was the answer to `from_request`."""
    result = answer.result
    best = result.candidates[0] if result.candidates else None
    spent = " ".join(f"{stage}={ms:.0f}" for stage, ms in result.spent_ms.items())
    log.info(
        "request %d v%d %s: %s, %d admitted, H=%d, %d steps, %d rounds, ms: %s%s",
        answer.id,
        answer.version,
        answer.trigger,
        f"known from {from_request}" if answer.known else result.outcome,
        len(answer.texts),
        len(best.token_confidence) if best else 0,
        result.calls,
        best.rounds if best else 0,
        spent,
        f"; {why}" if (why := result.message or answer.why_nothing) else "",
    )
