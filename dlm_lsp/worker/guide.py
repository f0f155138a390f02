"""Syntax verdicts about text become rows to mask again.

In: a canvas, its request and what stood there before. Out: the text of its holes with a verdict, and the rows that should
be decided anew. Calls no model; knows tree-sitter only through `syntax.verdict`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Tokenizer
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.syntax.verdict import Baseline, Verdict, judge
from dlm_lsp.text.trim import trim
from dlm_lsp.values import InfillRequest
from dlm_lsp.worker.layout import Draft, row_texts

REACH_ROWS = 2
"""How far around a fault the first round looks for doubtful tokens; every further round doubles it."""


@dataclass(frozen=True, slots=True)
class Look:
    """The text of a canvas and what the syntax says of it."""

    texts: tuple[str, ...]
    """Per hole: the answer, trimmed."""
    rows: tuple[tuple[tuple[int, int, int], ...], ...]
    """Per hole: (row of the canvas, start, end) with offsets in the untrimmed answer; typed characters count below 0."""
    verdict: Verdict


def look(canvas: Canvas, draft: Draft, request: InfillRequest, baseline: Baseline, tokenizer: Tokenizer) -> Look:
    """Read the holes of a canvas and judge them in their slice.

    Of an unfinished canvas only the whole lines before the first mask are read: what is shown when time runs out.
    """
    texts: list[str] = []
    rows: list[tuple[tuple[int, int, int], ...]] = []
    for k, hole in enumerate(request.holes):
        places = (canvas.hole_of == k).nonzero().flatten().tolist()
        ids = [int(canvas.tokens[place]) for place in places]
        finished = canvas.mask_id not in ids
        if not finished:
            ids = ids[: ids.index(canvas.mask_id)]
        at = -len(draft.typed[k])
        spans = []
        pieces = row_texts(ids, tokenizer)
        for place, piece in zip(places, pieces, strict=False):
            spans.append((place, at, at + len(piece)))
            at += len(piece)
        answer = "".join(pieces)[len(draft.typed[k]) :]
        if not finished:
            answer = answer[: max(answer.rfind("\n"), 0)]
        behind = request.window.between[k] if k < len(request.window.between) else request.window.suffix
        texts.append(trim(answer, behind, hole))
        rows.append(tuple(spans))
    return Look(tuple(texts), tuple(rows), judge(baseline, tuple(texts)))


def mask_again(canvas: Canvas, seen: Look, round_number: int, threshold: float) -> Tensor:  # [L] bool
    """Choose what to decide anew: all of every fault, and around it what was committed below the threshold."""
    chosen = torch.zeros(len(canvas.tokens), dtype=torch.bool)
    reach = REACH_ROWS * 2**round_number
    for fault in seen.verdict.faults:
        spans = seen.rows[fault.hole]
        hit = [
            n
            for n, (_, start, end) in enumerate(spans)
            if start < max(fault.end, fault.start + 1) and fault.start < end
        ]
        if not hit and spans:
            hit = [len(spans) - 1]
        for n, (place, _, _) in enumerate(spans):
            near = bool(hit) and hit[0] - reach <= n <= hit[-1] + reach
            if n in hit or (near and float(canvas.confidence[place]) < threshold):
                chosen[place] = True
    return chosen
