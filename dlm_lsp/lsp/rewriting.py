"""One code action from the wish to edits: plan, ask the model, judge, and see whether the document is still the one that was asked about.

In: a `Wish`. Out: a `Rewrite`: edits of the document as it is now, or a sentence for the user. Does not know how an editor asked,
nor what it does with the edits.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from itertools import islice

from lsprotocol import types

from dlm_lsp.engine.actions import Action
from dlm_lsp.engine.canvases import Canvas, edits, fits, make_request, read_answer, share_out
from dlm_lsp.engine.choices import Choices
from dlm_lsp.engine.client import EngineClient
from dlm_lsp.engine.edits import Edit, rebase
from dlm_lsp.engine.gaps import Accepted, Gap, plan, unsure
from dlm_lsp.errors import WorkerError
from dlm_lsp.lsp.documents import OpenDocument
from dlm_lsp.lsp.progress import Bar, progress
from dlm_lsp.lsp.session import Session
from dlm_lsp.lsp.tally import Answer
from dlm_lsp.lsp.wish import Wish
from dlm_lsp.settings import Settings
from dlm_lsp.values import Outcome, Snapshot, Span, Trigger
from dlm_lsp.wire import Hello

log = logging.getLogger(__name__)

NOTHING_FITS = "nothing that fits was found"
CHANGED = "the document has changed meanwhile: ask again"
TOO_LONG = "that is too long for the model to write at once"
NO_GAP = {
    Action.REGENERATE: "nothing is selected",
    Action.FUNCTION: "there is no function here",
    Action.STUBS_SELECTED: "no stub is selected",
    Action.STUBS: "this file has no stubs",
    Action.REPAIR: "no few lines were found whose replacement makes this parse",
    Action.UNSURE: "no accepted answer stands here any more",
}
MAX_OFFERED = 8
"""Of so many items it is looked whether they stand in the document, the newest."""
MAX_CHOICES = 8
"""Documents of which the last answers are kept."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a wish came to."""

    document: OpenDocument | None = None
    edits: tuple[Edit, ...] = ()
    message: str = ""
    """For the user: why there are no edits, or what they leave undone."""


@dataclass(frozen=True, slots=True)
class Model:
    """What a wish is asked of, and what it says of itself."""

    engine: EngineClient
    hello: Hello


async def rewrite(ls: Session, wish: Wish) -> Rewrite:
    """Find out the edits; cancelling the task stops the model."""
    place = wish.place
    document, settings = ls.document(place.uri), ls.layers.at(place.uri)
    if document is None or not settings.enabled:
        return Rewrite(message="it is off, or not allowed to see this document")
    if place.version is not None and place.version != document.version:
        return Rewrite(message=CHANGED)
    engine = ls.engine  # to the end: the one that takes its place may have to stay unloaded
    selection = span_of(document, place.range)
    snapshot = Snapshot(document.uri, document.language_id, document.version, document.source, selection.start)
    gaps = await asyncio.to_thread(plan, wish.action, snapshot, selection, accepted_in(ls, document))
    if not gaps:
        return Rewrite(message=NO_GAP[wish.action])
    choices = ls.choices.get(wish.place.uri)
    changes, message = _known(choices, wish, snapshot, gaps, settings), ""
    if changes is None:
        try:
            changes, message = await _ask(ls, engine, wish, Canvas(snapshot, tuple(gaps)), settings)
        except WorkerError as error:
            return Rewrite(message=str(error))
    return await _for_now(ls, wish.place.uri, snapshot, changes, message) if changes else Rewrite(message=message)


def span_of(document: OpenDocument, place: types.Range) -> Span:
    """Give a range as offsets."""
    start, end = sorted((document.offset(place.start), document.offset(place.end)))
    return Span(start, end)


def accepted_in(ls: Session, document: OpenDocument) -> Accepted | None:
    """Give the answer that was accepted last, as far as it stands in the document; an editor need not have said that it was."""
    told = [ls.tally.accepted] if ls.tally.accepted and ls.tally.accepted[0].uri == document.uri else []
    for answer, item in (*told, *islice(ls.tally.offered(document.uri), MAX_OFFERED)):
        if answer.request is not None:
            accepted = Accepted(answer.request.window.prefix, answer.texts[item], answer.candidates[item])
            if unsure(document.source, accepted):
                return accepted
    return None


def _known(
    choices: Choices | None, wish: Wish, snapshot: Snapshot, gaps: list[Gap], settings: Settings
) -> list[Edit] | None:
    """Give the next of the answers that are known already."""
    if choices is None or choices.action is not wish.action or choices.settings != settings:
        return None
    return choices.next_way(snapshot.text, snapshot.version, [gap.span for gap in gaps])


