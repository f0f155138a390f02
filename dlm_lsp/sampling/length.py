"""Holes that grow and shrink: what a decided expand or delete token does to the canvas.

After DreamOn (arXiv 2602.01326): a decided expand token becomes two masks, a decided delete token takes its own row away.
In: logits before a decision, the Move after it. Out: both, kept within the hole's bounds. Does not know how rows are chosen.

Differs from the paper: at most one structural change a hole a step, so that no token is placed beside neighbours that the
model has not seen; any number of ordinary tokens in the same step; a delete never empties what stands to its right.
"""

from dataclasses import replace

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Vocabulary, send
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.strategy import Adjust


def bound_length(canvas: Canvas, logits: Tensor, vocabulary: Vocabulary, min_rows: int) -> None:  # [H, V]
    """Forbid in `logits` expand where a hole's budget is spent, and delete where a hole has only `min_rows` rows."""
    for hole, left in enumerate(canvas.budget):
        rows = canvas.places.of_hole[hole]
        if vocabulary.expand_id is not None and left == 0:
            logits[:, vocabulary.expand_id].index_fill_(0, send(rows, logits.device), -torch.inf)
        if vocabulary.delete_id is not None and len(rows) <= min_rows:
            logits[:, vocabulary.delete_id].index_fill_(0, send(rows, logits.device), -torch.inf)


def forbid_resizing(vocabulary: Vocabulary) -> Adjust:
    """Give the edit that makes expand and delete impossible: for holes whose length is decided before they are decoded."""
    ids = [token for token in (vocabulary.expand_id, vocabulary.delete_id) if token is not None]

    def edit(_canvas: Canvas, logits: Tensor) -> Tensor:  # [H, V] -> [H, V]
        for token in ids:
            logits[:, token] = -torch.inf
        return logits

    return edit


def resize(canvas: Canvas, move: Move, vocabulary: Vocabulary, min_rows: int) -> Move:
    """Turn the expand and delete tokens that `move` commits into growth and shrinkage; its ordinary commits stay.

    Of a hole's structural picks the most confident counts, the leftmost among equals; a delete takes the unbroken run of
    rows along that were picked as delete too, as far as `min_rows` rows remain. The other picks stay masked: their reasons
    may be gone once the model sees the new length. Over a token that was written nothing structural is written: it stays.
    """
    structural = {vocabulary.expand_id, vocabulary.delete_id}
    if structural.isdisjoint(move.written(canvas.rows).values()):  # as in most steps
        return move
    expands = move.commit & _is(move.tokens, vocabulary.expand_id)  # [L]
    deletes = move.commit & _is(move.tokens, vocabulary.delete_id)  # [L]
    picks = expands | deletes
    if move.revoke is not None:
        over = picks & ~canvas.masked
        move = replace(move, commit=move.commit & ~over, revoke=move.revoke & ~over)
        expands, deletes, picks = expands & ~over, deletes & ~over, picks & ~over
    grow, drop = torch.zeros_like(picks), torch.zeros_like(picks)
    for hole in range(len(canvas.budget)):
        rows = canvas.hole_of == hole
        if not bool((picks & rows).any()):
            continue
        pick = int(torch.where(picks & rows, move.confidence, -1.0).argmax())
        if bool(expands[pick]):
            grow[pick] = True
        else:
            run = _run(deletes & rows, pick)
            # The rightmost go: the first row may be bound to what the user typed.
            drop[run[max(0, len(run) - (int(rows.sum()) - min_rows)) :]] = True
    return replace(move, commit=move.commit & ~picks, grow=grow, drop=drop)


def _is(tokens: Tensor, token: int | None) -> Tensor:
    return torch.zeros_like(tokens, dtype=torch.bool) if token is None else tokens == token


def _run(marked: Tensor, place: int) -> list[int]:
    """The unbroken run of marked rows around `place`."""
    start, stop = place, place + 1
    while start > 0 and bool(marked[start - 1]):
        start -= 1
    while stop < len(marked) and bool(marked[stop]):
        stop += 1
    return list(range(start, stop))
