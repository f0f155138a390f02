"""Syntax verdicts about text become rows to mask again.

In: a canvas, its request and what stood there before. Out: the text of its holes with a verdict, and the rows that should
be decided anew. Calls no model; knows tree-sitter only through `syntax.verdict`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Tokenizer
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.strategy import Sampler
from dlm_lsp.syntax.early import find_early_fault
from dlm_lsp.syntax.verdict import Baseline, Fault, Verdict, judge
from dlm_lsp.text.trim import trim
from dlm_lsp.values import InfillRequest
from dlm_lsp.worker.layout import Draft, row_texts

LONG_ROWS = 24
"""From how many rows on a hole is looked at before it is full."""
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
    raw: tuple[str, ...] = ()
    """Per hole: the untrimmed answer."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What should be decided anew: errors, or else names that nothing binds."""
        return self.verdict.faults or self.verdict.unresolved


def look(
    canvas: Canvas,
    draft: Draft,
    request: InfillRequest,
    baseline: Baseline,
    tokenizer: Tokenizer,
    *,
    repairs: bool = True,
) -> Look:
    """Read the holes of a canvas and judge them in their slice; where nothing `repairs` them, the first fault is enough.

    Of an unfinished canvas only the whole lines before the first mask are read: what is shown when time runs out.
    """
    texts: list[str] = []
    raw: list[str] = []
    rows: list[tuple[tuple[int, int, int], ...]] = []
    for k, hole in enumerate(request.holes):
        answer, spans = read_hole(canvas, k, draft.typed[k], tokenizer)
        behind = request.window.between[k] if k < len(request.window.between) else request.window.suffix
        raw.append(answer)
        texts.append(trim(answer, behind, hole))
        rows.append(spans)
    verdict = judge(baseline, texts, request.known_names, thorough=repairs)
    return Look(tuple(texts), tuple(rows), verdict, tuple(raw))


def read_hole(
    canvas: Canvas, hole: int, typed: str, tokenizer: Tokenizer
) -> tuple[str, tuple[tuple[int, int, int], ...]]:
    """Give what is written in a hole so far, to the end or in whole lines, and which row stands where in it (`Look.rows`)."""
    places, ids = canvas.places.by_hole[hole], canvas.hole_tokens(hole)
    finished = canvas.mask_id not in ids
    if not finished:
        ids = ids[: ids.index(canvas.mask_id)]
    at = -len(typed)
    spans = []
    pieces = row_texts(ids, tokenizer)
    for place, piece in zip(places, pieces, strict=False):
        spans.append((place, at, at + len(piece)))
        at += len(piece)
    answer = "".join(pieces)[len(typed) :]
    if not finished:
        answer = answer[: max(answer.rfind("\n"), 0)]
    return answer, tuple(spans)


def look_early(
    canvas: Canvas, draft: Draft, request: InfillRequest, baseline: Baseline, tokenizer: Tokenizer, *, known_chars: int
) -> tuple[Look | None, int]:
    """Look at the whole lines of a long hole that is not full yet, where there are more than `known_chars` of them.

    Gives what no continuation can mend, or None, and how many characters of whole lines there are now.
    """
    (hole, *others) = request.holes
    if others or hole.max_lines == 1 or len(canvas.rows) < LONG_ROWS or canvas.done:
        return None, 0
    lines, spans = read_hole(canvas, 0, draft.typed[0], tokenizer)
    if len(lines) <= known_chars or not baseline.strict:
        return None, len(lines)
    fault = find_early_fault(request.slice_prefix, lines, request.language)
    if fault is None:
        return None, len(lines)
    verdict = Verdict((Fault(0, fault.start, fault.end, "no line behind can mend this"),))
    return Look((lines,), (spans,), verdict, (lines,)), len(lines)


def mask_again(canvas: Canvas, seen: Look, round_number: int, threshold: float) -> Tensor:  # [L] bool
    """Choose what to decide anew: all of every fault, and around it what was committed below the threshold."""
    chosen: list[int] = []
    confidence = canvas.confidence.tolist()
    reach = REACH_ROWS * 2**round_number
    for fault in seen.faults:
        spans = seen.rows[fault.hole]
        hit = hit_rows(fault, spans)
        for n, (place, _, _) in enumerate(spans):
            near = bool(hit) and hit[0] - reach <= n <= hit[-1] + reach
            if n in hit or (near and confidence[place] < threshold):
                chosen.append(place)
    rows = torch.zeros(len(canvas.tokens), dtype=torch.bool)
    rows[chosen] = True
    return rows


def why_masked(rows: Tensor, seen: Look) -> dict[int, str]:  # [L] bool
    """Say by row of the canvas why `mask_again` chose it."""
    reasons: dict[int, str] = {}
    for fault in seen.faults:
        spans = seen.rows[fault.hole]
        reasons = {spans[n][0]: fault.reason for n in hit_rows(fault, spans)} | reasons
    beside = f"unsure, beside: {seen.faults[0].reason}" if seen.faults else ""
    return {row: reasons.get(row, beside) for row in rows.nonzero().flatten().tolist()}


def hit_rows(fault: Fault, spans: Sequence[tuple[int, int, int]]) -> list[int]:
    """Give the rows of a hole that a fault touches, at least the last one."""
    wide = max(fault.end, fault.start + 1)
    hit = [n for n, (_, start, end) in enumerate(spans) if start < wide and fault.start < end]
    return hit or [*range(len(spans))][-1:]


@dataclass(frozen=True, slots=True)
class Anew:
    """A Sampler around a Sampler: what stood at a fault is not written there again.

    That holds while the canvas has the rows that it had when it was masked again; greedy refilling would else often come to the
    same text. A row that has no other choice is left alone.
    """

    inner: Sampler
    start: Canvas
    barred: dict[int, int]
    """Row to token."""

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Decide without the barred tokens."""
        if self.barred and len(canvas.tokens) == len(self.start.tokens):
            logits = logits.clone()
            for n, place in enumerate(canvas.rows.tolist()):
                token = self.barred.get(place)
                if token is not None:
                    before = float(logits[n, token])
                    logits[n, token] = -torch.inf
                    if not math.isfinite(float(logits[n].amax())):
                        logits[n, token] = before
        return self.inner(canvas, logits, rng)


def bar(canvas: Canvas, seen: Look) -> dict[int, int]:
    """Give the first row that is more than white space of the first fault, or of every name, with the token that stands there."""
    barred = {}
    for fault in seen.verdict.faults[:1] or seen.verdict.unresolved:
        spans = seen.rows[fault.hole]
        text = seen.raw[fault.hole]
        for n in hit_rows(fault, spans):
            place, start, end = spans[n]
            if text[max(start, 0) : end].strip():
                barred[place] = int(canvas.tokens[place])
                break
    return barred
