"""LLaDA's sampler: its shares, against the literal transcription, and mutated. The authors' own runs are in test_traces_classic."""

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.llada import Llada
from tests.sampling.literal.llada import llada
from tests.sampling.mutants import mutant
from tests.sampling.walks import MASK, VOCAB, Case, disagreements, draws_of


def pair(sampler: type, case: Case):
    """The rule and its transcription with the same parameters, and the same random numbers."""
    parameters = {
        "remasking": case.choose.choice(["low_confidence", "low_confidence", "random"]),
        "block": case.choose.choice([0, 0, 1, 2, 3, 5, 40]),
        "steps": case.choose.choice([0, 1, 2, 3, 5, 7, 12, 30]),
        "temperature": case.choose.choice([0.0, 0.0, 0.7]),
    }
    draws = draws_of(case)
    return sampler(**parameters), llada(*case.given, **parameters, uniform=draws.uniform, uniform64=draws.uniform64)


def test_agrees_with_the_transcription():
    """Fails if any step of 250 random decodes differs from the literal transcription."""
    assert [] == list(disagreements(Llada, pair, 250))


MUTATIONS = {
    "what remains goes to the last steps": ("", "int(now < rows % steps)", "int(now >= steps - rows % steps)"),
    "the count of steps goes on over blocks": ("", 'if memory.numbers.get("block") == block else 0', "if True else 0"),
    "every block gets all steps": ("", "self.steps // blocks", "self.steps"),
    "rows of every block": ("", "masked & inside", "masked"),
    "the last block first": ("", "[canvas.undecided][0]", "[canvas.undecided][-1]"),
    "decided rows count": ("", "own.cumsum(0) - 1", "torch.ones_like(own).cumsum(0) - 1"),
    "noise with the wrong sign": ("", "** self.temperature)", "** -self.temperature)"),
    "confidence where the order is random": ("", 'if self.remasking == "random"', "if False"),
    "the surest rows last": ("dlm_lsp.sampling.schedule", "descending=True", "descending=False"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert any(True for _ in disagreements(mutant(Llada, right, wrong, module=module), pair, 200))


def test_even_shares():
    """Fails if 10 tokens in 4 steps are not 3, 3, 2 and 2."""
    canvas, counts = join([[1], []], [10], [0], MASK), []
    while not canvas.done:
        move = Llada(steps=4)(canvas, torch.zeros(10, VOCAB), torch.Generator())
        counts.append(int(move.commit.sum()))
        canvas = canvas.apply(move)
    assert [3, 3, 2, 2] == counts


def test_focus_is_the_block():
    """Fails if a cache is told to compute other rows than the block, or rows that were decided before."""
    canvas = join([[1], [2]], [5], [0], MASK)
    canvas = canvas.apply(
        canvas.commit(torch.tensor([True, False, False, False, False]), torch.full((5,), 3), torch.ones(5))
    )
    sampler = Llada(block=2)
    assert [False, False, True, True, False, False, False] == sampler.focus(canvas).tolist()
    for _ in range(2):
        canvas = canvas.apply(sampler(canvas, torch.zeros(5, VOCAB), torch.Generator()))
    assert [False, False, False, False, True, True, False] == sampler.focus(canvas).tolist()


@pytest.mark.parametrize(("name", "value"), [("remasking", "high"), ("block", -1), ("steps", -1), ("temperature", -1)])
def test_parameters_out_of_range(name, value):
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=name):
        make_sampler("llada", **{name: value})
