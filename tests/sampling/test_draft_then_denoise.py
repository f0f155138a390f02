"""A copied draft: against plain lists, mutated, and what it is worth where the text repeats itself."""

import random

import pytest
import torch

from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategies.draft_then_denoise import DraftThenDenoise, copy_on
from tests.sampling.literal.draft_then_denoise import draft_then_denoise
from tests.sampling.mutants import mutant
from tests.sampling.reader import IDS, MASK, Reader, outcome, states
from tests.sampling.tiny import rng

CASES = 250
FOLDS = "dlm_lsp.sampling.folds"


def repetitive_canvas(draw: random.Random) -> Canvas:
    """A text of three ids, now and then a mask token of the user's, so that a hole goes on as other places do."""
    lengths = [draw.randint(1, 8) for _ in range(draw.choice([1, 1, 2]))]
    ids = [*[1, 2, 3] * 5, MASK]
    parts = [[draw.choice(ids) for _ in range(draw.randint(0, 14))] for _ in range(len(lengths) + 1)]
    return join(parts, lengths, [0] * len(lengths), MASK)


def disagrees(strategy: type[DraftThenDenoise], seed: int) -> bool:
    """Whether a strategy drafts, drops or denoises otherwise than the plain lists."""
    draw = random.Random(seed)
    canvas, reader = repetitive_canvas(draw), Reader(seed)
    made = strategy(draw.choice([2, 4]), draw.choice([1, 2, 5]), draw.choice([2, 4]), draw.choice([0.1, 0.3]))
    tau = draw.choice([0.3, 0.9])
    expected = draft_then_denoise(
        canvas.tokens.tolist(),
        canvas.rows.tolist(),
        MASK,
        reader.answer,
        tau=tau,
        reach=made.reach,
        looks=made.looks,
        folds=made.folds,
        below=made.below,
    )
    return expected != outcome(made, canvas, reader, Threshold(tau))


def test_agrees_with_plain_lists():
    """Fails if any step of 250 decodes differs from the plain lists."""
    assert [] == [seed for seed in range(CASES) if disagrees(DraftThenDenoise, seed)]


MUTATIONS = {
    "the shortest agreement": ("", "range(min(reach, end), LEAST - 1, -1)", "range(LEAST, min(reach, end) + 1)"),
    "one token that agrees is enough": (
        "",
        "range(min(reach, end), LEAST - 1, -1)",
        "range(min(reach, end), LEAST - 2, -1)",
    ),
    "masks agree with masks": ("", "if None not in stretch:", "if True:"),
    "the likely are dropped": ("", "chances < self.below", "chances > self.below"),
    "a look more": ("", "for _ in range(self.looks):", "for _ in range(self.looks + 1):"),
    "the user's mask tokens are copied": ("", "not forbidden[token]", "True"),
    "a right draft is looked at again": ("", "kept if bool(doubted[k].any()) else kept & False", "kept"),
    "one token a fold": (FOLDS, "places[first::folds]", "places[first : first + 1]"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(name):
    """Fails if the comparison above would not notice this mistake."""
    module, right, wrong = MUTATIONS[name]
    mutated = mutant(DraftThenDenoise, right, wrong, module=module)
    assert any(disagrees(mutated, seed) for seed in range(CASES))


def test_the_longest_and_last_agreement_is_copied():
    """Fails if a shorter agreement, an earlier place or one token alone decides; or the draft does not go on from itself."""
    canvas = join([[1, 2, 3, MASK, 2, 3, 4, 5, 6, MASK, 7, 2, 3], [5]], [4], [0], MASK)
    vocabulary = Reader(0).vocabulary
    assert [4, 5, 6, MASK] == copy_on(canvas, vocabulary, 4).hole_tokens(0), (
        "after 6 the text has a mask token of its own"
    )
    longer = join([[1, 2, 3, 0, 2, 3, 4, 5, 1, 2, 3], [5]], [2], [0], MASK)
    assert [0, 2] == copy_on(longer, vocabulary, 4).hole_tokens(0)
    assert [4, 5] == copy_on(longer, vocabulary, 2).hole_tokens(0)


class Sure(Reader):
    """Wants one text, and nothing else."""

    def __init__(self, text: list[int]) -> None:
        super().__init__(0)
        self.text = text

    def answer(self, place, seen):  # noqa: ARG002 it knows the text
        return [4.0 if token == self.text[place] else 0.0 for token in range(IDS)] + [-torch.inf]


def test_a_text_that_repeats_itself_is_filled_by_one_call():
    """Fails if a right draft is looked at twice or not believed; the loop alone needs a call a token here."""
    text = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 0]
    canvas = join([text[:9], text[14:]], [5], [0], MASK)
    assert [text] == states(DraftThenDenoise()([canvas], Sure(text), [Threshold(0.99)], [rng()]))
    assert 5 == len(list(denoise([canvas], Sure(text), [Threshold(0.99)], [rng()])))


def test_what_was_decoded_before_is_not_drafted():
    """Fails if a repair copies again what was just found wrong."""
    text = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 0]
    canvas = join([text[:9], text[14:]], [5], [0], MASK)
    written = canvas.apply(canvas.commit(torch.ones(5).bool(), torch.tensor(text[9:14]), torch.ones(5)))
    again = written.mask(written.holes)
    assert again is copy_on(again, Reader(0).vocabulary, 4)
