"""From a request to ranked fillings: the whole algorithm on one page.

In: an `InfillRequest`, a `Denoiser` with the texts of its vocabulary, and two callbacks (is it cancelled, who watches). Out: an `InfillResult`.
Lay out → lengths → denoise → look → mask again what does not fit, and try other lengths beside it → rank. It knows no pipe and no
editor; between any two model calls it asks whether anybody still waits.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dlm_lsp.models.cached import with_cache
from dlm_lsp.models.denoiser import Denoiser, Tokenizer, View
from dlm_lsp.models.kept_context import Contexts
from dlm_lsp.sampling.cal import Curve
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.copy_prior import make_prior
from dlm_lsp.sampling.healing import Pieces
from dlm_lsp.sampling.strategies import make_strategy
from dlm_lsp.sampling.strategy import Strategy
from dlm_lsp.syntax.verdict import Baseline, survey
from dlm_lsp.values import Candidate, InfillRequest, InfillResult, Outcome, Step, Trigger
from dlm_lsp.worker.guide import bar, look, look_early, mask_again, why_masked
from dlm_lsp.worker.lane import Lane, badness, begin, begin_draws, first_statement, is_answer, mean_logprob
from dlm_lsp.worker.layout import Draft, row_texts
from dlm_lsp.worker.lengths import lay_out
from dlm_lsp.worker.metered import Cancelled, Metered
from dlm_lsp.worker.verbatim import Blocks
from dlm_lsp.worker.warm import warm_start
from dlm_lsp.worker.watched import Beliefs, describe

MAX_EARLY = 2
"""How often lines of a hole that is not full yet are masked again."""
WITHHELD = "an answer was withheld: it repeats code that the model was trained on (blockVerbatim)"


@torch.inference_mode()
def fill(
    request: InfillRequest,
    denoiser: Denoiser,
    pieces: Pieces,
    *,
    arrived: float,
    cancelled: Callable[[], bool],
    watch: Callable[[Step], None] | None = None,
    copy_shares: Tensor | None = None,
    curve: Curve | None = None,
    find_drafter: Callable[[str], Denoiser] | None = None,
    contexts: Contexts | None = None,
    read_blocks: Callable[[], Blocks] | None = None,
) -> InfillResult:
    """Fill the holes of a request that was read at `arrived`, in seconds of `time.monotonic`.

    `copy_shares` is the checkpoint's table of `sampling.copy_prior`, `curve` that of `sampling.cal`, None where it has none.
    `find_drafter` makes the second denoiser of a decoder that has one, by its name. `contexts` is what earlier requests to this model
    have left. `read_blocks` gives the hashes of its training texts.

    Where nothing fits at first, lanes of other lengths are tried beside the repairs, if half of the time is left. Lengths are
    looked for in the first half only.
    """
    started = time.monotonic()
    deadline = arrived + request.deadline_ms / 1000
    half = (arrived + deadline) / 2
    metered = Metered(with_cache(denoiser, request.cache, contexts), cancelled)
    drafter: Metered | None = None
    spent = {"queue": (started - arrived) * 1000}

    def draft_with(name: str) -> Denoiser:
        nonlocal drafter
        drafter = Metered(find_drafter(name) if find_drafter else denoiser, cancelled)
        return drafter

    def answer(outcome: Outcome, candidates: tuple[Candidate, ...] = (), message: str = "") -> InfillResult:
        spent["forward"] = metered.spent_ms
        if drafter:
            spent["draft"] = drafter.spent_ms
        spent["total"] = (time.monotonic() - started) * 1000
        return InfillResult(request.id, request.version, outcome, candidates, spent, message, metered.calls)

    if cancelled():
        return answer(Outcome.CANCELLED)
    may_be_cut = request.trigger is not Trigger.ACTION  # what a person has written is not replaced by half a text
    blocks = None
    if request.block_verbatim:
        assert read_blocks, "who asks for it says what the model was trained on"
        blocks = read_blocks()
    try:
        plans, draft = lay_out(request, metered, pieces, curve, until=half)
        if copy_shares is not None and request.copy_prior:
            prior = make_prior(draft.parts, copy_shares, denoiser.vocabulary)
            draft = replace(draft, adjusts=(prior, *draft.adjusts)) if prior else draft
        spent["encode"] = (time.monotonic() - started) * 1000
        began = time.perf_counter()
        baseline = survey(request.slice_prefix, request.window.between, request.slice_suffix, request.language)
        survey_ms = (time.perf_counter() - began) * 1000
        strategy = make_strategy(request.sampler, draft_with)
        decode = Decode(request, metered, strategy, drafter, draft, baseline, deadline, cancelled, watch)
        lanes = [begin(plan, k, draft, request, denoiser) for k, plan in enumerate(plans) if not plan.is_spare]
        spare = [plan for plan in plans if plan.is_spare and request.repair_rounds]
        others = (begin(plan, k, draft, request, denoiser) for k, plan in enumerate(spare, start=len(lanes)))
        draws = begin_draws(plans[0], draft, request, denoiser)
        if request.drafts:
            lanes[0].canvas = warm_start(request.drafts, draft, metered, request.max_hole_tokens) or lanes[0].canvas
        begun = decode.finish(lanes, draws, others, until=half)
        in_time = decode.won or all(lane.finished for lane in begun)
        # Whole lines that fit are an answer, too, where time ran out before the rest was there.
        lanes += [
            lane for lane in begun[len(lanes) :] if lane.finished or (may_be_cut and is_answer(lane, Trigger.INVOKED))
        ]
    except Cancelled:
        return answer(Outcome.CANCELLED)
    spent["denoise"], spent["sampler"] = decode.denoise_ms, decode.denoise_ms - decode.model_ms
    spent["guide"] = survey_ms + decode.guide_ms
    whole = [lane for lane in lanes if lane.finished or may_be_cut]
    ranked = [candidate(lane, decode, draws) for lane in sorted(whole, key=badness)]
    original = [each for each in ranked if blocks is None or not repeats(each, blocks, denoiser.tokenizer)]
    candidates = choose(original, request.candidates)
    message = WITHHELD if len(original) < len(ranked) else ""
    if not in_time:
        return answer(Outcome.LATE, candidates, message)
    return answer(Outcome.FILLED if candidates else Outcome.EMPTY, candidates, message)


@dataclass(slots=True)
class Decode:
    """What the lanes of one request have in common."""

    request: InfillRequest
    denoiser: Metered
    strategy: Strategy
    drafter: Metered | None
    """The second denoiser of a strategy that has one."""
    draft: Draft
    baseline: Baseline
    deadline: float
    cancelled: Callable[[], bool]
    watch: Callable[[Step], None] | None
    guide_ms: float = 0.0
    denoise_ms: float = 0.0
    """In the model and the sampler."""
    model_ms: float = 0.0
    """Of that, in the model and the drafter."""
    racing: bool = False
    """Whether the first lane that fits ends the decode."""
    won: bool = False
    """Whether one has."""
    began: float = field(default_factory=time.perf_counter)

    def finish(
        self, lanes: Sequence[Lane], draws: Sequence[Lane], others: Iterable[Lane], *, until: float
    ) -> list[Lane]:
        """Denoise, look, mask again what does not fit, until all fit or rounds or time are used up; give all that began but the draws.

        Where none of the `lanes` fits at first, the `others` begin beside the repairs, if it is not yet `until`. Where one answer is
        wanted they race: lanes that are not finished by then have lost.
        """
        still = self._introduce([*lanes, *draws])
        begun = list(lanes)
        began, denoised_ms = time.perf_counter(), self.denoise_ms
        while still:
            self._denoise(still)
            if self.won:
                break
            late = time.monotonic() > self.deadline
            still = [lane for lane in still if not self._settled(lane, late=late)]
            fits = any(is_answer(lane, self.request.trigger) for lane in lanes)
            if not fits and time.monotonic() < until:
                joining = self._introduce(others)  # made only now: most answers fit without them
                begun += joining
                still += joining
                self.racing = self.racing or (bool(joining) and self.request.candidates == 1)
            others = ()
        self.guide_ms += (time.perf_counter() - began) * 1000 - (self.denoise_ms - denoised_ms)
        return begun

    def _introduce(self, lanes: Iterable[Lane]) -> list[Lane]:
        """Give lanes that begin; to who watches all of them they are shown before anything is written."""
        begun = list(lanes)
        for lane in begun if self.request.trace else ():
            self._show(lane)
        return begun

    def _denoise(self, lanes: Sequence[Lane]) -> None:
        """Decode until no mask is left or the time is up; a line that is masked again on the way begins the loop anew."""
        while self._has_broken_lines(lanes):
            pass

    def _has_broken_lines(self, lanes: Sequence[Lane]) -> bool:
        """Decode until lines were masked again; False where no mask is left or the time is up."""
        beliefs = Beliefs()
        listening = (beliefs,) if self.watch and self.request.trace else ()
        steps = self.strategy(
            [lane.canvas for lane in lanes],
            self.denoiser,
            [lane.sampler(self.request, self.denoiser.vocabulary) for lane in lanes],
            [lane.rng for lane in lanes],
            adjust=(*self.draft.adjusts, *listening),
        )
        for canvases in self._timed(steps):
            full: list[Lane] = []
            for number, (lane, canvas) in enumerate(zip(lanes, canvases, strict=True)):
                before, lane.canvas = lane.canvas, canvas
                if canvas.done:
                    lane.whole = canvas
                    full += [lane] if canvas is not before else []
                if number == 0 or (self.request.trace and canvas is not before):
                    self._show(lane, believed=beliefs.about(before))
            beliefs.forget()
            if self.cancelled():
                raise Cancelled
            if time.monotonic() > self.deadline:
                return False
            if self.racing and any(self._wins(lane) for lane in full):
                self.won = True
                return False
            broken = [lane for lane in lanes if self._mask_lines_again(lane)]
            if broken:
                return True
        return False

    def _timed(self, steps: Iterator[tuple[Canvas, ...]]) -> Iterator[tuple[Canvas, ...]]:
        """Give every step, and take the time that was needed for it."""
        models = (self.denoiser, self.drafter) if self.drafter else (self.denoiser,)
        while True:
            began, before_ms = time.perf_counter(), sum(model.spent_ms for model in models)
            canvases = next(steps, None)
            self.denoise_ms += (time.perf_counter() - began) * 1000
            self.model_ms += sum(model.spent_ms for model in models) - before_ms
            if canvases is None:
                return
            yield canvases

    def _wins(self, lane: Lane) -> bool:
        """Judge a lane that is full while others are not; it is finished if it fits.

        To have nothing to say wins no race, nor does a text whose names nothing binds: a repair may find others.
        """
        tokenizer = self.denoiser.tokenizer
        seen = look(lane.canvas, self.draft, self.request, self.baseline, tokenizer, repairs=False)
        if seen.verdict.unresolved or not is_answer(replace(lane, seen=seen), Trigger.INVOKED):
            return False
        lane.seen, lane.judged, lane.finished = seen, lane.canvas, True
        return True

    def _mask_lines_again(self, lane: Lane) -> bool:
        """Mask again what no line behind it can mend; say whether there was any."""
        # A lane that is only drawn begins with all its rounds behind it.
        if lane.early >= MAX_EARLY or lane.rounds >= self.request.repair_rounds:
            return False
        seen, lane.lines_chars = look_early(
            lane.canvas,
            self.draft,
            self.request,
            self.baseline,
            self.denoiser.tokenizer,
            known_chars=lane.lines_chars,
        )
        if seen is None:
            return False
        rows = mask_again(lane.canvas, seen, lane.early, self.request.threshold)
        lane.barred = bar(lane.canvas, seen)
        lane.canvas, lane.whole = lane.canvas.mask(rows), None
        lane.early += 1
        lane.lines_chars = 0
        self._show(lane, reasons=why_masked(rows, seen))
        return True

    def _settled(self, lane: Lane, *, late: bool) -> bool:
        """Judge a lane; unless it fits or nothing can be done any more, mask again what does not."""
        over = late or lane.rounds >= self.request.repair_rounds
        if lane.whole is not None and not lane.canvas.done:  # time ran out while a decoder corrected itself
            lane.canvas = lane.whole
        if lane.canvas.done or not lane.finished:  # else time ran out in a repair: what it began with is still there
            tokenizer = self.denoiser.tokenizer
            seen = look(lane.canvas, self.draft, self.request, self.baseline, tokenizer, repairs=not over)
            if not lane.finished or badness(replace(lane, seen=seen, judged=lane.canvas)) < badness(lane):
                lane.seen, lane.judged, lane.finished = seen, lane.canvas, lane.canvas.done
        assert lane.seen is not None, "the first look is taken whatever the canvas"
        assert lane.judged is not None, "what was seen was read from a canvas"
        if over:
            return True
        rows = mask_again(lane.judged, lane.seen, lane.rounds, self.request.threshold)
        if not bool(rows.any()):
            return True
        lane.barred = bar(lane.judged, lane.seen)
        lane.canvas, lane.whole = lane.judged.mask(rows), None
        lane.rounds += 1
        self._show(lane, reasons=why_masked(rows, lane.seen))
        return False

    def _show(
        self, lane: Lane, *, believed: Mapping[int, tuple[int, float]] = {}, reasons: Mapping[int, str] = {}
    ) -> None:
        """Show a lane to who watches; `reasons` says by row why the guide has taken it back."""
        if self.watch:
            tokenizer, vocabulary = self.denoiser.tokenizer, self.denoiser.vocabulary
            slots = tuple(
                describe(lane.canvas, hole, typed, tokenizer, vocabulary, believed=believed, reasons=reasons)
                for hole, typed in enumerate(self.draft.typed)
            )
            self.watch(
                Step(
                    self.request.id,
                    self.denoiser.calls,
                    tuple(tuple(slot.text for slot in each) for each in slots),
                    revoked=len(reasons),
                    stage="repair" if lane.rounds else "denoise",
                    lane=lane.number,
                    round=lane.rounds,
                    ms=round((time.perf_counter() - self.began) * 1000, 1),
                    slots=slots,
                )
            )


def candidate(lane: Lane, decode: Decode, draws: Sequence[Lane] = ()) -> Candidate:
    """Turn a lane into what is sent back."""
    assert lane.seen is not None, "a lane is judged before it is sent"
    assert lane.judged is not None, "what was seen was read from a canvas"
    confidence = lane.judged.confidence[lane.judged.holes & ~lane.judged.masked]
    language = decode.request.language
    return Candidate(
        texts=lane.seen.texts,
        mean_logprob=mean_logprob(lane.judged),
        token_confidence=tuple(round(c, 4) for c in confidence.tolist()),
        steps=decode.denoiser.calls,
        draft_steps=decode.drafter.calls if decode.drafter else 0,
        rounds=lane.rounds,
        parses=lane.seen.verdict.parses,
        agreeing=sum(first_statement(draw, language) == first_statement(lane, language) for draw in draws),
        token_texts=tuple(
            token_texts(lane.judged, hole, typed, decode.denoiser.tokenizer)
            for hole, typed in enumerate(decode.draft.typed)
        ),
        lane=lane.number,
    )


def token_texts(canvas: Canvas, hole: int, typed: str, tokenizer: Tokenizer) -> tuple[str, ...]:
    """Give the text of every decided token of a hole, without the typed characters that the first ones repeat."""
    texts = []
    for text in row_texts([token for token in canvas.hole_tokens(hole) if token != canvas.mask_id], tokenizer):
        texts.append(text[len(typed) :])
        typed = typed[len(text) :]
    return tuple(texts)


def repeats(found: Candidate, blocks: Blocks, tokenizer: Tokenizer) -> bool:
    """Whether a text repeats what the model was trained on; its own tokens need not be those of the training."""
    return any(blocks.repeats(tokenizer.encode(text)) for text in found.texts)


def choose(candidates: Sequence[Candidate], wanted: int) -> tuple[Candidate, ...]:
    """Drop the empty and the repeated ones; the first of the rest are the best."""
    distinct: dict[tuple[str, ...], Candidate] = {}
    for each in candidates:
        if any(text.strip() for text in each.texts):
            distinct.setdefault(each.texts, each)
    return tuple(distinct.values())[:wanted]


def warm_up(denoiser: Denoiser) -> None:
    """Ask the model once, at a usual size, so that the first request is not slower than the second."""
    tokens = torch.full((min(128, denoiser.max_tokens),), denoiser.vocabulary.mask_id)
    denoiser.predict([View(tokens, torch.arange(1, len(tokens)))])
