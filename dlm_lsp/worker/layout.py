"""From a request's text to the token rows around its holes.

In: an `InfillRequest` and a tokenizer. Out: a `Draft`: the context as ids, cut to what the model takes, with the tokens
that the cursor cuts healed. Knows no lengths of holes but their sum, and no sampling.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dlm_lsp.models.denoiser import Denoiser, Tokenizer
from dlm_lsp.sampling.healing import Pieces, heal
from dlm_lsp.sampling.strategy import Adjust
from dlm_lsp.text.layout import Special, lay_out
from dlm_lsp.values import Context, Hole, InfillRequest

PREFIX_SHARE = 2 / 3
"""Of the room that prefix and suffix compete for; what one side does not need the other one gets."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The context of a canvas."""

    parts: tuple[tuple[int, ...], ...]
    """Ids before, between and behind the holes: one part more than there are holes."""
    typed: tuple[str, ...]
    """Per hole: characters before the hole that its first token must repeat; not part of the answer."""
    adjusts: tuple[Adjust, ...]
    """What must happen to the logits so that it does."""
    truth: tuple[tuple[int, ...], ...] = ()
    """Per hole: the ids of what really stood there, where a benchmark tells."""


def encode(request: InfillRequest, denoiser: Denoiser, pieces: Pieces, hole_tokens: int) -> Draft:
    """Lay a request out in at most `denoiser.max_tokens` rows, `hole_tokens` of which are kept free."""
    tokenizer = denoiser.tokenizer
    window = request.window
    start, head = head_ids(request.context, tokenizer)
    prefix = tokenizer.encode(window.prefix)
    most = denoiser.max_tokens - len(start) - hole_tokens
    between = without_middles([tokenizer.encode(text) for text in window.between], most - 2)
    suffix = tokenizer.encode(window.suffix)
    room = most - sum(map(len, between))
    for less in (replace(request.context, snippets=()), Context()):
        if len(head) > room // 2:  # the text around the hole is worth more than what is told about it
            _, head = head_ids(less, tokenizer)
    room = max(room - len(head), 2)
    before = min(len(prefix), max(int(room * PREFIX_SHARE), room - len(suffix)))
    behind = max(room - before, 0)
    parts = [(*start, *head, *prefix[len(prefix) - before :]), *map(tuple, between), tuple(suffix[:behind])]
    typed: list[str] = []
    adjusts: list[Adjust] = []
    for k, hole in enumerate(request.holes):
        healed = heal(parts[k], pieces, through_newline=wants_indent(hole))
        typed.append(healed.typed if healed else "")
        if healed:
            parts[k] = healed.kept
            adjusts.append(healed.hold(k, denoiser.vocabulary))
    return Draft(tuple(parts), tuple(typed), tuple(adjusts))


def without_middles(parts: Sequence[list[int]], room: int) -> list[list[int]]:
    """Cut texts between holes to the room that they have together: what stands next to a hole is worth most."""
    length = sum(map(len, parts))
    if length <= room:
        return list(parts)
    kept = [len(part) * max(room, 0) // length for part in parts]
    return [part[: size - size // 2] + part[len(part) - size // 2 :] for part, size in zip(parts, kept, strict=True)]


def head_ids(context: Context, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Give the token that starts every canvas, so that no mask stands at row 0, and what is told before the window."""
    first = tokenizer.special_id("beginoftext")
    first = tokenizer.special_id("endoftext") if first is None else first
    markers = tokenizer.special_id("path") is not None and tokenizer.special_id("sep") is not None
    ids: list[int] = []
    for piece in lay_out(context, "", markers=markers):
        if isinstance(piece, Special):
            special = tokenizer.special_id(piece.name)
            assert special is not None, f"the tokenizer has markers but not {piece.name}"
            ids.append(special)
        else:
            ids += tokenizer.encode(piece)
    return ([] if first is None else [first]), ids


def wants_indent(hole: Hole) -> bool:
    """Whether the indentation is the model's to write: the cursor's line is blank and not, or not yet, indented as its block."""
    return hole.starts_line and (not hole.typed_indent or hole.typed_indent != hole.indent)


def row_texts(ids: Sequence[int], tokenizer: Tokenizer) -> list[str]:
    """Give the text of every row of a hole, so that they join to the text of the whole.

    A character whose bytes are spread over several tokens belongs to the last of them.
    """
    texts = [tokenizer.decode([token]) for token in ids]
    if "�" not in "".join(texts):
        return texts
    ends = [0] + [len(tokenizer.decode(ids[: n + 1]).rstrip("�")) for n in range(len(ids))]
    whole = tokenizer.decode(ids)
    ends[-1] = len(whole)
    return [whole[a:b] for a, b in itertools.pairwise(ends)]
