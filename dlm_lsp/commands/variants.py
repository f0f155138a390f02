"""One hole under all variants of a benchmark, from as few model calls as they need.

In: a hole and a model. Out: an `Attempt` per variant. What was written before the first repair is what stands without guidance; the
gate asks no model; and what guidance spent beyond the first pass is spent once more on whole answers that are drawn anew, to see
whether repairing is worth more than trying again.
"""

import time
from dataclasses import dataclass, replace

from dlm_lsp.commands.ask import Model, OnStep
from dlm_lsp.engine.gate import Admitted, admit_all
from dlm_lsp.errors import WorkerError
from dlm_lsp.settings import Settings
from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Candidate, InfillRequest, InfillResult, Outcome, Snapshot, Step

VARIANTS = ("unguided", "guided", "gated", "resampled", "resampled-gated")
"""Neither repaired nor withheld; repaired; repaired and gated, as the server answers; drawn anew instead of repaired, and gated."""
DRAW_TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one variant shows for a hole."""

    text: str
    why_empty: str = ""
    steps: int = 0
    """Model calls."""
    ms: float = 0.0
    written_tokens: int = 0
    shown_tokens: int = 0
    """Of those written: how many are left of the text that is shown."""
    mean_logprob: float = 0.0
    repaired: bool = False
    """Whether guidance spent any call on this hole."""
    draft_steps: int = 0
    """Calls of a drafter, which are not among the others."""


async def attempt(
    snapshot: Snapshot, model: Model, settings: Settings, *, resample: bool, truth: str = ""
) -> dict[str, Attempt]:
    """Fill a hole under every variant; those that draw anew are left out unless `resample`.

    `truth` is what stood there, for settings whose length must be told of it.
    """
    first = _FirstPass()
    request = model.request(snapshot, replace(settings, show_broken=True), watch=True)
    request = replace(request, truth=(truth,) if truth else ())
    result = await answered(model, request, first)
    ms = first.elapsed_ms()
    steps = first.last_step
    if first.was_disturbed:  # lines were taken back while it wrote: that is not what stands without guidance
        first = _FirstPass()
        await answered(model, replace(request, repair_rounds=0), first)
    repaired = steps > first.steps
    tokens = first.tokens
    plain = Candidate((first.text,), 0.0, (1.0,) * len(tokens), first.steps, 0, parses=False, token_texts=(tokens,))
    unguided = _Asked(snapshot, request, _result(request, plain), settings)
    guided = _Asked(snapshot, request, result, settings)
    found = {
        "unguided": replace(unguided.attempt(gated=False), steps=first.steps, ms=first.ms, repaired=repaired),
        "guided": replace(guided.attempt(gated=False), steps=steps, ms=ms, repaired=repaired),
        "gated": replace(guided.attempt(gated=True), steps=steps, ms=ms, repaired=repaired),
    }
    if resample:
        drawn, spent, drawn_ms = await _draw(request, model, steps - first.steps)
        again = _Asked(snapshot, request, _result(request, drawn or plain), settings)
        for name, gated in (("resampled", False), ("resampled-gated", True)):
            found[name] = replace(
                again.attempt(gated=gated), steps=first.steps + spent, ms=first.ms + drawn_ms, repaired=repaired
            )
    return found


async def answered(model: Model, request: InfillRequest, on_step: OnStep | None = None) -> InfillResult:
    """Give the worker's answer; raise WorkerError where it has none, which must not be counted as an empty one."""
    result = await model.fill(request, on_step)
    if result.outcome in {Outcome.FAILED, Outcome.CANCELLED}:
        raise WorkerError(result.message or "the model was stopped")
    return result


async def _draw(request: InfillRequest, model: Model, calls: int) -> tuple[Candidate | None, int, float]:
    """Draw whole answers until one fits or as many calls are spent as guidance had; the last draw may spend a few more."""
    began = time.perf_counter()
    spent = seed = 0
    fitting = None
    while spent < calls and fitting is None:
        seed += 1
        counted = _FirstPass()
        plain = replace(
            request, greedy=False, temperature=DRAW_TEMPERATURE, repair_rounds=0, candidates=1, seed=request.seed + seed
        )
        result = await answered(model, plain, counted)
        spent += max(counted.last_step, 1)
        fitting = next((each for each in result.candidates if each.parses and any(each.texts)), None)
    return fitting, spent, (time.perf_counter() - began) * 1000


def _result(request: InfillRequest, candidate: Candidate) -> InfillResult:
    return InfillResult(request.id, request.version, Outcome.FILLED, (candidate,))


class _FirstPass:
    """Watches a decode: what the decoder had written when guidance began to take back, and how many calls there were in all."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._is_over = False
        self._is_complete = False
        self.tokens: tuple[str, ...] = ()
        self.steps = 0
        self.ms = 0.0
        self.last_step = 0

    @property
    def was_disturbed(self) -> bool:
        """Whether guidance took something back before the decoder was done."""
        return self._is_over and not self._is_complete

    def __call__(self, step: Step) -> None:
        self.last_step = max(self.last_step, step.step)
        self._is_over = self._is_over or step.revoked > 0 or step.stage == "repair" or step.lane > 0
        if not self._is_over:  # also behind the first complete canvas: some decoders write first and correct then
            self.tokens = tuple(piece for piece in step.pieces[0] if piece is not None)
            self.steps = step.step
            self.ms = self.elapsed_ms()
            self._is_complete = None not in step.pieces[0]

    @property
    def text(self) -> str:
        """What was written until then."""
        return "".join(self.tokens)

    def elapsed_ms(self) -> float:
        """Give the time since the question."""
        return (time.perf_counter() - self._began) * 1000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question and an answer to it, with and without the gate."""

    snapshot: Snapshot
    request: InfillRequest
    result: InfillResult
    settings: Settings

    def attempt(self, *, gated: bool) -> Attempt:
        """Give what is shown."""
        settings = replace(self.settings, show_broken=not gated)
        shown = admit_all(self.snapshot, self.request, self.result, settings)
        best = self.result.candidates[0] if self.result.candidates else None
        if not shown:
            written = len(best.token_confidence) if best else 0
            return Attempt("", "withheld" if best else "the model leaves this hole empty", written_tokens=written)
        return Attempt(
            shown[0].text,
            written_tokens=len(shown[0].candidate.token_confidence),
            shown_tokens=count_shown(shown[0]),
            mean_logprob=shown[0].candidate.mean_logprob,
            draft_steps=shown[0].candidate.draft_steps,
        )


def count_shown(admitted: Admitted) -> int:
    """Count the tokens of a candidate that are left, whole or in part, of what is shown."""
    count = 0
    for text, tokens in zip(admitted.texts, admitted.candidate.token_texts, strict=False):
        left = len(as_seen(text))
        for token in tokens:
            if left <= 0:
                break
            left -= len(token)
            count += 1
    return count
