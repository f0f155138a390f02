"""Fast-dLLM's threshold: by written-out logits, against the literal transcription, and mutated."""

import random

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.samplers import SAMPLERS, make_sampler
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategy import Sampler
from tests.sampling import walks
from tests.sampling.literal.threshold import threshold, threshold_step
from tests.sampling.mutants import mutant
from tests.sampling.tiny import rng

MASK = 9
NEVER = -torch.inf


def chosen(sampler: Sampler, canvas: Canvas, logits: list[list[float]]) -> list[tuple[int, int, float]]:
    """What a sampler commits: (place, token, confidence)."""
    move = sampler(canvas, torch.tensor(logits), rng())
    places = move.commit.nonzero().flatten().tolist()
    return [(place, int(move.tokens[place]), float(move.confidence[place])) for place in places]


def test_commits_what_reaches_the_threshold():
    """Fails if equality does not count as sure: the first row's confidence is exactly 0.5."""
    canvas = join([[1], []], [3], [0], MASK)
    logits = [[0.0, 0.0, NEVER], [5.0, 0.0, 0.0], [0.1, 0.2, 0.0]]
    assert [(1, 0), (2, 0)] == [(place, token) for place, token, _ in chosen(Threshold(0.5), canvas, logits)]


def test_commits_at_least_the_surest():
    """Fails if a step may end without a commit, or takes another row than the surest."""
    canvas = join([[], [2]], [3], [0], MASK)
    logits = [[0.1, 0.0], [0.0, 0.4], [0.3, 0.0]]
    assert [(1, 1)] == [(place, token) for place, token, _ in chosen(Threshold(0.9), canvas, logits)]


def test_extremes():
    """Fails if threshold 0 leaves a mask, or one above every probability commits more than one row."""
    canvas = join([[], [2]], [3], [0], MASK)
    logits = [[0.0, 99.0], [0.0, 99.0], [0.3, 0.0]]
    assert 3 == len(chosen(Threshold(0.0), canvas, logits))
    assert [(0, 1, 1.0)] == chosen(Threshold(1.5), canvas, logits)


def test_decided_rows_are_left_alone():
    """Fails if a decided row counts as the surest, or is committed again."""
    canvas = join([[1], []], [2], [0], MASK)
    canvas = canvas.apply(canvas.commit(torch.tensor([True, False]), torch.tensor([4, 0]), torch.ones(2)))
    assert [(2, 1)] == [(p, t) for p, t, _ in chosen(Threshold(0.9), canvas, [[9.0, 0.0], [0.0, 0.1]])]


def random_case(seed: int) -> tuple[Canvas, list[list[float]], float]:
    """A half-decided canvas with ties between rows and between tokens, and a threshold that some confidences equal."""
    draw = random.Random(seed)
    lengths = [draw.randint(1, 6) for _ in range(draw.randint(1, 2))]
    parts = [[draw.randint(0, MASK) for _ in range(draw.randint(0, 2))] for _ in range(len(lengths) + 1)]
    canvas = join(parts, lengths, [0] * len(lengths), MASK)
    size = sum(lengths)
    decided = torch.tensor([draw.random() < 0.3 for _ in range(size)])
    decided[draw.randrange(size)] = False
    canvas = canvas.apply(canvas.commit(decided, torch.full((size,), 3), torch.ones(size)))
    spread = draw.choice([0.5, 2.0, 6.0])
    logits: list[list[float]] = []
    for _ in range(size):
        kind = draw.random()
        if logits and kind < 0.2:
            logits.append(list(draw.choice(logits)))
        elif kind < 0.4:
            first, second = draw.sample(range(8), 2)
            logits.append([0.0 if token in {first, second} else NEVER for token in range(8)])
        else:
            # Multiples of 1/4 are the same numbers in float32 and in Python, and often equal to each other.
            logits.append([round(draw.gauss(0, spread) * 4) / 4 for _ in range(8)])
    return canvas, logits, draw.choice([0.0, 0.3, 0.5, 0.5, 0.9, 2.0])


def disagreements(sampler: type[Threshold], cases: int = 400) -> int:
    """In how many random cases a sampler decides otherwise than the transcription."""
    count = 0
    for seed in range(cases):
        canvas, logits, tau = random_case(seed)
        expected = threshold_step(canvas.tokens.tolist(), canvas.rows.tolist(), MASK, logits, tau)
        actual = chosen(sampler(tau), canvas, logits)
        same = [step[:2] for step in expected] == [step[:2] for step in actual] and all(
            abs(a[2] - b[2]) < 1e-6 for a, b in zip(expected, actual, strict=True)
        )
        count += not same
    return count


