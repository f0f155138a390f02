"""Holes that grow and shrink: what a decided expand or delete token does to the canvas.

After DreamOn (arXiv 2602.01326): a decided expand token becomes two masks, a decided delete token takes its own row away.
In: logits before a decision, the Move after it. Out: both, kept within the hole's bounds. Does not know how rows are chosen.

Differs from the paper: at most one structural change a hole a step, so that no token is placed beside neighbours that the
model has not seen; any number of ordinary tokens in the same step; a delete never empties what stands to its right, as it does in the
authors' code (`pad_eos_to_right`). Their own rule, one token a step, the narrowest distribution first, is the sampler `eb` with gamma 0.
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
    picks = {row: token for row, token in move.written.items() if token in structural}
    if not picks:  # as in most steps
        return move
    masks = set(canvas.masked_rows)
    if over := [row for row in picks if row not in masks]:
        assert move.revoke is not None, "only what is revoked is written over"
        move = replace(move, commit=_mark(move.commit, over, value=False), revoke=_mark(move.revoke, over, value=False))
    grow: list[int] = []
    drop: list[int] = []
    confidence = move.confidence.tolist()
    for rows in canvas.places.by_hole:
        mine = [row for row in rows if row in picks and row in masks]
        if not mine:
            continue
        pick = max(mine, key=confidence.__getitem__)
        if picks[pick] == vocabulary.expand_id:
            grow.append(pick)
        else:
            run = run_around({row for row in mine if picks[row] == vocabulary.delete_id}, pick)
            # The rightmost go: the first row may be bound to what the user typed.
            drop += run[max(0, len(run) - (len(rows) - min_rows)) :]
    nothing = torch.zeros_like(move.commit)
    return replace(
        move,
        commit=_mark(move.commit, list(picks), value=False),
        grow=_mark(nothing, grow, value=True),
        drop=_mark(nothing, drop, value=True),
    )


def run_around(marked: set[int], place: int) -> list[int]:
    """Give the unbroken run of marked rows around `place`."""
    start, stop = place, place + 1
    while start - 1 in marked:
        start -= 1
    while stop in marked:
        stop += 1
    return list(range(start, stop))


def _mark(marked: Tensor, rows: list[int], *, value: bool) -> Tensor:  # [L] bool
    return marked.index_fill(0, torch.tensor(rows, dtype=torch.int64), value=value)
