"""CAL: the search against its literal transcription, the curve against known ones, Φ against written-out logits."""

import math
import random
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dlm_lsp.models.cached import with_cache
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.sampling.cal import FIT_LENGTHS, Curve, fit_curve, phi, search
from dlm_lsp.sampling.canvas import join
from tests.models.test_kept_context import make
from tests.sampling.literal import cal as literal
from tests.sampling.mutants import mutant

PAPER = Curve(1.00, 1.77, 0.56, 0.06, 0.24)
MASK = 3


class Told:
    """A denoiser whose logits for a mask hang on how many masks there are."""

    vocabulary = Vocabulary(100, MASK, torch.zeros(100, dtype=torch.bool))

    def __init__(self, peak: Callable[[int], float]) -> None:
        self._peak = peak
        self.calls: list[int] = []

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Give every row the same largest probability."""
        self.calls.append(len(views))
        answers = []
        for view in views:
            top = self._peak(int((view.tokens == MASK).sum()))
            row = torch.tensor([top, *[(1 - top) / 99] * 99]).log()
            answers.append(row.expand(len(view.rows), 100))
        return answers


def test_the_paper_s_bias() -> None:
    """Fails if a letter of B stands for another: B(8) is 0.5865 in the paper's numbers."""
    assert 0.5865 == round(PAPER(8), 4) == round(literal.bias(8), 4)
    for length in (1, 5, 64):
        assert literal.bias(length) == pytest.approx(PAPER(length))


@given(
    values=st.lists(st.floats(0.01, 1), min_size=40, max_size=40),
    start=st.integers(1, 40),
    patience=st.integers(1, 6),
    longest=st.integers(1, 40),
)
def test_the_search_is_the_paper_s(values: list[float], start: int, patience: int, longest: int) -> None:
    """Fails if asking several lengths at once changes which one wins, or a length beyond the bounds is asked."""
    start = min(start, longest)
    asked: list[int] = []

    def psi(lengths: Sequence[int]) -> list[float]:
        asked.extend(lengths)
        return [values[length - 1] / literal.bias(length) for length in lengths]

    expected, probed = literal.cal(lambda length: values[length - 1], start, longest, patience, literal.bias)
    assert expected == search(psi, start, longest, patience)
    assert set(probed) <= set(asked) <= set(range(1, longest + 1))
    assert len(asked) == len(set(asked)), "nothing is asked twice"


def differ(found: Callable[..., int], cases: int) -> bool:
    """Whether a search finds another length than the transcription in one of so many random cases; equal scores are frequent."""
    for seed in range(cases):
        draw = random.Random(seed)
        values = [draw.choice([0.2, 0.4, 0.5, 0.6, 0.9]) for _ in range(40)]
        longest = draw.randint(1, 40)
        start, patience = draw.randint(1, longest), draw.randint(1, 6)
        expected, _ = literal.cal(
            lambda length, values=values: values[length - 1], start, longest, patience, lambda _: 1.0
        )
        if expected != found(lambda lengths, values=values: [values[n - 1] for n in lengths], start, longest, patience):
            return True
    return False


