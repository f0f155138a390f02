"""The yardsticks: a bigram model that is a probability, and a bound that is unbiased."""

import numpy as np
import pytest

from training import stream as streams
from training.bpe import MASK
from training.corrupt import Sampler
from training.evaluate import (
    Bigram,
    Guesses,
    bigram_nats,
    calibration,
    calibration_error,
    length_errors,
    line_holes,
    mean_nats,
)
from training.stream import Stream


def test_the_bigram_model_is_a_distribution() -> None:
    """Fails if smoothing loses or invents mass, which would make the model to beat too weak or too strong."""
    rng = np.random.default_rng(0)
    stream = Stream(rng.integers(0, 20, 500).astype(np.uint16), np.array([0, 500]), ("a/b.py",))
    bigram = Bigram(stream, vocabulary=32)
    for before in (MASK, 5, 31):  # the unigram model; a word that was seen; one that was not
        total = np.exp(-bigram.nats(np.full(32, before), np.arange(32))).sum()
        assert total == pytest.approx(1, abs=1e-6)


def test_the_bigram_model_has_learned(data, tokenizer) -> None:
    """Fails if pairs are looked up the wrong way round: the true neighbour must help on text it was counted on."""
    stream = streams.read(data, "train")
    bigram = Bigram(stream, tokenizer.size)
    canvases = Sampler(stream, tokenizer, 0).batch(0, 128, 8, holes=False)
    known, blind = (mean_nats(bigram_nats(bigram, canvases, true_neighbour=true), canvases) for true in (True, False))
    assert known < blind - 1


def test_weights_of_a_line_make_it_whole(data, tokenizer) -> None:
    """Fails if a line of which few tokens are hidden counts for less than one that is hidden whole."""
    holes = line_holes(Sampler(streams.read(data, "train"), tokenizer, 0), count=10)
    assert (holes.whole.weights > 0).sum(axis=1) == pytest.approx(holes.part.weights.sum(axis=1))
    assert ((holes.part.weights > 0) <= (holes.whole.weights > 0)).all()
    assert 0 == (holes.whole.inputs != holes.whole.targets)[holes.whole.weights == 0].sum()


def test_confidence_is_compared_with_the_share_that_is_right() -> None:
    """Fails if a token lands in another tenth than its confidence, or a tenth of few tokens weighs as much as one of many."""
    confidence = np.array([0.95, 0.95, 0.95, 0.85, 1.0, 0.15, 0.0])
    right = np.array([True, True, False, True, True, False, False])
    rows = calibration(Guesses(-np.log(confidence.clip(1e-3)), confidence, right))
    assert [1, 1, 1, 4] == [row["tokens"] for row in rows]
    assert [0, 0, 1, 0.75] == [row["right"] for row in rows]
    expected = (0 + 0.15 + 0.15 + 4 * abs((3 * 0.95 + 1) / 4 - 0.75)) / 7
    assert calibration_error(rows) == pytest.approx(expected)


def test_lengths_are_measured_against_the_hidden_ones(data, tokenizer) -> None:
    """Fails if the true length counts what a line stands in, or too long and too short make up for each other."""
    whole = line_holes(Sampler(streams.read(data, "train"), tokenizer, 0), count=10).whole
    true = (whole.inputs == MASK).sum(axis=1)
    assert length_errors(true, whole)["length_error_tokens"] == 0
    off = true + np.where(np.arange(10) % 2, 3, -1)
    assert length_errors(off, whole)["length_error_tokens"] == pytest.approx(2)
    assert length_errors(off, whole)["length_bias_tokens"] == pytest.approx(1)