def test_agrees_with_the_paper():
    """Fails if any decision of 400 random ones differs from the literal transcription."""
    assert disagreements(Threshold) == 0


BELIEF = "dlm_lsp.sampling.belief"
MUTATIONS = {
    "above instead of at least": ("", ">= self.threshold", "> self.threshold"),
    "no at-least-one": ("", "sure[numbers.index(max(numbers))] = True", "pass"),
    "softmax with a temperature": (BELIEF, "raw = logits.float().softmax(-1)", "raw = (logits / 0.7).softmax(-1)"),
    "last of equal rows": (
        "",
        "sure[numbers.index(max(numbers))]",
        "sure[len(sure) - 1 - numbers[::-1].index(max(numbers))]",
    ),
    "last of equal tokens": (
        BELIEF,
        "numbers.numpy().argmax(-1)",
        "numbers.shape[-1] - 1 - numbers.flip(-1).numpy().argmax(-1)",
    ),
    "decided rows too": ("", "decided_now = canvas.undecided if", "decided_now = canvas.rows >= 0 if"),
    "the belief of other rows": (BELIEF, "logits.index_select(0, send(rows, logits.device))", "logits[: len(rows)]"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake in the sampler."""
    module, right, wrong = MUTATIONS[name]
    assert disagreements(mutant(Threshold, right, wrong, module=module)) > 0


def in_blocks(sampler: type, case: walks.Case) -> tuple[Sampler, list[list[int]]]:
    """The rule and its transcription with the same threshold and blocks."""
    tau, block = case.choose.choice([0.3, 0.5, 0.9, 2.0]), case.choose.choice([0, 1, 2, 3, 5])
    faithful, temperature = case.choose.random() < 0.3, case.choose.choice([0.0, 0.0, 0.7])
    expected = threshold(
        *case.given,
        tau=tau,
        block_length=block or 1000,
        faithful=faithful,
        temperature=temperature,
        uniform=walks.draws_of(case).uniform,
    )
    return sampler(tau, temperature, block, faithful), expected


def test_agrees_with_the_paper_in_blocks():
    """Fails if any step of 250 random decodes differs from the literal transcription, which goes block by block."""
    assert [] == list(walks.disagreements(Threshold, in_blocks, 250))


BLOCKS = "dlm_lsp.sampling.blocks"
MUTATIONS_IN_BLOCKS = {
    "nothing is drawn": ("", "believe(logits, self.temperature, rng, places)", "believe(logits, 0.0, rng, places)"),
    "the numbers of other rows": (BELIEF, "drawn.index_select(0, rows)", "drawn[: len(rows)]"),
    "no blocks": ("", "canvas.undecided & focus[canvas.rows]", "canvas.undecided"),
    "the last block first": (BLOCKS, "number[masked].min()", "number[masked].max()"),
    "blocks of what is still masked": ("", "memory=canvas.remember().next()", "memory=None"),
    "blocks one longer": (BLOCKS, "(own.cumsum(0) - 1) // block", "(own.cumsum(0) - 1) // (block + 1)"),
    "the fault always": ("", "if self.faithful:", "if True:"),
    "the fault in every call": ("", "len(places) == int(block.sum())", "True"),
    "the fault takes the surest": ("", "sure = torch.arange(len(places)) == 0", "sure = confidence == max(numbers)"),
    "the rows of a block that were decided before": ("", "canvas.undecided & focus", "focus"),
}


@pytest.mark.parametrize("name", MUTATIONS_IN_BLOCKS)
def test_mutations_in_blocks_are_caught(name):
    """Fails if the comparison of whole decodes would not notice this mistake in the blocks."""
    module, right, wrong = MUTATIONS_IN_BLOCKS[name]
    assert any(True for _ in walks.disagreements(mutant(Threshold, right, wrong, module=module), in_blocks, 200))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("threshold", {"threshold": -0.1}),
        ("threshold", {"temperature": float("nan")}),
        ("threshold", {"block": -1}),
    ],
)
def test_parameters_out_of_range(name, parameters):
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=next(iter(parameters))):
        make_sampler(name, **parameters)


def test_unknown_name():
    """Fails if an unknown name ends in a traceback or the sentence does not name the nearest."""
    assert Threshold(0.5) == make_sampler("threshold", threshold=0.5)
    assert "threshold" in SAMPLERS
    with pytest.raises(SettingsError, match=r"'treshold'.*'threshold'"):
        make_sampler("treshold")
    with pytest.raises(SettingsError, match=r"'temprature'.*'temperature'"):
        make_sampler("threshold", temprature=0.5)