MUTATIONS = {
    "an equal length is better": ("            if reached > highest:", "            if reached >= highest:"),
    "an equal length is not in vain": ("0 if reached > highest", "0 if reached >= highest"),
    "one length more in vain": ("if in_vain >= patience", "if in_vain > patience"),
    "upwards only": ("((1, longest), (-1, 1))", "((1, longest),)"),
    "downwards first": ("((1, longest), (-1, 1))", "((-1, 1), (1, longest))"),
    "downwards from the best": ("range(start + way, last + way, way)", "range(best + way, last + way, way)"),
    "never to the last length": ("range(start + way, last + way, way)", "range(start + way, last, way)"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_of_the_search_are_caught(name: str) -> None:
    """Fails if a comparison with the transcription would not notice this mistake."""
    assert not differ(search, 300)
    assert differ(mutant(search, *MUTATIONS[name]), 300)


def test_equal_lengths_and_ends() -> None:
    """Fails if a tie moves the length, or the search runs over the ends."""
    assert 8 == search(lambda lengths: [1.0] * len(lengths), 8, 64)
    assert 1 == search(lambda lengths: [1.0 / length for length in lengths], 8, 64)
    assert 64 == search(lambda lengths: [float(length) for length in lengths], 8, 64)
    assert 1 == search(lambda lengths: [1.0] * len(lengths), 1, 1)


def test_few_calls_are_made() -> None:
    """Fails if every length costs a model call, as in the paper: 13 probes there, 2 calls here."""
    calls = []

    def psi(lengths: Sequence[int]) -> list[float]:
        calls.append(list(lengths))
        return [-abs(length - 10) for length in lengths]

    assert 10 == search(psi, 8, 64)
    assert [list(range(4, 13)), [13, 14, 15, 16]] == calls


@pytest.mark.parametrize("true_length", [2, 7, 12, 20])
def test_a_known_peak_is_found_through_the_bias(true_length: int) -> None:
    """Fails if the bias is multiplied instead of taken off, or Φ is not that of the length: the raw peak is at length 1."""

    def raw(length: int) -> float:
        return PAPER(length) * (0.5 + 0.4 * math.exp(-abs(length - true_length) / 8))

    denoiser = Told(raw)

    def psi(lengths: Sequence[int]) -> list[float]:
        canvases = [join(([0], [1]), (length,), (0,), MASK) for length in lengths]
        return [value / PAPER(length) for value, length in zip(phi(denoiser, canvases, 0), lengths, strict=True)]

    assert true_length == search(psi, 8, 64)
    assert raw(1) > raw(true_length)
    assert len(denoiser.calls) <= 6


def test_phi_is_the_mean_of_the_largest_probabilities_of_one_hole() -> None:
    """Fails if rows of the context or of another hole count, logits are taken for probabilities, or expand and delete are tokens."""
    nothing = torch.zeros(4, dtype=torch.bool)

    class Rows:
        vocabulary = Vocabulary(4, MASK, nothing)

        def predict(self, views: Sequence[View]) -> list[Tensor]:
            assert [[1, 2], [1]] == [view.rows.tolist() for view in views]
            first = torch.tensor([[0.5, 0.2, 0.3, 0.0], [0.2, 0.2, 0.6, 0.0]])
            return [first.log() + 7, torch.tensor([[0.05, 0.9, 0.05, 0.0]]).log()]

    canvases = [join(([0], [0], [0]), lengths, (0, 0), MASK) for lengths in ((2, 3), (1, 1))]
    assert [0.55, 0.9] == pytest.approx(phi(Rows(), canvases, 0))
    Rows.vocabulary = Vocabulary(4, MASK, nothing, expand_id=0, delete_id=1)
    assert [1.0, 1.0] == pytest.approx(phi(Rows(), canvases, 0)), "one token is left in each row"


def test_lengths_are_compared_without_a_cache() -> None:
    """Fails if the first length of a call is answered beside what was kept of another length, and the others are not."""
    model = make(2)
    cached = with_cache(model, "hole")
    for length in (2, 9, 5):
        canvases = [
            join((range(1, 20), range(30, 40)), (more,), (0,), model.vocabulary.mask_id) for more in (length, 12)
        ]
        assert phi(model, canvases, 0) == phi(cached, canvases, 0)


@pytest.mark.parametrize("curve", [PAPER, Curve(0.6, 0.9, 0.3, 0.02, 0.1), Curve(0.2, 1.5, 0.9, 0.3, 0.45)])
def test_a_curve_is_found_again(curve: Curve) -> None:
    """Fails if the fit ends somewhere else than where the numbers came from."""
    fitted = fit_curve({length: [curve(length)] for length in FIT_LENGTHS})
    for length in range(1, 129):
        assert curve(length) == pytest.approx(fitted(length), abs=2e-3)


def test_a_length_counts_by_how_often_it_was_measured() -> None:
    """Fails if one odd sample pulls the curve as much as a hundred do."""
    odd = {length: [PAPER(length)] * 100 for length in FIT_LENGTHS} | {24: [1.0]}
    assert PAPER(24) == pytest.approx(fit_curve(odd)(24), abs=0.01)


def test_noise_does_not_carry_the_fit_away() -> None:
    """Fails if the curve leaves its bounds or fits worse than the curve that the noise was added to."""
    draw = random.Random(3)
    samples = {length: [PAPER(length) + draw.gauss(0, 0.05) for _ in range(30)] for length in FIT_LENGTHS}
    fitted = fit_curve(samples)

    def loss(curve: Curve) -> float:
        return sum((sum(values) / len(values) - curve(length)) ** 2 for length, values in samples.items())

    assert loss(fitted) <= loss(PAPER)
    assert min(fitted.a, fitted.b, fitted.c, fitted.d, fitted.e) >= 0
    values = [fitted(length) for length in range(1, 129)]
    assert sorted(values, reverse=True) == values, "a bias falls with the length"
    assert max(values) <= 1
