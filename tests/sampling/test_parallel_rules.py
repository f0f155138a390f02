"""Rules that decide how many tokens a step commits: Fast-dLLM's factor and budget, EB-Sampler, KLASS.

Each against the literal transcription of its paper, mutated, and by written-out logits.
"""

import functools
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.eb import Eb
from dlm_lsp.sampling.samplers.factor import Factor
from dlm_lsp.sampling.samplers.klass import Klass
from dlm_lsp.sampling.samplers.threshold_dream import ThresholdDream
from dlm_lsp.sampling.strategy import Sampler
from tests.sampling.literal.eb import eb_step
from tests.sampling.literal.factor import factor_step
from tests.sampling.literal.klass import klass_step
from tests.sampling.literal.threshold_dream import threshold_dream_step
from tests.sampling.mutants import mutant
from tests.sampling.stepwise import MASK, NEVER, Literal, disagreements, numbers_of_a_step, temperature
from tests.sampling.tiny import rng, tiny_denoiser

Pair = Callable[[type, random.Random], tuple[Sampler, Literal]]


def factor_pair(made: type, draw: random.Random) -> tuple[Sampler, Literal]:
    """The rule and its transcription with the same random parameters."""
    factor = draw.choice([0.0, 0.5, 1.0, 1.0, 1.5, 2.0, 8.0])
    block, faithful = draw.choice([0, 2, 3, 4, 32]), draw.random() < 0.3
    warm = temperature(draw)
    literal = functools.partial(
        factor_step,
        factor=factor,
        block_length=block or 1000,
        faithful=faithful,
        temperature=warm,
        uniform=numbers_of_a_step,
    )
    return made(factor, block, warm, faithful), literal


def threshold_dream_pair(made: type, draw: random.Random) -> tuple[Sampler, Literal]:
    """The rule and its transcription with the same random parameters."""
    threshold, steps = draw.choice([0.0, 0.3, 0.5, 0.5, 0.9, 2.0]), draw.choice([1, 2, 3, 8])
    parameters = {"threshold": threshold, "steps": steps, "temperature": temperature(draw)}
    return made(**parameters), functools.partial(threshold_dream_step, **parameters, uniform=numbers_of_a_step)


def eb_pair(made: type, draw: random.Random) -> tuple[Sampler, Literal]:
    """The rule and its transcription with the same random parameters."""
    gamma, proxy = draw.choice([0.0, 0.1, 0.75, 1.5, 3.0, torch.inf]), draw.choice(["entropy", "confidence", "margin"])
    parameters = {"gamma": gamma, "proxy": proxy, "temperature": temperature(draw)}
    return made(**parameters), functools.partial(eb_step, **parameters, uniform=numbers_of_a_step)


def klass_pair(made: type, draw: random.Random) -> tuple[Sampler, Literal]:
    """The rule and its transcription with the same random parameters."""
    threshold, kl, history = draw.choice([0.0, 0.4, 0.5, 0.9]), draw.choice([0.01, 0.2]), draw.choice([1, 2, 3])
    parameters = {"threshold": threshold, "kl_threshold": kl, "history": history, "temperature": temperature(draw)}
    return made(**parameters), functools.partial(klass_step, **parameters, uniform=numbers_of_a_step)


PAIRS: dict[type, Pair] = {
    Factor: factor_pair,
    ThresholdDream: threshold_dream_pair,
    Eb: eb_pair,
    Klass: klass_pair,
}


@pytest.mark.parametrize("rule", PAIRS, ids=lambda rule: rule.__name__)
def test_agrees_with_the_paper(rule: type) -> None:
    """Fails if any step of 300 random decodes differs from the literal transcription, or one ends at another step."""
    assert 0 == disagreements(functools.partial(PAIRS[rule], rule))


