"""From a snapshot to the request that the worker gets: hole, window, slice and context.

In: a `Snapshot`, the settings, what the worker said of its model. Out: an `InfillRequest`, all text in it as the model sees
it. It calls no model and knows no protocol.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from dlm_lsp.engine.context import Outline, outline, short_path
from dlm_lsp.settings import Settings
from dlm_lsp.syntax.hole import SOME_LINES, find_hole
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.slice import cut_slice
from dlm_lsp.text.snippets import Chunk, choose
from dlm_lsp.text.window import as_seen, fit_window
from dlm_lsp.values import Context, Hole, HoleKind, InfillRequest, Snapshot, Snippet, Span, Trigger, Window
from dlm_lsp.wire import Hello

MAX_SNIPPET_SHARE = 1 / 4
"""How much of the room at most goes to pieces of other files."""
MAX_SHARE = 1 / 8
"""How much of the room at most goes to imports, and how much to names, that the window does not show."""
DRAWS = 3
"""How many answers are drawn where the setting `agreement` asks for it."""
MIN_WINDOW_TOKENS = 32


def build_request(
    snapshot: Snapshot,
    settings: Settings,
    hello: Hello,
    *,
    request_id: int,
    trigger: Trigger,
    watch: bool = False,
    known: Outline | None = None,
    offered: Iterable[Chunk] = (),
    more: Sequence[int] = (),
) -> InfillRequest:
    """Make the request for a hole at the snapshot's cursor, and at `more` offsets behind it, in order.

    `known` is what the document says beyond window and slice, perhaps some keystrokes ago; without it the whole is read now.
    `offered` are the chunks of other documents that may be told.
    """
    text, cursors = snapshot.text, (snapshot.cursor, *more)
    known = known or outline(snapshot.uri, text, snapshot.language)
    cut = cut_slice(text, cursors[0], snapshot.language)
    last = cut_slice(text, cursors[-1], snapshot.language) if more else cut
    between = tuple(as_seen(text[left:right]) for left, right in pairwise(cursors))
    slice_prefix, slice_suffix = as_seen(cut.prefix), as_seen(last.suffix)
    total_tokens = min(settings.max_window_tokens, hello.max_tokens or settings.max_window_tokens)
    max_hole_tokens = min(settings.max_hole_tokens, max(total_tokens // 2 // len(cursors), 1))
    room_tokens = max(total_tokens - max_hole_tokens * len(cursors), MIN_WINDOW_TOKENS)
    room_chars = int(room_tokens * hello.chars_per_token)
    context, window = _context_and_window(
        snapshot, cursors, room_chars, known, reads=hello.reads, offered=offered, snippets=settings.context_snippets
    )
    judged = "".join((slice_prefix, *between, slice_suffix))
    starts = accumulate(map(len, (slice_prefix, *between)))
    is_judged = find_language(snapshot.language).grammar is not None
    holes = (_for(trigger, find_hole(judged, start, snapshot.language), is_judged=is_judged) for start in starts)
    return InfillRequest(
        id=request_id,
        version=snapshot.version,
        language=snapshot.language,
        window=window,
        holes=tuple(holes),
        slice_prefix=slice_prefix,
        slice_suffix=slice_suffix,
        context=context,
        known_names=known.names_known(cut.start, last.end, len(text)),
        trigger=trigger,
        candidates=settings.candidates,
        draws=DRAWS if settings.agreement and trigger is Trigger.AUTOMATIC else 0,
        max_hole_tokens=max_hole_tokens,
        deadline_ms=settings.deadline_ms,
        sampler=settings.sampler,
        cache=settings.cache,
        length=settings.length,
        temperature=settings.temperature,
        threshold=settings.threshold,
        seed=settings.seed,
        copy_prior=settings.copy_prior,
        block_verbatim=settings.block_verbatim,
        repair_rounds=settings.repair_rounds,
        watch=watch,
    )


def is_wanted(request: InfillRequest, settings: Settings) -> bool:
    """Whether an answer may be shown at all: who merely types in prose is not to be disturbed, if the settings say so."""
    if request.trigger is not Trigger.AUTOMATIC:
        return True
    kinds = {hole.kind for hole in request.holes}
    in_comment = not kinds.isdisjoint({HoleKind.COMMENT, HoleKind.DOCSTRING})
    return (settings.in_comments or not in_comment) and (settings.in_strings or HoleKind.STRING not in kinds)


def _for(trigger: Trigger, hole: Hole, *, is_judged: bool) -> Hole:
    """Fit a hole to the occasion: on a line that is begun, or in a comment, who types wants one line, who asks may want more.

    Where nobody judges what more lines do to the text behind them, one is enough.
    """
    if hole.kind in {HoleKind.INLINE, HoleKind.REST} and trigger is not Trigger.AUTOMATIC and is_judged:
        return replace(hole, max_lines=max(hole.max_lines, SOME_LINES))
    if hole.kind is HoleKind.COMMENT and trigger is Trigger.AUTOMATIC:
        return replace(hole, max_lines=1)
    return hole


def _context_and_window(
    snapshot: Snapshot,
    cursors: Sequence[int],
    room_chars: int,
    known: Outline,
    *,
    reads: Collection[str],
    offered: Iterable[Chunk],
    snippets: int,
) -> tuple[Context, Window]:
    """Fit the window; where it does not reach what should be told of the document, make a little room for that."""
    length, holes = len(snapshot.text), [Span(cursor, cursor) for cursor in cursors]
    path = short_path(snapshot.uri) if "path" in reads else ""
    room = room_chars - len(path)
    window = fit_window(snapshot.text, holes, room)
    pieces: tuple[Snippet, ...] = ()
    if snippets and "snippets" in reads:
        most_chars = int(room_chars * MAX_SNIPPET_SHARE)
        pieces = choose(offered, as_seen(window.prefix), as_seen(window.suffix), most=snippets, max_chars=most_chars)
        room -= sum(len(piece.path) + len(piece.text) for piece in pieces)
        window = fit_window(snapshot.text, holes, room)
    start, end = cursors[0] - len(window.prefix), cursors[-1] + len(window.suffix)
    share = int(room_chars * MAX_SHARE)
    imports = known.imports_before(start, share) if "imports" in reads else ""
    names = known.names_told(start, end, length, share) if "names" in reads else ()
    if imports or names:
        window = fit_window(snapshot.text, holes, room - len(imports) - len(" ".join(names)))
    context = Context(path, imports, names, pieces)
    return context, Window(as_seen(window.prefix), as_seen(window.suffix), tuple(map(as_seen, window.between)))
