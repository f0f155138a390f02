"""DualDiffusion: against the literal transcription, mutated, and its rules on pairs made by hand."""

import itertools
import random
from dataclasses import replace

import pytest
import torch

from dlm_lsp.decoders import DECODERS
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategies.dual import Dual
from tests.sampling.literal.dual import dual
from tests.sampling.mutants import mutant
from tests.sampling.reader import MASK, MOST_STEPS, Reader, random_canvas, states
from tests.sampling.tiny import rng

CASES = 250
CRITERIA = DECODERS["dual"].parameters["criterion"].choices


class Named(Reader):
    """A reader that writes its name into a list whenever it is called."""

    def __init__(self, seed: int, name: str, called: list[str]) -> None:
        super().__init__(seed)
        self.name, self.called = name, called

    def predict(self, views):
        self.called.append(self.name)
        return super().predict(views)


def disagrees(strategy: type[Dual], seed: int) -> bool:
    """Whether a strategy calls another model, or writes or takes back otherwise, than the transcription in a random decode."""
    draw = random.Random(seed)
    canvas, called = random_canvas(draw), []
    drafter, verifier = Named(seed, "drafter", called), Named(seed + 1000, "verifier", called)
    made = strategy(
        criterion=CRITERIA[seed % 4],
        confidence=draw.choice([0.3, 0.9]),
        draft_steps=draw.choice([1, 2, 16]),
        rounds=draw.choice([1, 2, 4]),
    )
    tau = draw.choice([0.3, 0.5, 0.9])
    expected = dual(
        canvas.tokens.tolist(),
        canvas.rows.tolist(),
        MASK,
        drafter.answer,
        verifier.answer,
        tau=tau,
        n=made.draft_steps,
        rounds=made.rounds,
        criterion=made.criterion,
        confidence=made.confidence,
    )
    try:
        steps = made.drafted_by(drafter)([canvas], verifier, [Threshold(tau)], [rng()])
        actual = states(itertools.islice(steps, MOST_STEPS))
    except (AssertionError, RuntimeError):
        actual = []
    return ([who for who, _ in expected], [tokens for _, tokens in expected]) != (called, actual)


def test_agrees_with_the_code():
    """Fails if any call or any token of 250 decodes differs from the literal transcription."""
    assert [] == [seed for seed in range(CASES) if disagrees(Dual, seed)]


MUTATIONS = {
    "what the verifier agrees with goes": ('"exact": other,', '"exact": ~other,'),
    "the likely go": ("< self.confidence", "> self.confidence"),
    "hybrid asks for both": ("other | unlikely", "other & unlikely"),
    "the last round takes back": ("turn < self.rounds - 1", "turn < self.rounds"),
    "a step of the drafter more": ("for _ in range(self.draft_steps)", "for _ in range(self.draft_steps + 1)"),
    "the verifier drafts": ("ask(drafter, lanes, judge=False)", "ask(denoiser, lanes, judge=False)"),
    "a finished draft is verified for nothing": (
        "unfinished = {k for k in unfinished if judge or not now[k].done}",
        "pass",
    ),
    "trust looks at finished drafts": ('self.criterion != "trust" and', ""),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake."""
    mutated = mutant(Dual, *MUTATIONS[name])
    assert any(disagrees(mutated, seed) for seed in range(CASES))


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [("trust", []), ("exact", [2]), ("confidence", [2, 3]), ("hybrid", [2, 3])],
)
def test_what_is_taken_back(criterion, expected):
    """Fails if a rule takes back more or less: the verifier agrees for sure, writes another token, agrees without being sure."""
    canvas = join([[1], [2]], [4], [0], MASK)
    written = canvas.commit(torch.tensor([True, True, True, False]), torch.tensor([5, 6, 7, 0]), torch.ones(4))
    canvas = canvas.apply(replace(written, memory=canvas.remember().next()))
    logits = torch.zeros(4, MASK + 1)
    logits[0, 5], logits[1, 3], logits[2, 7], logits[3, 1] = 9, 9, 1, 9
    assert expected == Dual(criterion=criterion).rejected(canvas, logits).nonzero().flatten().tolist()


def test_a_batch_equals_its_parts():
    """Fails if a canvas is drafted or judged more often because its neighbours need it."""
    made = Dual(criterion="hybrid", confidence=0.4, draft_steps=2)
    batch = [random_canvas(random.Random(seed)) for seed in range(4)]
    rules, rngs = [Threshold(0.5)] * 4, [rng()] * 4
    together = list(made.drafted_by(Reader(1))(batch, Reader(2), rules, rngs))[-1]
    for k, canvas in enumerate(batch):
        ((alone,),) = list(made.drafted_by(Reader(1))([canvas], Reader(2), rules[:1], rngs[:1]))[-1:]
        assert alone.tokens.tolist() == together[k].tokens.tolist()
