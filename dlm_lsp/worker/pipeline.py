"""From a request to ranked fillings: the whole algorithm on one page.

In: an `InfillRequest`, a `Denoiser` with the texts of its vocabulary, and two callbacks (is it cancelled, who watches). Out: an `InfillResult`.
Lay out → lengths → denoise → look → mask again what does not fit → rank. It knows no pipe and no editor; between any two
model calls it asks whether anybody still waits.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, Tokenizer, View, Vocabulary
from dlm_lsp.sampling.canvas import Canvas, Move, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.healing import Pieces
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.syntax.verdict import Baseline, survey
from dlm_lsp.values import Candidate, InfillRequest, InfillResult, Outcome, Step
from dlm_lsp.worker.guide import Look, look, mask_again
from dlm_lsp.worker.layout import Draft, encode

LENGTH_FACTORS = (1.0, 0.5, 1.5, 2.0, 0.75, 1.25, 0.35, 3.0)
"""Lengths of the candidates of a checkpoint that grows and shrinks its holes, as multiples of the hint."""
LENGTH_GRID = (8, 16, 32, 64)
"""Lengths that are tried, in one batch, with a checkpoint whose holes keep their length."""
REPAIR_TEMPERATURE = 0.7
"""From the second repair round on: greedy refilling of a wider gap often writes the same tokens again."""


class Metered:
    """A Denoiser around a Denoiser that counts calls and time."""

    def __init__(self, inner: Denoiser) -> None:
        self._inner = inner
        self.calls = 0
        self.spent_ms = 0.0

    @property
    def vocabulary(self) -> Vocabulary:
        """The inner one's."""
        return self._inner.vocabulary

    @property
    def tokenizer(self) -> Tokenizer:
        """The inner one's."""
        return self._inner.tokenizer

    @property
    def max_tokens(self) -> int:
        """The inner one's."""
        return self._inner.max_tokens

    @property
    def device(self) -> str:
        """The inner one's."""
        return self._inner.device

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Ask the inner one, and take the time."""
        begin = time.perf_counter()
        answer = self._inner.predict(views)
        self.spent_ms += (time.perf_counter() - begin) * 1000
        self.calls += 1
        return answer


def fill(
    request: InfillRequest,
    denoiser: Denoiser,
    pieces: Pieces,
    *,
    arrived: float,
    cancelled: Callable[[], bool],
    watch: Callable[[Step], None] | None = None,
) -> InfillResult:
    """Fill the holes of a request that was read at `arrived`, in seconds of `time.monotonic`."""
    started = time.monotonic()
    spent = {"queue": (started - arrived) * 1000, "encode": 0.0, "forward": 0.0, "guide": 0.0}
    deadline = arrived + request.deadline_ms / 1000
    metered = Metered(denoiser)

    def answer(outcome: Outcome, candidates: tuple[Candidate, ...] = ()) -> InfillResult:
        spent["forward"] = metered.spent_ms
        spent["total"] = (time.monotonic() - started) * 1000
        spent["sample"] = spent["total"] - spent["encode"] - spent["forward"] - spent["guide"]
        return InfillResult(request.id, request.version, outcome, candidates, spent)

    if cancelled():
        return answer(Outcome.CANCELLED)
    draft, canvases, temperatures = begin_canvases(request, denoiser, pieces)
    spent["encode"] = (time.monotonic() - started) * 1000
    baseline: Baseline | None = None
    rngs = [torch.Generator().manual_seed(request.seed * 1009 + k) for k in range(len(canvases))]
    samplers = [Threshold(request.threshold, temperature) for temperature in temperatures]
    rounds = [0] * len(canvases)
    looks: list[Look] = []
    open_lanes = list(range(len(canvases)))  # what is still decoded; the others are finished
    while open_lanes:
        for moved in denoise(
            [canvases[k] for k in open_lanes],
            metered,
            [samplers[k] for k in open_lanes],
            [rngs[k] for k in open_lanes],
            adjust=draft.adjusts,
        ):
            for k, canvas in zip(open_lanes, moved, strict=True):
                canvases[k] = canvas
            if watch:
                watch(picture(request.id, metered.calls, canvases[0], denoiser.tokenizer, rounds=rounds[0]))
            if cancelled():
                return answer(Outcome.CANCELLED)
            if time.monotonic() > deadline:
                break
        begin = time.monotonic()
        baseline = baseline or survey(
            request.slice_prefix, request.window.between, request.slice_suffix, request.language
        )
        looks = [look(canvas, draft, request, baseline, denoiser.tokenizer) for canvas in canvases]
        late = time.monotonic() > deadline
        again = {
            k: mask_again(canvases[k], looks[k], rounds[k], request.threshold)
            for k in range(len(canvases))
            if not late and rounds[k] < request.repair_rounds and canvases[k].done
        }
        open_lanes = [k for k, rows in again.items() if bool(rows.any())]
        for k in open_lanes:
            canvases[k] = revoke(canvases[k], again[k])
            rounds[k] += 1
            if rounds[k] > 1:
                samplers[k] = Threshold(request.threshold, max(temperatures[k], REPAIR_TEMPERATURE))
            if watch and k == 0:
                watch(
                    picture(
                        request.id,
                        metered.calls,
                        canvases[0],
                        denoiser.tokenizer,
                        rounds=1,
                        revoked=int(again[0].sum()),
                    )
                )
        spent["guide"] += (time.monotonic() - begin) * 1000
    candidates = rank(
        [finish(canvas, seen, metered.calls, n) for canvas, seen, n in zip(canvases, looks, rounds, strict=True)],
        request.candidates,
    )
    if not all(canvas.done for canvas in canvases):
        return answer(Outcome.LATE, candidates)
    return answer(Outcome.FILLED if candidates else Outcome.EMPTY, candidates)


def begin_canvases(
    request: InfillRequest, denoiser: Denoiser, pieces: Pieces
) -> tuple[Draft, list[Canvas], list[float]]:
    """Lay the request out and choose the lengths; one canvas and one temperature per lane."""
    vocabulary = denoiser.vocabulary
    lanes = plan_lanes(request, vocabulary)
    draft = encode(request, denoiser, pieces, hole_tokens=max(sum(lengths) for lengths, _ in lanes))
    canvases = [
        join(draft.parts, lengths, [request.max_hole_tokens - length for length in lengths], vocabulary.mask_id)
        for lengths, _ in lanes
    ]
    return draft, canvases, [temperature for _, temperature in lanes]


def plan_lanes(request: InfillRequest, vocabulary: Vocabulary) -> list[tuple[tuple[int, ...], float]]:
    """Choose the first length of every hole and the temperature, lane by lane; the first lane is greedy at the hint."""
    hints = [min(hole.hint_tokens, request.max_hole_tokens) for hole in request.holes]
    if vocabulary.expand_id is None or vocabulary.delete_id is None:
        grid = [length for length in LENGTH_GRID if length <= request.max_hole_tokens] or [request.max_hole_tokens]
        return [(tuple(length for _ in hints), 0.0) for length in grid]
    lanes = []
    for k in range(request.candidates):
        factor = LENGTH_FACTORS[k % len(LENGTH_FACTORS)]
        lengths = tuple(max(1, min(math.ceil(hint * factor), request.max_hole_tokens)) for hint in hints)
        lanes.append((lengths, request.temperature if k else 0.0))
    return lanes


def revoke(canvas: Canvas, rows: Tensor) -> Canvas:
    """Mask these rows again."""
    nothing = torch.zeros_like(rows)
    return canvas.apply(Move(commit=nothing, tokens=canvas.tokens, confidence=canvas.confidence, revoke=rows))


def finish(canvas: Canvas, seen: Look, steps: int, rounds: int) -> Candidate:
    """Turn a canvas and its text into what is sent back."""
    confidence = canvas.confidence[canvas.holes & ~canvas.masked]
    logprob = float(confidence.clamp_min(1e-9).log().mean()) if len(confidence) else 0.0
    return Candidate(
        texts=seen.texts,
        mean_logprob=logprob,
        token_confidence=tuple(round(float(c), 4) for c in confidence),
        steps=steps,
        rounds=rounds,
        parses=seen.verdict.parses,
    )


def rank(candidates: Sequence[Candidate], wanted: int) -> tuple[Candidate, ...]:
    """Drop the empty and the repeated ones; those that fit come first, then the surest."""
    distinct: dict[tuple[str, ...], Candidate] = {}
    for candidate in candidates:
        if any(text.strip() for text in candidate.texts):
            distinct.setdefault(candidate.texts, candidate)
    best = sorted(distinct.values(), key=lambda candidate: (not candidate.parses, -candidate.mean_logprob))
    return tuple(best[:wanted])


def picture(
    request_id: int, calls: int, canvas: Canvas, tokenizer: Tokenizer, *, rounds: int, revoked: int = 0
) -> Step:
    """Give what a person watching sees of a canvas."""

    def pieces(hole: int) -> Iterator[str | None]:
        for token in canvas.hole_tokens(hole):
            yield None if token == canvas.mask_id else tokenizer.decode([token])

    return Step(
        id=request_id,
        step=calls,
        pieces=tuple(tuple(pieces(hole)) for hole in range(len(canvas.budget))),
        revoked=revoked,
        stage="repair" if rounds else "denoise",
    )


def warm_up(denoiser: Denoiser) -> None:
    """Ask the model once, at a usual size, so that the first request is not slower than the second."""
    tokens = torch.full((min(128, denoiser.max_tokens),), denoiser.vocabulary.mask_id)
    denoiser.predict([View(tokens, torch.arange(1, len(tokens)))])
