"""ReMDM: against the literal transcription, as ancestral sampling where nothing is taken back, by its marginals, and mutated."""

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.remdm import Remdm
from tests.sampling.literal.remdm import ancestral, remdm
from tests.sampling.mutants import mutant
from tests.sampling.tiny import rng
from tests.sampling.walks import MASK, Case, disagreements, draws_of, random_case, walk


def pair(sampler: type, case: Case):
    """The rule and its transcription with the same parameters, and the same random numbers."""
    choose = case.choose.choice
    parameters = {
        "variant": ["cap", "rescale", "conf", "loop"][case.seed % 4],
        "steps": choose([0, 4, 9, 20]),
        "eta_cap": choose([0.008, 0.3, 1.0]),
        "eta_rescale": choose([0.015, 0.5, 1.0]),
        "eta_loop": choose([0.02, 0.5]),
        "t_on": choose([0.55, 0.8]),
        "t_off": choose([0.05, 0.3]),
        "alpha_on": choose([0.9, 0.5]),
        "temperature": choose([0.0, 0.0, 0.7]),
        "top_p": choose([1.0, 0.9, 0.6]),
    }
    return sampler(**parameters), remdm(*case.given, **parameters, uniform=draws_of(case).uniform)


def test_agrees_with_the_paper():
    """Fails if any step of 250 random decodes differs from the literal transcription."""
    assert [] == list(disagreements(Remdm, pair, 250))


MUTATIONS = {
    "nothing is taken back": ("", "revoke[canvas.rows] = back", "pass"),
    "masks are written as if nothing were taken back": ("", "((1 - s) - (1 - back) * (1 - t)) / t", "(t - s) / t"),
    "no cap": ("", "min(self.eta_cap, most)", "self.eta_cap"),
    "rescaled by nothing": ("", "self.eta_rescale * most", "self.eta_rescale"),
    "the surest are taken back": (
        "",
        "-canvas.confidence[canvas.rows], -torch.inf",
        "canvas.confidence[canvas.rows], -torch.inf",
    ),
    "the loop begins early": ("", "if t > self.t_on:", "if t > 1:"),
    "the loop never ends": ("", "if t <= self.t_off:", "if t <= 0:"),
    "the loop writes as often as it takes back": (
        "",
        "self.eta_loop * self.alpha_on / (1 - self.alpha_on), self.eta_loop",
        "self.eta_loop, self.eta_loop",
    ),
    "decided rows are taken back": ("", "written = own & ~masked", "written = ~masked"),
    "the last step is drawn": ("", "if now >= steps - 1:", "if now >= steps:"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert any(True for _ in disagreements(mutant(Remdm, right, wrong, module=module), pair, 200))


def test_without_taking_back_it_is_ancestral():
    """Fails if sigma = 0 changes how masks are written."""
    for seed in range(200):
        case = random_case(seed)
        steps = case.choose.choice([3, 8, 20])
        rule = Remdm(case.choose.choice(["cap", "rescale"]), steps, eta_cap=0, eta_rescale=0)
        assert ancestral(*case.given, steps=steps, uniform=draws_of(case).uniform) == walk(rule, case)


@pytest.mark.parametrize("variant", ["cap", "rescale", "conf"])
def test_as_much_is_written_as_the_plan_says(variant):
    """Fails if what is taken back is not made up for: at time s the share 1 - s is written, whatever sigma is.

    10,000 rows of which each is a decode of its own. With "conf" the shares of rows add up to one row, which is nothing here.
    """
    rows, steps = 10_000, 5
    canvas = join([[1], []], [rows], [0], MASK)
    sampler, generator = Remdm(variant, steps, eta_cap=0.3, eta_rescale=0.8), rng(2)
    for step in range(1, steps):
        canvas = canvas.apply(sampler(canvas, torch.zeros(rows, 2), generator))
        assert abs(step / steps - (1 - int(canvas.masked.sum()) / rows)) < 0.02


@pytest.mark.parametrize(("name", "value"), [("variant", "max"), ("eta_cap", 1.1), ("alpha_on", 1.0), ("t_on", 0.0)])
def test_parameters_out_of_range(name, value):
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=name):
        make_sampler("remdm", **{name: value})
