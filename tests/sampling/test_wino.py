"""WINO: against the literal transcription, mutated, and what the shadow shows and does not show."""

import random

import pytest
import torch

from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.transformer import NetworkDenoiser
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.denoise import max_steps
from dlm_lsp.sampling.strategies.wino import Wino, ask_twice
from tests.sampling.literal.wino import wino
from tests.sampling.mutants import mutant
from tests.sampling.reader import MASK, Reader, outcome, random_canvas, states
from tests.sampling.tiny import rng

CASES = 250


def disagrees(strategy: type[Wino], seed: int) -> bool:
    """Whether a strategy writes or takes back otherwise than the transcription in a random decode."""
    draw = random.Random(seed)
    canvas, reader = random_canvas(draw, longest=draw.choice([7, 7, 14])), Reader(seed)
    made = strategy(draw.choice([0.3, 0.5, 0.6]), draw.choice([0.3, 0.5, 0.9]), draw.choice([3, 128]))
    expected = wino(
        canvas.tokens.tolist(),
        canvas.rows.tolist(),
        MASK,
        reader.answer,
        tau1=made.draft_threshold,
        tau2=made.check_threshold,
        block_length=made.block,
    )
    return expected != outcome(made, canvas, reader, made.rule())


def test_agrees_with_the_paper():
    """Fails if any of 250 decodes differs from the literal transcription in any step."""
    assert [] == [seed for seed in range(CASES) if disagrees(Wino, seed)]


MUTATIONS = {
    "the shadow of a token sees it": ("visible[shadow[masks], inside] = False", "pass"),
    "the shadow does not see itself": ("visible[length + 1 :, length:] = masks", "pass"),
    "the expected are taken back": ("expected < self.check_threshold", "expected > self.check_threshold"),
    "as many back as came before": ("most=accepted[k] - 1", "most=accepted[k]"),
    "no limit to what is taken back": ("most=accepted[k] - 1", "most=1000"),
    "one accepted is enough to verify": ("if count > 1:", "if count > 0:"),
    "at least one at once, not five": ("* 7 // 10, LEAST_AT_ONCE)", "* 7 // 10, 1)"),
    "reaches tau1": ("confidence > self.threshold", "confidence >= self.threshold"),
    "the surest are taken back first": ("surest(-expected,", "surest(expected,"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake."""
    mutated = mutant(Wino, *MUTATIONS[name])
    assert any(disagrees(mutated, seed) for seed in range(CASES))


SIZES = {"vocab_size": 10, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}


def network(layers: int) -> NetworkDenoiser:
    """A random Dream of so many layers, in float64."""
    torch.manual_seed(0)
    model = DreamModel(DreamConfig.from_json({**SIZES, "num_hidden_layers": layers})).double()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    return NetworkDenoiser(model, Vocabulary(10, 9, torch.arange(10) == 9), tokenizer=None)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_shadow_of_a_token_has_not_seen_it(layers):
    """Fails if a token is checked in its own sight, also where the row before it answers; or if the known leak is gone.

    From the second layer on the other rows tell the shadow what they have seen.
    """
    canvas = join([[1, 2], [3]], [4], [0], 9)
    canvas = canvas.apply(canvas.commit(torch.tensor([True] * 4), torch.tensor([4, 5, 6, 7]), torch.ones(4)))
    other = canvas.tokens.clone()
    other[4] = 8
    view = ask_twice(canvas, canvas.holes, 0)
    changed = view.tokens.clone()
    changed[4] = 8
    asked = [view, View(changed, view.rows, view.positions, view.visible)]
    first, second = network(layers).predict(asked)
    differ = (first != second).any(-1)[4:]  # what the shadow says of the four rows
    assert [True, True, layers > 1, True] == differ.tolist()


def test_the_shadow_is_not_seen():
    """Fails if the shadow changes what the model answers about the canvas itself."""
    canvas = join([[1, 2], [3], [4, 5]], [3, 2], [0, 0], 9)
    denoiser = network(2)
    alone = denoiser.predict([View(canvas.tokens, canvas.rows)])[0]
    beside = denoiser.predict([ask_twice(canvas, canvas.holes, 0)])[0][: len(canvas.rows)]
    assert float((alone - beside).abs().max()) < 1e-5


def test_each_stretch_has_the_row_before_it():
    """Fails if a second hole, or one at the start of the canvas, is answered by a row that stands elsewhere."""
    canvas = join([[], [3, 4], [5]], [2, 1], [0, 0], 9)
    view = ask_twice(canvas, canvas.holes, 0)
    assert [9, 9, 3, 4, 9, 5, 9, 9, 9, 4, 9] == view.tokens.tolist()
    assert [0, 1, 2, 3, 4, 5, 0, 0, 1, 3, 4] == view.positions.tolist()
    assert [0, 1, 4, 7, 8, 10] == view.rows.tolist()


def test_ends_in_a_step_a_mask():
    """Fails if taking back costs more steps than there are masks."""
    for seed in range(25):
        canvas = random_canvas(random.Random(seed), longest=20)
        made = Wino(0.2, 1.0)
        steps = states(made([canvas], Reader(seed), [made.rule()], [rng()]))
        assert len(steps) <= made.max_steps(canvas) == max_steps(canvas)
        assert MASK not in steps[-1]
