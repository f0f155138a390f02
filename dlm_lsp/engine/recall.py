"""Answers that are known already: at a place that was asked before, and wherever the user has typed to inside of one.

In: a request with the texts that were admitted for it; later, other requests. Out: what is left of those texts. Pure data: it
asks no model and judges nothing. It need not: a text is offered only where the very same text around it was judged with it, so
accepting it makes the document that was found to fit. Kept in memory only, and bounded.

The texts compared are those of the request's slice, not the document's: nothing here grows with the document. The far ends of a
slice move with the cursor; where one is cut off earlier than the other, what both show must be the same and long enough.
"""

import sys
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Candidate, InfillRequest, Trigger

MAX_ANSWERS = 256
MAX_BYTES = 4 * 1024 * 1024
OVERLAP_CHARS = 2000
"""How far two slices must agree, on a side where one of them reaches further than the other."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A text that may be inserted at the cursor, and the candidate whose beginning, or part, it is."""

    text: str
    candidate: Candidate
    request_id: int = 0
    """The request that the model answered with it."""


@dataclass(frozen=True, slots=True)
class Known:
    """An answer, and for what it was given; no offer means that there is nothing to be shown at that place."""

    scope: Hashable
    request: InfillRequest
    offers: tuple[Offer, ...]
    """Best first, every line ended by a line feed."""

    @property
    def size_bytes(self) -> int:
        """What its texts hold in memory, in the main; of those that several answers share, each counts its own."""
        request = self.request
        held: list[object] = [request.slice_prefix, request.slice_suffix, request.window.prefix, request.window.suffix]
        held += [request.known_names]  # the names themselves belong to the document's outline
        held += [request.context.imports, *(snippet.text for snippet in request.context.snippets)]
        held += [offer.text for offer in self.offers]
        return sum(map(sys.getsizeof, held))

    def rests(self, scope: Hashable, now: InfillRequest) -> tuple[Offer, ...] | None:
        """Give what is left of the offers at the place of another request; None where they are no answer to that."""
        if scope != self.scope or not _same_head(self.request.slice_suffix, now.slice_suffix):
            return None
        typed = typed_behind(self.request.slice_prefix, now.slice_prefix)
        if typed is None:
            return None
        if not typed:
            return self.offers if self._is_same_question(now) else None
        going_on = [offer for offer in self.offers if offer.text.startswith(typed)]
        rests = [replace(offer, text=offer.text.removeprefix(typed)) for offer in going_on]
        shown = tuple(rest for rest in rests if rest.text.strip())
        if not shown and now.trigger is Trigger.AUTOMATIC and any(rest.text for rest in rests):
            return ()  # a blank before what stands behind the cursor is nothing to show, and nothing to ask about
        return shown or None

    def _is_same_question(self, now: InfillRequest) -> bool:
        """Whether the model would see the same, for the same reason: who asks by key gets more, and what is unsure as well."""
        return self.request.trigger is now.trigger and _place(self.request) == _place(now)


class Recall:
    """The answers of one session, the one that was used last in front.

    A scope is what an answer never leaves: a document, under the settings that it was given with.
    """

    def __init__(self, max_answers: int = MAX_ANSWERS, max_bytes: int = MAX_BYTES) -> None:
        self._max_answers = max_answers
        self._max_bytes = max_bytes
        self._known: list[Known] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, scope: Hashable, request: InfillRequest, offers: Sequence[Offer]) -> None:
        """Keep an answer; what was used longest ago goes if there is no room."""
        known = Known(scope, request, tuple(replace(offer, text=as_seen(offer.text)) for offer in offers))
        self._known.insert(0, known)
        self.size_bytes += known.size_bytes
        while len(self._known) > self._max_answers or self.size_bytes > self._max_bytes:
            self.size_bytes -= self._known.pop().size_bytes

    def find(self, scope: Hashable, request: InfillRequest) -> tuple[Offer, ...] | None:
        """Give what is known to be on offer at a request's place, () if it is known that nothing is; None if it is not known."""
        known_as_empty = False
        for index, known in enumerate(self._known):
            rests = known.rests(scope, request)
            if rests:
                self._known.insert(0, self._known.pop(index))
                return rests
            known_as_empty |= rests is not None
        return () if known_as_empty else None

    def nearby(self, scope: Hashable, request: InfillRequest) -> str:
        """Give the text that was on offer at this place before lines above it, or lines below it, were changed; "" if none was."""
        for known in self._known:
            if scope == known.scope and known.offers and _is_near(known.request, request):
                return known.offers[0].text
        return ""

    def forget(self) -> None:
        """Drop everything: another model would answer otherwise."""
        self._known.clear()
        self.size_bytes = 0


def typed_behind(before: str, now: str) -> str | None:
    """Give what stands in `now` behind the end of `before`; None where what stood there before is not there now."""
    if now.startswith(before):
        return now[len(before) :]
    near, far = before[-OVERLAP_CHARS:], before[:-OVERLAP_CHARS]
    at = now.rfind(near) if far else -1
    if at < 0 or not (now[:at].endswith(far) or far.endswith(now[:at])):
        return None
    return now[at + len(near) :]


def _same_head(one: str, other: str) -> bool:
    """Whether two texts behind a cursor are the same, as far as both reach."""
    if len(one) == len(other):
        return one == other
    shorter, longer = sorted((one, other), key=len)
    return longer.startswith(shorter) and len(shorter) >= OVERLAP_CHARS


def _is_near(one: InfillRequest, other: InfillRequest) -> bool:
    """Whether the cursor's own line is the same, and either all that stands above it or all that stands below."""
    before, behind = one.slice_prefix, one.slice_suffix
    if before.rpartition("\n")[2] != other.slice_prefix.rpartition("\n")[2]:
        return False
    if behind.partition("\n")[0] != other.slice_suffix.partition("\n")[0]:
        return False
    return _same_head(behind, other.slice_suffix) or typed_behind(before, other.slice_prefix) == ""


def _place(request: InfillRequest) -> tuple[object, ...]:
    """Give all that an answer depends on, but for what its scope says."""
    return (
        request.language,
        request.window,
        request.slice_prefix,
        request.slice_suffix,
        request.context,
        request.known_names,
    )
