"""The check by hidden folds: against plain lists, mutated, and that it costs one call."""

import random

import pytest
import torch

from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.folds import hidden_probabilities
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategies.kfold import Kfold
from tests.sampling.literal.kfold import kfold
from tests.sampling.mutants import mutant
from tests.sampling.reader import MASK, Reader, outcome, random_canvas, states
from tests.sampling.tiny import rng

CASES = 250
FOLDS = "dlm_lsp.sampling.folds"


def disagrees(strategy: type[Kfold], seed: int) -> bool:
    """Whether a strategy writes or masks again otherwise than the plain lists in a random decode."""
    draw = random.Random(seed)
    canvas, reader = random_canvas(draw, longest=10), Reader(seed)
    made = strategy(draw.choice([2, 4, 5]), draw.choice([0.12, 0.34, 1.0]), draw.choice([0.2, 0.5]))
    tau = draw.choice([0.3, 0.9])
    expected = kfold(
        canvas.tokens.tolist(),
        canvas.rows.tolist(),
        MASK,
        reader.answer,
        tau=tau,
        k=made.folds,
        share=made.share,
        below=made.below,
    )
    return expected != outcome(made, canvas, reader, Threshold(tau))


def test_agrees_with_the_card():
    """Fails if any of 250 decodes differs from the plain lists in any step."""
    assert [] == [seed for seed in range(CASES) if disagrees(Kfold, seed)]


MUTATIONS = {
    "the share is rounded down": (
        "",
        "math.ceil(self.share * int(judged.sum()))",
        "int(self.share * int(judged.sum()))",
    ),
    "the likely go": ("", "likely < self.below", "likely > self.below"),
    "the likeliest of them first": ("", "surest(-likely,", "surest(likely,"),
    "one token a fold": (FOLDS, "places[first::folds]", "places[first : first + 1]"),
    "judged in its own sight": (FOLDS, "canvas.tokens.index_fill(0, hidden, canvas.mask_id)", "canvas.tokens"),
    "a softmax with a temperature": (FOLDS, "chances(logits[here],", "chances(logits[here] / 2,"),
    "the token of another row": (FOLDS, "canvases[k].tokens[hidden]", "canvases[k].tokens[hidden].flip(0)"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake."""
    module, right, wrong = MUTATIONS[name]
    mutated = mutant(Kfold, right, wrong, module=module)
    assert any(disagrees(mutated, seed) for seed in range(CASES))


def test_the_check_is_one_call():
    """Fails if canvases or folds are asked about one by one, or a hole of fewer tokens than folds asks empty questions."""
    reader = Reader(0)
    batch = [join([[1], [2]], [length], [0], MASK) for length in (5, 2, 0)]
    full = [c.apply(c.commit(torch.ones(len(c.rows)).bool(), c.rows % 8, c.rows / 9)) for c in batch]
    likely = hidden_probabilities(full, [c.holes for c in full], reader, folds=4)
    assert [4 + 2] == reader.asked
    assert [7, 4, 2] == [len(chances) for chances in likely]
    assert all(float(chances[~c.holes].min()) == 1 for chances, c in zip(likely, full, strict=True))
    assert float(likely[0][full[0].holes].max()) < 1


def test_what_stood_before_is_not_judged():
    """Fails if a token that was there when the decode began is masked again."""
    canvas = join([[1], [2]], [8], [0], MASK)
    given = torch.arange(8) < 4
    canvas = canvas.apply(canvas.commit(given, torch.full((8,), 3), torch.ones(8)))
    for seed in range(10):
        made = Kfold(share=1.0, below=1.0)
        steps = states(made([canvas], Reader(seed), [Threshold(0.3)], [rng()]))
        assert all([1, 3, 3, 3, 3] == now[:5] for now in steps)
        assert any(MASK in now[5:9] for now in steps[1:])