BELIEF, SCHEDULE, BLOCKS = "dlm_lsp.sampling.belief", "dlm_lsp.sampling.schedule", "dlm_lsp.sampling.blocks"
LAST_OF_EQUALS = (
    SCHEDULE,
    "score[places].argsort(descending=True, stable=True)[:count]",
    "score[places].flip(0).argsort(descending=True, stable=True).neg().add(len(places) - 1)[:count]",
)
COLD = ("", "believe(logits, self.temperature, rng)", "believe(logits, 0.0, rng)")
SURE_OF_WHAT_WAS_DRAWN = (
    BELIEF,
    "bring(tokens, raw.gather(-1, tokens[:, None])[:, 0])",
    "bring(tokens, below.softmax(-1).gather(-1, tokens[:, None])[:, 0])",
)
MUTATIONS: dict[type, dict[str, tuple[str, str, str]]] = {
    Factor: {
        "nothing is drawn": COLD,
        "confidence at the temperature of the draw": SURE_OF_WHAT_WAS_DRAWN,
        "n instead of n + 1": ("", "torch.arange(2, len(ranked) + 2", "torch.arange(1, len(ranked) + 1"),
        "above instead of at least": ("", "ranked >= 1", "ranked > 1"),
        "no at-least-one": ("", "passes[0] = True", "pass"),
        "all that pass, not the first run of them": ("", "int(passes.cumprod(0).sum())", "1 + int(passes.sum())"),
        "the quirk always": ("", "self.faithful and count", "count"),
        "the quirk never": ("", "self.faithful and count", "False and count"),
        "no blocks": (BLOCKS, "number == number[masked].min()", "number >= 0"),
        "the last block first": (BLOCKS, "number[masked].min()", "number[masked].max()"),
        "blocks of what is still masked": ("", "memory=canvas.remember().next()", "memory=None"),
        "last of equal rows": LAST_OF_EQUALS,
        "softmax with a temperature": (BELIEF, "raw = logits.float().softmax(-1)", "raw = (logits / 0.7).softmax(-1)"),
    },
    ThresholdDream: {
        "nothing is drawn": COLD,
        "confidence at the temperature of the draw": SURE_OF_WHAT_WAS_DRAWN,
        "above instead of at least": ("", ">= self.threshold", "> self.threshold"),
        "no at-least-one": ("", "chosen |= surest(confidence, masked, 1)", "pass"),
        "no budget": ("", "surest(confidence, masked, budget) &", "masked &"),
        "what is left is lost": ("", "planned - int((memory.own & ~masked).sum())", "memory.start // self.steps"),
        "rounded down": (
            "",
            "-(-memory.start * min(now + 1, self.steps) // self.steps)",
            "memory.start * min(now + 1, self.steps) // self.steps",
        ),
        "a step late": ("", "min(now + 1, self.steps)", "min(now, self.steps)"),
        "rows of before counted": ("", "memory.own & ~masked", "~masked"),
        "last of equal rows": LAST_OF_EQUALS,
    },
    Eb: {
        "nothing is drawn": COLD,
        "below instead of at most": ("", "known <= self.gamma", "known < self.gamma"),
        "the sum alone": ("", " - entropy[order].cummax(0).values", ""),
        "entropy the other way": ("", "error = entropy", "error = -entropy"),
        "confidence for margin": (
            "",
            "-probabilities.topk(2).values.diff().neg()[:, 0].cpu()",
            "-probabilities.amax(-1).cpu()",
        ),
        "margin for confidence": (
            "",
            "error = -probabilities.amax(-1).cpu()",
            "error = probabilities.topk(2).values.diff()[:, 0].cpu()",
        ),
        "decided rows too": ("", "canvas.undecided.nonzero()", "(canvas.rows >= 0).nonzero()"),
        "bits instead of nats": ("", "entr(probabilities).sum(-1)", "entr(probabilities).div(0.693).sum(-1)"),
        "not stable": (
            "",
            "error[open_rows].argsort(stable=True)",
            "error[open_rows].flip(0).argsort(stable=True).neg().add(len(open_rows) - 1)",
        ),
    },
    Klass: {
        "nothing is drawn": COLD,
        "confidence at the temperature of the draw": SURE_OF_WHAT_WAS_DRAWN,
        "above instead of at least": ("", "confidence >= self.threshold", "confidence > self.threshold"),
        "no confidence": ("", "masked & (confidence >= self.threshold) &", "masked &"),
        "no divergence": ("", " & (still >= self.history)", ""),
        "a step too early": ("", "still >= self.history", "still + 1 >= self.history"),
        "a step too late": ("", "still >= self.history", "still > self.history"),
        "the other divergence": (
            "",
            "now * ((now + TINY).log() - (before + TINY).log())",
            "before * ((before + TINY).log() - (now + TINY).log())",
        ),
        "unsteady rows keep their count": (
            "",
            "still[divergence >= self.kl_threshold] = 0",
            "still[divergence >= self.kl_threshold] -= 1",
        ),
        "divergence from the first step": (
            "",
            '"probabilities": now',
            '"probabilities": before if memory.step else now',
        ),
        "no fallback": ("", "if not bool(ready.any()):", "if False:"),
        "the fallback always": ("", "if not bool(ready.any()):", "if True:"),
    },
}


@pytest.mark.parametrize(
    ("rule", "name"),
    [pytest.param(rule, name, id=f"{rule.__name__}-{name}") for rule in MUTATIONS for name in MUTATIONS[rule]],
)
def test_mutations_are_caught(rule: type, name: str) -> None:
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[rule][name]
    changed = mutant(rule, right, wrong, module=module)
    assert 0 < disagreements(functools.partial(PAIRS[rule], changed), patience=1)


