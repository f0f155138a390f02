"""Dream's sampler: its plan, against the literal transcription, and mutated. The authors' own runs are in test_traces_classic."""

import itertools
import math

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.dream import Dream
from tests.sampling.literal.dream import dream
from tests.sampling.mutants import mutant
from tests.sampling.walks import MASK, VOCAB, Case, disagreements, draws_of

ALGS = ["origin", "maskgit_plus", "topk_margin", "entropy"]


def pair(sampler: type, case: Case):
    """The rule and its transcription with the same parameters, and the same random numbers."""
    choose = case.choose.choice
    parameters = {
        "alg": ALGS[case.seed % 4],
        "steps": choose([0, 0, 1, 2, 3, 5, 9, 20]),
        "eps": choose([1e-3, 1e-3, 0.0137]),
        "temperature": choose([0.0, 0.0, 0.7, 1.5]),
        "top_p": choose([1.0, 1.0, 0.8, 0.4]),
        "top_k": choose([0, 0, 3]),
        "alg_temp": choose([0.0, 0.0, 0.5]),
        "faithful": choose([False, True]),
    }
    draws = draws_of(case)
    expected = dream(*case.given, **parameters, uniform=draws.uniform, exponential=draws.exponential)
    return sampler(**parameters), expected


def test_agrees_with_the_transcription():
    """Fails if any step of 400 random decodes differs from the literal transcription."""
    assert [] == list(disagreements(Dream, pair, 400))


NARROW = "dlm_lsp.sampling.belief"
MUTATIONS = {
    "share of what is left instead of the masks": ("", "1 - times[now + 1] / times[now]", "1 - times[now + 1]"),
    "the last step is not the last": ("", "if now >= steps - 1:", "if now >= steps:"),
    "widest instead of narrowest": ("", "torch.log(probabilities + 1e-10)", "-torch.log(probabilities + 1e-10)"),
    "margin to nothing": ("", "best[:, 0] - best[:, 1]", "best[:, 0]"),
    "the coldest rows instead of the hottest": ("", "/ self.alg_temp", "/ -self.alg_temp"),
    "drawn by weight without a race": ("", "weights / torch.empty", "weights * torch.empty"),
    "idle steps are skipped always": ("", "while not self.faithful and int(", "while int("),
    "idle steps are run always": ("", "while not self.faithful and int(", "while self.faithful and int("),
    "an empty draw is run always": ("", "while not self.faithful and not", "while self.faithful and not"),
    "as many steps as masks are left": ("", "self.steps or memory.start", "self.steps or int(masked.sum())"),
    "confidence before the nucleus": ("", "scored = probabilities.gather", "scored = asked.softmax(-1).gather"),
    "the nucleus without the id that reaches it": (NARROW, "reached.roll(1, -1)", "reached"),
    "the nucleus is not the likeliest": (NARROW, "descending=True", "descending=False"),
    "one more than top_k": (NARROW, "min(top_k, ", "min(top_k + 1, "),
    "temperature multiplies": (NARROW, "logits = logits / temperature", "logits = logits * temperature"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert any(True for _ in disagreements(mutant(Dream, right, wrong, module=module), pair, 200))


def counts(rows: int, steps: int, *, faithful: bool) -> list[int]:
    """How many tokens each call commits, where every row is equally sure."""
    canvas, found = join([[1], []], [rows], [0], MASK), []
    while not canvas.done:
        move = Dream(steps=steps, faithful=faithful)(canvas, torch.zeros(rows, VOCAB), torch.Generator())
        found.append(int(move.commit.sum()))
        canvas = canvas.apply(move)
    return found


@pytest.mark.parametrize(
    ("rows", "steps", "expected"),
    [
        (5, 5, [0, 1, 1, 1, 2]),
        (64, 32, [1, *[2] * 30, 3]),
        (64, 16, [3, *[4] * 14, 5]),
        (64, 8, [7, *[8] * 6, 9]),
        (64, 4, [15, 16, 16, 17]),
        (48, 16, [2, *[3] * 14, 4]),
        (256, 64, [3, *[4] * 62, 5]),
    ],
)
def test_the_plan_of_the_reference(rows, steps, expected):
    """Fails if a number of tokens is cut at another place than float32 cuts it, or idle steps are run where they need not be."""
    assert expected == counts(rows, steps, faithful=True)
    assert [count for count in expected if count] == counts(rows, steps, faithful=False)


def test_a_plan_longer_than_the_hole():
    """Fails if more steps than tokens cost more calls than tokens, or the faithful plan costs fewer than it says."""
    wasted = counts(64, 128, faithful=True)
    assert 128 == len(wasted)
    assert 65 == wasted.count(0)
    assert 63 == len(counts(64, 128, faithful=False))


def test_confidence_is_a_probability():
    """Fails if what is remembered of a token is the number that rows were ordered by: entropies are below 0."""
    canvas = join([[1], []], [1], [0], MASK)
    logits = torch.tensor([[0.0, 1.0, -math.inf]])
    for alg, top_p in itertools.product(ALGS, (1.0, 0.5)):
        move = Dream(alg, top_p=top_p)(canvas, logits, torch.Generator().manual_seed(0))
        assert abs(math.e / (1 + math.e) - float(move.confidence[1])) < 1e-6


def test_alg_temp_near_0_is_an_order():
    """Fails if a weight overflows, or the surest row does not win against a clock that runs 10^30 times slower."""
    canvas = join([[1], []], [3], [0], MASK)
    logits = torch.tensor([[0.0, 0.1], [0.0, 9.0], [0.0, 1.0]])
    sampler = Dream("maskgit_plus", steps=3, alg_temp=1e-30)
    assert [False, False, True, False] == sampler(canvas, logits, torch.Generator()).commit.tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alg", "margin"),
        ("steps", -1),
        ("eps", 1.5),
        ("top_p", 1.1),
        ("top_k", -2),
        ("alg_temp", -0.5),
        ("temperature", 3),
    ],
)
def test_parameters_out_of_range(name, value):
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=name):
        make_sampler("dream", **{name: value})
