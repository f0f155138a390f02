"""From a snapshot to the request that the worker gets: hole, window, slice and context.

In: a `Snapshot`, the settings, what the worker said of its model. Out: an `InfillRequest`, all text in it as the model sees
it. It calls no model and knows no protocol.
"""

from dataclasses import replace
from urllib.parse import unquote, urlsplit

from dlm_lsp.settings import Settings
from dlm_lsp.syntax.hole import SOME_LINES, find_hole
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.slice import cut_slice
from dlm_lsp.text.window import as_seen, fit_window
from dlm_lsp.values import Context, HoleKind, InfillRequest, Snapshot, Span, Trigger, Window
from dlm_lsp.wire import Hello

MAX_IMPORT_SHARE = 1 / 8
"""How much of the room at most goes to imports that the window does not show."""
MIN_WINDOW_TOKENS = 32


def build_request(
    snapshot: Snapshot, settings: Settings, hello: Hello, *, request_id: int, trigger: Trigger, watch: bool = False
) -> InfillRequest:
    """Make the request for one hole at the snapshot's cursor."""
    text, cursor = snapshot.text, snapshot.cursor
    cut = cut_slice(text, cursor, snapshot.language)
    slice_prefix, slice_suffix = as_seen(cut.prefix), as_seen(cut.suffix)
    total_tokens = min(settings.max_window_tokens, hello.max_tokens or settings.max_window_tokens)
    max_hole_tokens = min(settings.max_hole_tokens, total_tokens // 2)
    room_tokens = max(total_tokens - max_hole_tokens, MIN_WINDOW_TOKENS)
    room_chars = int(room_tokens * hello.chars_per_token)
    path = _short_path(snapshot.uri)
    imports, window = _imports_and_window(snapshot, room_chars - len(path))
    hole = find_hole(slice_prefix + slice_suffix, len(slice_prefix), snapshot.language)
    if hole.kind is HoleKind.INLINE and trigger is not Trigger.AUTOMATIC:
        # Who asks in the middle of a line may want the lines up to what stands behind; who types wants one line.
        hole = replace(hole, max_lines=SOME_LINES)
    return InfillRequest(
        id=request_id,
        version=snapshot.version,
        language=snapshot.language,
        window=window,
        holes=(hole,),
        slice_prefix=slice_prefix,
        slice_suffix=slice_suffix,
        context=Context(path=as_seen(path), imports=as_seen(imports)),
        trigger=trigger,
        candidates=settings.candidates,
        max_hole_tokens=max_hole_tokens,
        deadline_ms=settings.deadline_ms,
        sampler=settings.sampler,
        temperature=settings.temperature,
        threshold=settings.threshold,
        seed=settings.seed,
        repair_rounds=settings.repair_rounds,
        watch=watch,
    )


def _imports_and_window(snapshot: Snapshot, room_chars: int) -> tuple[str, Window]:
    """Fit the window; if it does not reach the document's imports, make a little room for them."""
    hole = Span(snapshot.cursor, snapshot.cursor)
    window = fit_window(snapshot.text, [hole], room_chars)
    imports = _imports(snapshot, len(window.prefix), int(room_chars * MAX_IMPORT_SHARE))
    if imports:
        window = fit_window(snapshot.text, [hole], room_chars - len(imports))
    return imports, Window(as_seen(window.prefix), as_seen(window.suffix))


def _imports(snapshot: Snapshot, prefix_chars: int, max_chars: int) -> str:
    """Give the import statements that stand before the window, as many as fit."""
    kept: list[str] = []
    pattern = find_language(snapshot.language).import_line
    for match in pattern.finditer(snapshot.text, 0, snapshot.cursor - prefix_chars):
        if sum(map(len, kept)) + len(match[0]) + 1 > max_chars:
            break
        kept.append(match[0] + "\n")
    return "".join(kept)


def _short_path(uri: str) -> str:
    """Give the last two components of a URI's path."""
    path = unquote(urlsplit(uri).path).replace("\\", "/")
    return "/".join([part for part in path.split("/") if part][-2:])
