"""Self-speculation: the ordinary loop step by step, in fewer calls; against plain lists, mutated."""

import random

import pytest
import torch

from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategies import make_rule
from dlm_lsp.sampling.strategies.self_speculation import SelfSpeculation
from tests.sampling.literal.self_speculation import self_speculation
from tests.sampling.mutants import mutant
from tests.sampling.reader import MASK, Reader, outcome, random_canvas
from tests.sampling.test_every_sampler import random_canvas as growing_canvas
from tests.sampling.tiny import rng, tiny_denoiser

CASES = 250


class Stubborn(Reader):
    """Sees only what stands beside a row, so that many guesses come true."""

    def answer(self, place: int, seen) -> list[float]:
        return super().answer(place, [pair for pair in seen if abs(pair[0] - place) < 2])


def disagrees(strategy: type[SelfSpeculation], seed: int) -> bool:
    """Whether a strategy takes other steps than the plain lists in a random decode, or makes other calls."""
    draw = random.Random(seed)
    canvas, reader = random_canvas(draw, longest=10), Stubborn(seed)
    made, tau = strategy(draw.choice([1, 2, 4, 9])), draw.choice([0.5, 0.9, 2.0])
    steps, widths = self_speculation(
        canvas.tokens.tolist(), canvas.rows.tolist(), MASK, reader.answer, tau=tau, states=made.states
    )
    return (steps, widths) != (outcome(made, canvas, reader, Threshold(tau)), reader.asked)


def test_agrees_with_the_card():
    """Fails if any step or any call of 250 decodes differs from the plain lists."""
    assert [] == [seed for seed in range(CASES) if disagrees(SelfSpeculation, seed)]


MUTATIONS = {
    "every guess is believed": ("if same(guessed, path[-1]):", "if True:"),
    "a state too many": ("len(chain) < self.states", "len(chain) <= self.states"),
    "finished states are asked about": ("                if further.done:\n                    break\n", ""),
    "guesses by the first answer of all": ("last[k] = follow(answer, *path[-2:])", "last.setdefault(k, answer)"),
    "every step begins anew": (
        "path.append(step(path[-1], answer, k, rngs[k]))",
        "path.append(step(now[k], answer, k, rngs[k]))",
    ),
    "only the last of several steps is told": ("now[k] = path[min(turn, len(path) - 1)]", "now[k] = path[-1]"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake."""
    mutated = mutant(SelfSpeculation, *MUTATIONS[name])
    assert any(disagrees(mutated, seed) for seed in range(CASES))


def seen(canvas: Canvas) -> tuple:
    """All that a step leaves behind, but for what a rule remembers."""
    return (canvas.tokens.tolist(), canvas.confidence.tolist(), canvas.budget, canvas.names.tolist(), canvas.step)


@pytest.mark.parametrize("structural", [False, True])
@pytest.mark.parametrize(
    "rule",
    ["threshold:threshold=0.5", "threshold:threshold=0.5,temperature=0.8", "left_to_right", "dream", "p2:steps=6"],
)
def test_lossless(rule, structural):
    """Fails if any step of any rule differs from the ordinary loop's: a token, a confidence, a growth; or a call is lost.

    In float64 a view's answer does not depend on its neighbours, so the two must be equal.
    """
    saved = 0
    for seed in range(15):
        start = growing_canvas(seed, structural=structural)
        sampler = make_rule(rule)
        alone, batched = tiny_denoiser(seed, structural=structural), tiny_denoiser(seed, structural=structural)
        expected = [seen(now) for (now,) in denoise([start], alone, [sampler], [rng(seed)])]
        strategy = SelfSpeculation(states=4)
        actual = [seen(now) for (now,) in strategy([start], batched, [sampler], [rng(seed)])]
        assert expected == actual
        assert len(batched.asked) <= len(alone.asked)
        saved += len(alone.asked) - len(batched.asked)
    assert saved > 0, "no guess ever came true: the test says nothing"


def test_a_batch_equals_its_parts():
    """Fails if canvases share guesses or random numbers, or one that is confirmed further runs ahead of what is yielded."""
    rule = Threshold(0.5, 0.8)
    batch = [join([[1, 2], [3]], [length], [0], 20) for length in (9, 1, 5)]
    together = list(SelfSpeculation()(batch, tiny_denoiser(), [rule] * 3, [rng(k) for k in range(3)]))
    for k, canvas in enumerate(batch):
        alone = [seen(now) for (now,) in denoise([canvas], tiny_denoiser(), [rule], [rng(k)])]
        path = [seen(now[k]) for now in together]
        assert alone == [now for turn, now in enumerate(path) if turn == 0 or now != path[turn - 1]]


def test_the_random_numbers_are_used_once():
    """Fails if a guess draws from the numbers of the true steps."""
    canvas = join([[1, 2], [3]], [9], [0], 20)
    generator, same = rng(5), rng(5)
    list(SelfSpeculation()([canvas], tiny_denoiser(), [Threshold(0.5, 0.8)], [generator]))
    list(denoise([canvas], tiny_denoiser(), [Threshold(0.5, 0.8)], [same]))
    assert torch.equal(same.get_state(), generator.get_state())