async def _ask(
    ls: Session, engine: EngineClient, wish: Wish, whole: Canvas, settings: Settings
) -> tuple[list[Edit], str]:
    """Have the gaps filled; give the edits, and what there is to say."""
    hello = await engine.ready()
    model = Model(engine, hello)
    canvases = share_out(whole.snapshot, whole.gaps, settings, hello)
    if not canvases:
        return [], TOO_LONG
    async with progress(ls, None, wish.title, measured=len(whole.gaps) > 1, after_s=0.3) as bar:
        if len(canvases) == 1 and wish.action not in {Action.STUBS, Action.STUBS_SELECTED}:
            return await _choose(ls, wish, canvases[0], settings, model)
        return await _collect(ls, canvases, settings, model, bar)


async def _choose(ls: Session, wish: Wish, canvas: Canvas, settings: Settings, model: Model) -> tuple[list[Edit], str]:
    """Fill one canvas in several ways and keep them all, for whoever asks again."""
    before: Choices | None = ls.choices.get(wish.place.uri)
    again = before is not None and before.action is wish.action and before.standing(canvas.snapshot.text) is not None
    seed = before.seed + 1 if before is not None and again else 0
    known = set(before.documents()) if before is not None and again else set()
    ways, trouble = await _fill(ls, canvas, settings, model, seed)
    choices = Choices(wish.action, settings, canvas, [canvas.old_texts, *ways], seed, canvas.snapshot.version)
    choices.ways[1:] = [way for way, text in zip(ways, choices.documents()[1:], strict=True) if text not in known]
    if len(choices.ways) == 1:
        return [], trouble or NOTHING_FITS
    ls.choices.pop(wish.place.uri, None)
    ls.choices[wish.place.uri] = choices
    if len(ls.choices) > MAX_CHOICES:
        del ls.choices[next(iter(ls.choices))]
    return choices.change(0, 1), ""


async def _collect(
    ls: Session, canvases: list[Canvas], settings: Settings, model: Model, bar: Bar
) -> tuple[list[Edit], str]:
    """Fill canvas after canvas, and take from each what fits together with the others."""
    count = sum(len(canvas.gaps) for canvas in canvases)
    found: list[Edit] = []
    done, trouble = 0, ""
    for canvas in canvases:
        bar(f"{done} of {count}", 100 * done // count)
        ways, problem = await _fill(ls, canvas, settings, model, 0)
        trouble = trouble or problem
        more = [*found, *edits(canvas, ways[0])] if ways else found
        if settings.show_broken or await asyncio.to_thread(fits, canvas.snapshot, more):
            found = more
        done += len(canvas.gaps)
    if not found:
        return [], trouble or NOTHING_FITS
    return found, "" if len(
        found
    ) == count else f"{len(found)} of {count} were filled; {trouble or NOTHING_FITS} for the others"


async def _fill(
    ls: Session, canvas: Canvas, settings: Settings, model: Model, seed: int
) -> tuple[list[tuple[str, ...]], str]:
    """Ask the model about one canvas; give the ways that fit, and a sentence where it could not answer."""
    began = time.perf_counter()
    with ls.slot(canvas.snapshot.uri, Trigger.ACTION) as request_id:
        known, offered = ls.surroundings.of(canvas.snapshot, ls.workspace, settings.exclude, alone=True)
        request = await asyncio.to_thread(
            make_request,
            *(canvas, settings, model.hello),
            request_id=request_id,
            seed=seed,
            known=known,
            offered=offered,
        )
        result = await model.engine.fill(request)
    found = await asyncio.to_thread(read_answer, canvas, request, result, settings)
    ways = list(found)
    ms = (time.perf_counter() - began) * 1000
    log.info(
        "request %d v%d action: %s, %d holes, %d ways, %.0f ms",
        *(request.id, request.version, result.outcome, len(request.holes), len(ways), ms),
    )
    ls.tally.note(
        Answer(
            id=request.id,
            uri=canvas.snapshot.uri,
            version=request.version,
            trigger=Trigger.ACTION,
            settings=settings,
            request=request,
            result=result,
            texts=tuple(way[0] for way in ways),
            candidates=tuple(found.values()),
            ms=ms,
        )
    )
    trouble = {
        Outcome.FAILED: result.message,
        Outcome.EMPTY: result.message,
        Outcome.LATE: "no answer within the time: raise deadlineMs",
        Outcome.CANCELLED: "the model was stopped",
    }
    return ways, trouble.get(result.outcome, "")


async def _for_now(ls: Session, uri: str, snapshot: Snapshot, changes: list[Edit], message: str) -> Rewrite:
    """Give edits of the document as it is by now."""
    while (now := ls.document(uri)) is not None and now.source != snapshot.text:
        text = now.source
        moved = rebase(changes, snapshot.text, text)
        if moved is None:
            return Rewrite(message=CHANGED)
        snapshot = replace(snapshot, text=text)
        if not (ls.layers.at(uri).show_broken or await asyncio.to_thread(fits, snapshot, moved)):
            return Rewrite(message=CHANGED)
        changes = moved  # and look again: somebody types
    return Rewrite(now, tuple(changes), message) if now else Rewrite(message=CHANGED)
