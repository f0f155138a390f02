"""Left to right: against the literal transcription, and mutated."""

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.left_to_right import LeftToRight
from tests.sampling.literal.left_to_right import left_to_right
from tests.sampling.mutants import mutant
from tests.sampling.walks import Case, disagreements, draws_of


def pair(sampler: type, case: Case):
    """The rule and its transcription with the same parameter."""
    count, temperature = case.choose.choice([1, 1, 2, 3]), case.choose.choice([0.0, 0.0, 0.7])
    expected = left_to_right(*case.given, count=count, temperature=temperature, uniform=draws_of(case).uniform)
    return sampler(count, temperature), expected


def test_agrees_with_the_transcription():
    """Fails if any step of 200 random decodes differs from the literal transcription."""
    assert [] == list(disagreements(LeftToRight, pair, 200))


MUTATIONS = {
    "nothing is drawn": ("", "believe(logits, self.temperature, rng)", "believe(logits, 0.0, rng)"),
    "from the right": ("", "canvas.masked.cumsum(0)", "canvas.masked.flip(0).cumsum(0).flip(0)"),
    "one too few": ("", "<= self.tokens", "< self.tokens"),
    "one too many": ("", "<= self.tokens", "<= self.tokens + 1"),
    "decided rows count": ("", "canvas.masked.cumsum(0)", "canvas.holes.cumsum(0)"),
    "decided rows are written": ("", "canvas.masked & (", "canvas.holes & ("),
    "last of equal tokens": (
        "dlm_lsp.sampling.belief",
        "numbers.numpy().argmax(-1)",
        "numbers.shape[-1] - 1 - numbers.flip(-1).numpy().argmax(-1)",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert any(True for _ in disagreements(mutant(LeftToRight, right, wrong, module=module), pair, 100))


def test_asks_only_about_what_it_commits():
    """Fails if a cache is told to compute other rows than those that are committed."""
    canvas = join([[1], [2], []], [2, 2], [0, 0], 9)
    assert [False, True, True, False, True, False] == LeftToRight(3).focus(canvas).tolist()
    move = LeftToRight(3)(canvas, torch.zeros(4, 8), torch.Generator())
    assert LeftToRight(3).focus(canvas).tolist() == move.commit.tolist()


def test_parameters_out_of_range():
    """Fails if no token a step is allowed: then it would never end."""
    with pytest.raises(SettingsError, match="tokens"):
        make_sampler("left_to_right", tokens=0)
