"""P2: against the literal transcription, and mutated. The authors' own runs are in test_traces_classic."""

import pytest

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.p2 import P2
from tests.sampling.literal.p2 import masks_after, p2
from tests.sampling.mutants import mutant
from tests.sampling.walks import MASK, Case, disagreements, draws_of, random_case, walk


def pair(sampler: type, case: Case):
    """The rule and its transcription with the same parameters, and the same random numbers."""
    parameters = {
        "steps": case.choose.choice([0, 0, 1, 2, 3, 5, 9, 24]),
        "temperature": case.choose.choice([0.0, 0.0, 0.7]),
        "top_p": case.choose.choice([1.0, 0.95, 0.6]),
        "top_k": case.choose.choice([0, 3]),
        "faithful": case.choose.choice([False, True]),
    }
    return sampler(**parameters), p2(*case.given, **parameters, uniform=draws_of(case).uniform)


def test_agrees_with_the_transcription():
    """Fails if any step of 250 random decodes differs from the literal transcription."""
    assert [] == list(disagreements(P2, pair, 250))


MUTATIONS = {
    "nothing is taken back": ("", "revoke[canvas.rows] = written & ~kept", "pass"),
    "idle steps are skipped always": ("", "while not self.faithful and self", "while self"),
    "idle steps are run always": ("", "while not self.faithful and self", "while self.faithful and self"),
    "drawn steps are skipped": ("", "self.temperature == 0 and torch", "torch"),
    "a skipped step is none of the plan": ("", "            now += 1\n", "            break\n"),
    "one step behind": ("", "(now + 1) / steps", "now / steps"),
    "written tokens are kept": (
        "",
        "written = memory.own & ~masked",
        "written, score = memory.own & ~masked, score.where(masked, 2.0)",
    ),
    "decided rows are counted": ("", "surest(score, memory.own", "surest(score, memory.own | True"),
    "the share of all rows of the hole": ("", "self._masks(now, memory.start)", "self._masks(now, len(score))"),
    "rounded up": ("", "int(torch.tensor(float(start)) * (1 - kappa))", "-int(-start * (1 - kappa) // 1)"),
    "score before the nucleus": ("", "score = probabilities.gather", "score = logits.softmax(-1).gather"),
    "the least sure are kept": ("dlm_lsp.sampling.schedule", "descending=True", "descending=False"),
    "of equals the rightmost is kept": (
        "dlm_lsp.sampling.schedule",
        "places = among.nonzero().flatten()",
        "places = among.nonzero().flatten().flip(0)",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert any(True for _ in disagreements(mutant(P2, right, wrong, module=module), pair, 200))


def test_so_many_masks_after_every_step():
    """Fails if the number of masks is not the plan's, whatever was taken back for it."""
    for seed in range(20):
        case = random_case(seed)
        start, steps = int(case.canvas.masked.sum()), 8
        left = [sum(state[place] == MASK for place in case.given[1]) for state in walk(P2(steps, faithful=True), case)]
        expected = [start * (steps - i - 1) // steps for i in range(steps)]
        assert expected[: expected.index(0) + 1] == left


def test_shares_are_rounded_as_in_the_code():
    """Fails if a share is cut as exact numbers would cut it: of 22 rows in 22 steps the ninth leaves 13, and in float32 12."""
    assert 12 == P2(22)._masks(8, 22)
    for steps in range(1, 40):
        plans = [[P2(steps)._masks(i, n) for i in range(steps)] for n in (7, 22, 23, 29, 37)]
        assert [[masks_after(i, steps, n) for i in range(steps)] for n in (7, 22, 23, 29, 37)] == plans


@pytest.mark.parametrize(("name", "value"), [("steps", -1), ("top_p", 2.0), ("top_k", 1.5)])
def test_parameters_out_of_range(name, value):
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=name):
        make_sampler("p2", **{name: value})
