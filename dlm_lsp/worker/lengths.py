"""How long the holes of a request are: which lengths are tried, in which lanes, and whether rows may come or go.

In: a request, what the checkpoint can do, its curve of `sampling.cal` if it has one. Out: the `Plan` of every lane, and the text
around the holes as tokens, for the two depend on each other. Calls the model only to probe for lengths. A request whose truth is forced is as long as the truth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dlm_lsp.decoders import DECODERS, ORACLE, read_decoder, read_length
from dlm_lsp.errors import SettingsError
from dlm_lsp.models.denoiser import Denoiser, Vocabulary
from dlm_lsp.sampling.cal import Curve
from dlm_lsp.sampling.healing import MAX_BACKED_OFF_TOKENS, Pieces
from dlm_lsp.sampling.length import forbid_resizing
from dlm_lsp.values import InfillRequest, Trigger
from dlm_lsp.worker.calibrate import find_lengths, keeps_length
from dlm_lsp.worker.layout import Draft, encode

LENGTH_FACTORS = (1.0, 0.5, 1.5, 2.0, 0.75, 1.25, 0.35, 3.0)
"""Lengths of the candidates, as multiples of the hint or of what CAL found."""
ACTION_FACTORS = (1.0, 0.5, 1.0, 1.5, *LENGTH_FACTORS[3:])
"""The same for a code action: the hint is the length of what stood there."""
LENGTH_GRID = (8, 16, 32, 64)
"""Lengths that are tried, in one batch, with a checkpoint whose holes keep their length."""
SPARE_FACTORS = (0.5, 1.0, 0.25)
"""Lengths of the lanes that are tried, drawn and not greedy, only if no other fits at first: short ones fit most often."""
DRAWN_TEMPERATURE = 0.7
"""Of lanes that must be drawn although the request says 0: they would repeat the greedy one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a lane starts."""

    lengths: tuple[int, ...]
    """Per hole, in tokens."""
    growth: tuple[int, ...]
    """Per hole: how many rows it may gain."""
    temperature: float
    is_spare: bool = False
    """Whether it is tried only if no other fits at first."""
    cuts: bool = False
    """Whether its lengths are hints, of which the model's first look may take rows away."""

    @property
    def rows(self) -> int:
        """The rows that all holes have at most."""
        return sum(self.lengths) + sum(self.growth)


def lay_out(
    request: InfillRequest, denoiser: Denoiser, pieces: Pieces, curve: Curve | None, *, until: float
) -> tuple[list[Plan], Draft]:
    """Plan the lanes of a request and encode what stands around its holes; probe for lengths until a time of `time.monotonic`."""
    vocabulary = denoiser.vocabulary
    way, given = read_length(request.length)
    check_length(way, request, vocabulary, curve)
    if way == "auto":
        way = "grow" if not keeps_length(vocabulary) else "cal" if curve is not None else "grid"
    if request.forced:
        way = ORACLE
    if way == ORACLE:
        encode_text = denoiser.tokenizer.encode
        most = sum(len(encode_text(text)) + MAX_BACKED_OFF_TOKENS for text in request.truth)
        draft = encode(request, denoiser, pieces, hole_tokens=most)
        rows = [tuple(encode_text(typed + text)) for typed, text in zip(draft.typed, request.truth, strict=True)]
        draft = replace(draft, truth=tuple(rows))
        plans = plan_kept(request, [len(ids) for ids in rows])
    elif way == "fixed":
        tokens = int(given.get("tokens", 0))
        lengths = [min(tokens or hole.hint_tokens, request.max_hole_tokens) for hole in request.holes]
        plans = plan_kept(request, lengths)
        draft = encode(request, denoiser, pieces, hole_tokens=plans[0].rows)
    else:
        plans = plan_lanes(request, vocabulary)
        draft = encode(request, denoiser, pieces, hole_tokens=max(plan.rows for plan in plans))
        if way == "cal":
            assert curve is not None, "checked above"
            longest = min(max(LENGTH_GRID), request.max_hole_tokens)
            plans = plan_lanes(request, vocabulary, find_lengths(request, denoiser, draft, curve, longest, until=until))
    if way in {ORACLE, "fixed", "cal"} and not keeps_length(vocabulary):
        draft = replace(draft, adjusts=(*draft.adjusts, forbid_resizing(vocabulary)))
    return plans, draft


