"""From the gaps of a code action to requests, and from the answers back to edits of the document.

In: a snapshot with gaps, what the worker said of its model, its answers. Out: `InfillRequest`s, as few as fit the window, and
`Edit`s that were judged in the whole document. It calls no model and knows no protocol.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from dlm_lsp.engine.context import Outline
from dlm_lsp.engine.edits import Edit, apply, split
from dlm_lsp.engine.gaps import Gap
from dlm_lsp.engine.gate import admit_all
from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.syntax.functions import is_placeholder
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.verdict import judge, survey
from dlm_lsp.text.snippets import Chunk
from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Candidate, InfillRequest, InfillResult, Snapshot, Trigger
from dlm_lsp.wire import Hello

MIN_HOLE_TOKENS = 48
"""What a function's body gets at least, where several share a canvas."""
MIN_CONTEXT_TOKENS = 64
"""What is left for the text around the holes of a shared canvas."""
PATIENCE = 4
"""How much longer than somebody who types somebody waits who has chosen an action, sees its progress and can stop it."""
KEPT_BODY = "pass"
"""Stands for what stays, behind a lead that makes a block of what was none."""
CHOICE = 4
"""Candidates of an action with one gap."""
GUESS_TOKENS = 32
"""The length of a function's body, where nothing tells."""
MAX_CPU_TOKENS = 64
"""Without a GPU a batch takes as long as its candidates one by one: as many tokens may all candidates have that are asked for."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Gaps that are filled together."""

    snapshot: Snapshot
    gaps: tuple[Gap, ...]

    @property
    def old_texts(self) -> tuple[str, ...]:
        """What stands in the gaps now."""
        return tuple(self.snapshot.text[gap.span.start : gap.span.end] for gap in self.gaps)


def share_out(snapshot: Snapshot, gaps: Sequence[Gap], settings: Settings, hello: Hello) -> list[Canvas]:
    """Put neighbours together, as many as have room; none where a gap is larger than what the model can write."""
    total_tokens = min(settings.max_window_tokens, hello.max_tokens or settings.max_window_tokens)
    if any(_size_tokens(gap, hello) > total_tokens // 2 for gap in gaps):
        return []
    shared: list[list[Gap]] = []
    for gap in gaps:
        together = [*shared[-1], gap] if shared else []
        hole_tokens = len(together) * min(settings.max_hole_tokens, MIN_HOLE_TOKENS)
        between_chars = sum(right.span.start - left.span.end + len(right.lead) for left, right in pairwise(together))
        between_tokens = math.ceil(between_chars / hello.chars_per_token)
        if together and max(2 * hole_tokens, hole_tokens + between_tokens + MIN_CONTEXT_TOKENS) <= total_tokens:
            shared[-1] = together
        else:
            shared.append([gap])
    return [Canvas(snapshot, tuple(each)) for each in shared]


def make_request(
    canvas: Canvas,
    settings: Settings,
    hello: Hello,
    *,
    request_id: int,
    seed: int = 0,
    known: Outline | None = None,
    offered: Iterable[Chunk] = (),
) -> InfillRequest:
    """Make the request that fills the gaps of a canvas; `known` and `offered` are told as in `build_request`."""
    gaps = canvas.gaps
    text, cursors = _emptied(canvas)
    sizes = [_size_tokens(gap, hello) for gap in gaps]
    chosen = replace(
        settings,
        max_hole_tokens=max((max(2 * size, 32) if size else settings.max_hole_tokens) for size in sizes),
        # Asked again, one more: the greedy one is known already.
        candidates=max(settings.candidates, _choice(sizes, hello)) + bool(seed),
        deadline_ms=settings.deadline_ms * max(len(gaps), PATIENCE),
        seed=settings.seed + seed,
    )
    request = build_request(
        replace(canvas.snapshot, text=text, cursor=cursors[0]),
        chosen,
        hello,
        request_id=request_id,
        trigger=Trigger.ACTION,
        known=known,
        offered=offered,
        more=cursors[1:],
    )
    holes = tuple(
        replace(hole, hint_tokens=size or hole.hint_tokens, max_lines=gap.max_lines or hole.max_lines)
        for hole, gap, size in zip(request.holes, gaps, sizes, strict=True)
    )
    return replace(request, holes=holes)


def read_answer(
    canvas: Canvas, request: InfillRequest, result: InfillResult, settings: Settings
) -> dict[tuple[str, ...], Candidate]:
    """Give the ways to fill the gaps, best first, one text per gap, each with the candidate that it comes from.

    A gap that nothing fits in keeps what it has. Each way was judged in the whole document and differs from what stands there.
    Gaps that the best answer leaves as they are get what another one has for them.
    """
    old = canvas.old_texts
    kept = [KEPT_BODY if gap.lead else before for gap, before in zip(canvas.gaps, old, strict=True)]
    found: dict[tuple[str, ...], Candidate] = {}
    for admitted in admit_all(canvas.snapshot, request, result, settings, kept=kept):
        way = tuple(
            before if text.strip() in {before.strip(), stays.strip()} or _says_nothing(gap, text) else gap.lead + text
            for gap, before, stays, text in zip(canvas.gaps, old, kept, admitted.texts, strict=True)
        )
        found.setdefault(way, admitted.candidate)
    if not found:
        return {}
    together = tuple(
        next((text for text in texts if text != before), before)
        for before, texts in zip(old, zip(*found, strict=True), strict=True)
    )
    ways = {together: next(iter(found.values())), **found}
    ways.pop(old, None)
    return {
        way: candidate
        for way, candidate in ways.items()
        if settings.show_broken or fits(canvas.snapshot, edits(canvas, way))
    }


def edits(canvas: Canvas, texts: Sequence[str]) -> list[Edit]:
    """Give the edits that put `texts` into the gaps; none where nothing changes."""
    every = zip(canvas.gaps, canvas.old_texts, texts, strict=True)
    return [Edit(gap.span, text) for gap, old, text in every if text != old]


def fits(snapshot: Snapshot, changes: Sequence[Edit]) -> bool:
    """Whether a document is as right after the edits as it was before, all of it."""
    text, strict = snapshot.text, find_language(snapshot.language).strict
    if strict is not None and strict(text) is None:
        return strict(apply(text, changes)) is None
    pieces = split(text, [each.span for each in changes])
    seen = [as_seen(piece) for piece in pieces]
    baseline = survey(seen[0], seen[1:-1], seen[-1], snapshot.language)
    return judge(baseline, [as_seen(each.text) for each in changes]).parses


def _emptied(canvas: Canvas) -> tuple[str, list[int]]:
    """Give the document with empty gaps, behind their leads, and where they are in it."""
    empty = [Edit(gap.span, gap.lead) for gap in canvas.gaps]
    cursors, shift = [], 0
    for each in empty:
        shift += len(each.text) - (each.span.end - each.span.start)
        cursors.append(each.span.end + shift)
    return apply(canvas.snapshot.text, empty), cursors


def _says_nothing(gap: Gap, text: str) -> bool:
    """Whether a stub would become another stub."""
    return not gap.max_lines and is_placeholder(text)


def _choice(sizes: Sequence[int], hello: Hello) -> int:
    """Say how many ways to ask for."""
    if len(sizes) > 1:
        return 1
    return max(min(MAX_CPU_TOKENS // (sizes[0] or GUESS_TOKENS), CHOICE), 2) if hello.device == "cpu" else CHOICE


def _size_tokens(gap: Gap, hello: Hello) -> int:
    return math.ceil(gap.size_chars / hello.chars_per_token)