def steps(sampler: Sampler, canvas: Canvas, logits: Any) -> list[int]:
    """How many tokens each step commits where the model always says the same."""
    counts = []
    while not canvas.done:
        before = int(canvas.masked.sum())
        canvas = canvas.apply(sampler(canvas, torch.tensor(logits), rng()))
        counts.append(before - int(canvas.masked.sum()))
    return counts


def hole(rows: int) -> Canvas:
    """A canvas with one hole between two tokens."""
    return join([[1], [2]], [rows], [0], MASK)


def certain(*confidences: float) -> list[list[float]]:
    """Logits of rows that are sure of id 0 to these degrees, and of nothing else."""
    return [[float(torch.tensor(c).log()), *[float(torch.tensor((1 - c) / 7).log())] * 7, NEVER] for c in confidences]


def test_factor_bounds() -> None:
    """Fails if (n + 1)(1 - c) is compared for another n: 0.6 passes as second of two for f = 1.2, not for 1.1."""
    assert [2] == steps(Factor(1.25), hole(2), certain(0.7, 0.6))
    assert [1, 1] == steps(Factor(1.15), hole(2), certain(0.7, 0.6))
    assert [2] == steps(Factor(1.15, faithful=True), hole(2), certain(0.7, 0.6))
    assert [1] * 5 == steps(Factor(0.0), hole(5), certain(*[0.9] * 5))
    assert [5] == steps(Factor(100.0), hole(5), certain(*[0.2] * 5))
    assert [4, 4, 1] == steps(Factor(100.0, block=4), hole(9), certain(*[0.2] * 9))


def test_budget_carries_over() -> None:
    """Fails if what a step did not use is lost, or the plan's last step commits what is not sure."""
    assert [2, 2, 2, 2] == steps(ThresholdDream(0.5, 4), hole(8), certain(*[0.9] * 8))
    assert [1] * 8 == steps(ThresholdDream(0.95, 4), hole(8), certain(*[0.9] * 8))
    sampler, canvas = ThresholdDream(0.5, 2), hole(4)
    canvas = canvas.apply(sampler(canvas, torch.tensor(certain(0.3, 0.3, 0.3, 0.3)), rng()))
    assert 3 == int(canvas.masked.sum())
    canvas = canvas.apply(sampler(canvas, torch.tensor(certain(*[0.9] * 4)), rng()))
    assert canvas.done


def test_eb_bounds() -> None:
    """Fails if the extremes of gamma do not commit one and all, or more gamma may commit less."""
    logits = certain(0.99, 0.9, 0.8, 0.7, 0.6, 0.5)
    assert [1] * 6 == steps(Eb(0.0), hole(6), logits)
    assert [6] == steps(Eb(torch.inf), hole(6), logits)
    firsts = [steps(Eb(gamma), hole(6), logits)[0] for gamma in (0.0, 0.1, 0.5, 1.0, 2.0, 8.0)]
    assert sorted(firsts) == firsts
    assert 3 < len(set(firsts))


def test_klass_waits_for_its_history() -> None:
    """Fails if constant logits are not all committed at step history + 1: before that there is nothing to compare with."""
    assert [1, 1, 4] == steps(Klass(), hole(6), certain(*[0.95] * 6))
    assert [1, 1, 1, 3] == steps(Klass(history=3), hole(6), certain(*[0.95] * 6))
    assert [1] * 6 == steps(Klass(), hole(6), certain(*[0.8] * 6))


@pytest.mark.parametrize("rule", PAIRS, ids=lambda rule: rule.__name__)
def test_history_follows_a_hole_that_grows(rule: type) -> None:
    """Fails if what is remembered does not fit the rows any more after a hole has grown or shrunk."""
    sizes = set()
    for seed in range(20):
        canvas = join([[1, 2], [3]], [4], [6], tiny_denoiser().vocabulary.mask_id)
        states = [canvas, *(now for (now,) in denoise([canvas], tiny_denoiser(seed), [rule()], [rng(seed)]))]
        assert states[-1].done
        for then, now in itertools.pairwise(states):
            sizes.add(len(now.rows) - len(then.rows))
            assert {len(now.rows)} == {len(about) for about in [now.memory.own, *now.memory.rows.values()]}
    assert min(sizes) < 0 < max(sizes)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"name": "factor", "factor": -1.0}, "factor"),
        ({"name": "factor", "block": -1}, "block"),
        ({"name": "threshold_dream", "steps": 0}, "steps"),
        ({"name": "eb", "gamma": -0.1}, "gamma"),
        ({"name": "eb", "proxy": "margins"}, "margin"),
        ({"name": "klass", "history": 0}, "history"),
        ({"name": "klass", "kl_threshold": float("nan")}, "kl_threshold"),
    ],
)
def test_parameters_out_of_range(written: dict, named: str) -> None:
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=named):
        make_sampler(**written)
