"""Asks, while nobody waits, what the editor will ask if the user accepts what is on the screen.

In: what was offered, and where. Out: nothing but one more known answer. One step ahead, after a pause in which nothing was typed,
and only while the model has nothing else to do: any other request ends it before the worker hears of that. If the user accepts
while it runs, the question is not asked a second time: it waits for what is nearly there.
"""

import asyncio
import logging
from collections.abc import Hashable
from contextlib import suppress

from dlm_lsp.engine.recall import Offer
from dlm_lsp.lsp.session import Session
from dlm_lsp.settings import Settings
from dlm_lsp.text.window import as_seen
from dlm_lsp.values import InfillRequest, Outcome, Snapshot, Trigger

log = logging.getLogger(__name__)

PAUSE_S = 0.25
"""Longer than between two keys of a person who types through what is offered."""


def look_ahead(ls: Session, asked: Snapshot, request: InfillRequest, settings: Settings, text: str) -> None:
    """Begin to prepare the answer behind `text`, which was offered as the answer to `request`, made from `asked`."""
    accepted = _place(asked.uri, settings, request.slice_prefix + as_seen(text), request.slice_suffix)
    ls.look_ahead(accepted, lambda wanted: _prepare(ls, asked, settings, text, wanted))


async def is_prepared(ls: Session, asked: Snapshot, request: InfillRequest, settings: Settings) -> bool:
    """Wait for what is being prepared for the place of a request, made from `asked`; False, and at once, if nothing is."""
    return await ls.prepared(_place(asked.uri, settings, request.slice_prefix, request.slice_suffix))


def _place(uri: str, settings: Settings, slice_prefix: str, slice_suffix: str) -> Hashable:
    return (uri, settings, slice_prefix, slice_suffix)


async def pause(wanted: asyncio.Event) -> None:
    """Wait a while, but no longer than until somebody waits for what comes then."""
    with suppress(TimeoutError):
        await asyncio.wait_for(wanted.wait(), PAUSE_S)


async def _prepare(ls: Session, asked: Snapshot, settings: Settings, text: str, wanted: asyncio.Event) -> None:
    """Ask the model behind `text`, after a pause or when it is `wanted`, and remember what it says."""
    from dlm_lsp.engine.gate import admit_all
    from dlm_lsp.engine.prepare import accept, next_line
    from dlm_lsp.engine.request import build_request, is_wanted

    await pause(wanted)
    hello = ls.engine.hello
    if hello is None:
        return

    outline, offered = ls.surroundings.of(asked, ls.workspace, settings.exclude)

    def build(snapshot: Snapshot) -> InfillRequest:
        return build_request(
            *(snapshot, settings, hello),
            request_id=ls.new_id(),
            trigger=Trigger.AUTOMATIC,
            known=outline,
            offered=offered,
        )

    scope = (asked.uri, settings)
    accepted = accept(asked, text)
    there = build(accepted)
    if not is_wanted(there, settings) or ls.recall.find(scope, there) is not None:
        return
    lead = next_line(accepted, there.holes[0])
    further = accept(accepted, lead)
    request = build(further) if lead else there
    result = await ls.engine.fill(request, gives_way=True)
    admitted = admit_all(further, request, result, settings)
    ls.tally.counts.update(prepared=1, calls=result.calls)
    log.info(
        "request %d v%d ahead: %s, %d admitted, %d steps",
        *(request.id, request.version, result.outcome, len(admitted), result.calls),
    )
    if result.outcome not in {Outcome.FILLED, Outcome.EMPTY}:
        return
    if admitted:
        ls.recall.remember(scope, there, [Offer(lead + each.text, each.candidate, request.id) for each in admitted])
    else:
        ls.recall.remember(scope, request, ())
