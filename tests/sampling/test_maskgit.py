"""MaskGIT: its cosine, against the literal transcription, and mutated."""

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.maskgit import Maskgit
from tests.sampling.literal.maskgit import maskgit
from tests.sampling.mutants import mutant
from tests.sampling.walks import MASK, VOCAB, Case, disagreements, draws_of


def pair(sampler: type, case: Case):
    """The rule and its transcription with the same parameters, and the same random numbers."""
    parameters = {
        "steps": case.choose.choice([1, 2, 4, 5, 8, 12]),
        "mask_temperature": case.choose.choice([0.0, 1.0, 10.5]),
        "temperature": case.choose.choice([0.0, 0.0, 0.7]),
    }
    return sampler(**parameters), maskgit(*case.given, **parameters, uniform=draws_of(case).uniform)


def test_agrees_with_the_transcription():
    """Fails if any step of 250 random decodes differs from the literal transcription."""
    assert [] == list(disagreements(Maskgit, pair, 250))


MUTATIONS = {
    "sine": ("", "math.cos(", "math.sin("),
    "one step behind": ("", "(now + 1) / self.steps", "now / self.steps"),
    "of what is left instead of the start": ("", "* memory.start", "* int(masked.sum())"),
    "a step without a token": ("", "max(1, int(masked.sum()) - staying)", "int(masked.sum()) - staying"),
    "noise that does not fall": ("", " * (1 - r)\n", "\n"),
    "probability instead of its logarithm": ("", "confidence.log() +", "confidence +"),
    "noise of the other sign": ("", "-(-uniform.log()).log()", "(-uniform.log()).log()"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert any(True for _ in disagreements(mutant(Maskgit, right, wrong, module=module), pair, 200))


def test_few_first_and_many_last():
    """Fails if 64 tokens in 8 steps are not shared out as the paper's cosine says."""
    canvas, counts = join([[1], []], [64], [0], MASK), []
    while not canvas.done:
        move = Maskgit(steps=8)(canvas, torch.zeros(64, VOCAB), torch.Generator())
        counts.append(int(move.commit.sum()))
        canvas = canvas.apply(move)
    assert [2, 3, 6, 8, 10, 11, 12, 12] == counts


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("mask_temperature", -1.0)])
def test_parameters_out_of_range(name, value):
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=name):
        make_sampler("maskgit", **{name: value})