def check_length(way: str, request: InfillRequest, vocabulary: Vocabulary, curve: Curve | None) -> None:
    """Raise SettingsError where a way to find lengths lacks what it needs."""
    if way == "grow" and keeps_length(vocabulary):
        raise SettingsError(
            "the length 'grow' needs a checkpoint with expand and delete tokens; for this one take 'auto'"
        )
    if way == "cal" and curve is None:
        raise SettingsError("the length 'cal' needs a curve: `dlm-lsp models calibrate` fits one")
    if (way == ORACLE or request.forced) and len(request.truth) != len(request.holes):
        raise SettingsError(f"the length {ORACLE!r} is for benchmarks only: nobody else knows what is missing")
    if request.forced and DECODERS[read_decoder(request.sampler)[0]].is_strategy:
        raise SettingsError("a decoder that orders the model calls itself gives no likelihood of the truth")


def plan_lanes(request: InfillRequest, vocabulary: Vocabulary, found: Sequence[int] = ()) -> list[Plan]:
    """Choose length and temperature of every lane; the first is greedy at the hint, the last are spare.

    One-line holes may double, others grow to `max_hole_tokens`. Spare lanes do not grow: they must be short to fit, and a
    model that is unsure of the length adds row after row. A checkpoint whose holes keep their length starts at the lengths that
    were `found` for its holes, or with one lane per length of a grid instead.
    """
    most = min(request.max_hole_tokens, max(LENGTH_GRID)) if found else request.max_hole_tokens
    hints = found or [hole.hint_tokens for hole in request.holes]
    grows = not found and not keeps_length(vocabulary)

    def plan(factor: float, temperature: float, *, grows: bool, is_spare: bool = False) -> Plan:
        lengths = [min(max(1, math.ceil(hint * factor)), most) for hint in hints]
        growth = [
            (min(most, 2 * length) if hole.max_lines == 1 else most) - length
            for hole, length in zip(request.holes, lengths, strict=True)
        ]
        cuts = factor == 1.0 and not is_spare
        return Plan(tuple(lengths), tuple(growth) if grows else (0,) * len(lengths), temperature, is_spare, cuts)

    drawn = request.temperature or DRAWN_TEMPERATURE
    spare = [plan(factor, drawn, grows=False, is_spare=True) for factor in SPARE_FACTORS]
    if not grows and not found:
        grid = sorted({min(length, most) for length in LENGTH_GRID})
        count = len(request.holes)
        return [Plan((length,) * count, (0,) * count, 0.0) for length in grid] + spare
    factors = (ACTION_FACTORS if request.trigger is Trigger.ACTION else LENGTH_FACTORS)[: request.candidates]
    return [plan(factor, temperature_of(k, request), grows=grows) for k, factor in enumerate(factors)] + spare


def plan_kept(request: InfillRequest, lengths: Sequence[int]) -> list[Plan]:
    """Plan lanes that all have the same lengths, and keep them: the first is greedy, the others are drawn."""
    kept = tuple(max(1, length) for length in lengths)
    fixed = (0,) * len(kept)
    return [
        Plan(kept, fixed, temperature_of(k, request) or (DRAWN_TEMPERATURE if k else 0.0))
        for k in range(request.candidates)
    ]


def temperature_of(lane: int, request: InfillRequest) -> float:
    """Give the temperature of a lane: the first is greedy unless the request wants all drawn."""
    return request.temperature if lane or not request.greedy else 0.0
