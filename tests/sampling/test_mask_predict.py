"""Mask-predict: against the literal transcription, and mutated."""

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.mask_predict import MaskPredict
from tests.sampling.literal.mask_predict import mask_predict
from tests.sampling.mutants import mutant
from tests.sampling.tiny import rng
from tests.sampling.walks import MASK, Case, disagreements, draws_of


def pair(sampler: type, case: Case):
    """The rule and its transcription with the same parameters, and the same random numbers."""
    parameters = {"steps": case.choose.choice([1, 2, 3, 5, 10]), "temperature": case.choose.choice([0.0, 0.0, 0.7])}
    return sampler(**parameters), mask_predict(*case.given, **parameters, uniform=draws_of(case).uniform)


def test_agrees_with_the_paper():
    """Fails if any step of 250 random decodes differs from the literal transcription."""
    assert [] == list(disagreements(MaskPredict, pair, 250))


MUTATIONS = {
    "nothing is drawn": ("", "believe(logits, self.temperature, rng)", "believe(logits, 0.0, rng)"),
    "nothing is taken back": ("", "revoke[canvas.rows] = written & ~kept", "pass"),
    "written tokens are scored anew": (
        "",
        "torch.where(masked, confidence, canvas.confidence[canvas.rows])",
        "confidence",
    ),
    "idle steps are run": ("", "while self.temperature == 0 and", "while False and"),
    "drawn steps are skipped": ("", "while self.temperature == 0 and", "while"),
    "one step behind": ("", "self.steps - now - 1", "self.steps - now"),
    "of all rows of the hole instead of the start": ("", "masks = memory.start *", "masks = len(score) *"),
    "all written tokens are taken back": (
        "",
        "written = memory.own & ~masked  # [H]",
        "written = memory.own & ~masked\n        memory = replace(memory, own=masked)",
    ),
    "decided rows are counted": ("", "surest(score, memory.own", "surest(score, memory.own | True"),
    "the least sure are kept": ("dlm_lsp.sampling.schedule", "descending=True", "descending=False"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert any(True for _ in disagreements(mutant(MaskPredict, right, wrong, module=module), pair, 200))


def test_a_written_token_comes_back_as_a_mask():
    """Fails if a token that was sure among its neighbours is not masked again when all of them have become surer."""
    canvas, sampler = join([[1], []], [4], [0], MASK), MaskPredict(4)
    first = torch.tensor([[3.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.1, 0.0]])
    canvas = canvas.apply(sampler(canvas, first, rng()))
    assert [1, 0, MASK, MASK, MASK] == canvas.tokens.tolist()
    canvas = canvas.apply(sampler(canvas, torch.tensor([[0.0, 0.0], [9.0, 0.0], [8.0, 0.0], [0.0, 0.1]]), rng()))
    assert [1, MASK, 0, 0, MASK] == canvas.tokens.tolist()


def test_parameters_out_of_range():
    """Fails if no step at all is taken for a plan."""
    with pytest.raises(SettingsError, match="steps"):
        make_sampler("mask_predict", steps=0)
