"""One canvas of a request on its way to a candidate: how it begins, what rule it follows, and how good it is.

In: a plan and the text around the holes as tokens. Out: `Lane`s, and their order. Knows no loop, no deadline and no watcher.
"""

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, Vocabulary
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.forced import Forced
from dlm_lsp.sampling.pace import Pace
from dlm_lsp.sampling.strategies import make_rule
from dlm_lsp.sampling.strategy import Sampler
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.scan import flatten
from dlm_lsp.values import InfillRequest, Trigger
from dlm_lsp.worker.guide import Anew, Look
from dlm_lsp.worker.layout import Draft
from dlm_lsp.worker.lengths import Plan

DRAW_SEEDS = 100
"""Number of the first of the lanes that are drawn to see whether they agree: candidates are fewer."""
REPAIR_TEMPERATURE = 0.7
"""From the second repair round on: greedy refilling of a wider gap often writes the same tokens again."""


@dataclass(slots=True)
class Lane:
    """One canvas on its way to a candidate."""

    canvas: Canvas
    temperature: float
    rng: torch.Generator
    number: int = 0
    rounds: int = 0
    """Repair rounds so far."""
    seen: Look | None = None
    """The canvas's text, judged; the last finished one, as soon as there is one."""
    judged: Canvas | None = None
    """What `seen` was read from; `canvas` may be in the middle of a repair."""
    finished: bool = False
    """Whether `seen` is of a canvas without masks."""
    whole: Canvas | None = None
    """The newest canvas of the round without masks: a decoder may open it again to correct itself."""
    barred: dict[int, int] = field(default_factory=dict)
    """What is not to be written again, by row of `canvas` at the start of the round."""
    early: int = 0
    """How often whole lines were masked again before the hole was full."""
    lines_chars: int = 0
    """How much of them has been looked at."""
    cuts: bool = False
    """Whether rows may go at the first look: its length is a hint, and not what sets it apart from other lanes."""
    truth: Tensor | None = None  # [H] int64
    """What it writes whatever the model says, where a benchmark asks for that."""

    def sampler(self, request: InfillRequest, vocabulary: Vocabulary) -> Sampler:
        """Give the rule of the lane's next round."""
        temperature = max(self.temperature, REPAIR_TEMPERATURE) if self.rounds > 1 else self.temperature
        rule = make_rule(request.sampler, threshold=request.threshold, temperature=temperature)
        if self.truth is not None:
            rule = Forced(rule, self.truth)
        return Pace(Anew(rule, self.canvas, self.barred), self.canvas, vocabulary, cuts=self.cuts)


def begin(plan: Plan, number: int, draft: Draft, request: InfillRequest, denoiser: Denoiser) -> Lane:
    """Make the canvas of a plan, all of its holes masked."""
    canvas = join(draft.parts, plan.lengths, plan.growth, denoiser.vocabulary.mask_id)
    seed = (request.seed * 1009 + number) % 2**63
    truth = torch.tensor([token for ids in draft.truth for token in ids]) if request.forced else None
    return Lane(canvas, plan.temperature, torch.Generator().manual_seed(seed), number, cuts=plan.cuts, truth=truth)


def begin_draws(plan: Plan, draft: Draft, request: InfillRequest, denoiser: Denoiser) -> list[Lane]:
    """Make the lanes that only show whether the model would say the same again: drawn, and never repaired."""
    drawn = replace(plan, temperature=REPAIR_TEMPERATURE)
    lanes = [begin(drawn, DRAW_SEEDS + k, draft, request, denoiser) for k in range(request.draws)]
    for lane in lanes:
        lane.rounds = request.repair_rounds
    return lanes


def badness(lane: Lane) -> tuple[float, ...]:
    """Rank what was seen: what fits first, what is broken late before what is broken early, then the surer."""
    assert lane.seen is not None, "a lane is judged before it is ranked"
    assert lane.judged is not None, "what was seen was read from a canvas"
    verdict = lane.seen.verdict
    empty = not any(text.strip() for text in lane.seen.texts)
    sound_chars = verdict.faults[0].start if verdict.faults else 0
    return (not verdict.parses, empty, -sound_chars, len(verdict.unresolved), -mean_logprob(lane.judged))


def mean_logprob(canvas: Canvas) -> float:
    """Give the mean log-probability of the decided tokens, when they were decided; 0 where there are none."""
    confidence = canvas.confidence[canvas.rows].tolist()  # asked for every text: numbers are faster than small tensors
    masked = canvas.undecided.tolist()
    logs = [math.log(max(c, 1e-9)) for c, is_masked in zip(confidence, masked, strict=True) if not is_masked]
    return sum(logs) / len(logs) if logs else 0.0


def is_answer(lane: Lane, trigger: Trigger) -> bool:
    """Whether a lane has a text that fits; while somebody merely types, to have nothing to say is an answer too."""
    if lane.seen is None or not lane.seen.verdict.parses:
        return False
    return trigger is Trigger.AUTOMATIC or any(text.strip() for text in lane.seen.texts)


def first_statement(lane: Lane, language: str) -> str:
    """Give the first statement that a lane has written into its first hole, without white space at its edges."""
    text = lane.seen.texts[0].strip() if lane.seen else ""
    flat = flatten(text, find_language(language)).text.replace(";", "\n")
    return text[: len(flat.partition("\n")[0])].rstrip()
