"""AR-ness, against hand-worked orders, the definition written out, and stored numbers."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.analysis.arness import Share, commit_order, global_arness, local_arness
from dlm_lsp.analysis.scene import Decode, mean_arness
from dlm_lsp.analysis.trace import trace
from dlm_lsp.values import Slot, Step

REFERENCE = Path(__file__).parents[1] / "data/traces/ar-ness.json"
ORDERS = st.integers(1, 40).flatmap(lambda size: st.permutations(range(0, 2 * size, 2) if size % 2 else range(size)))


@pytest.mark.parametrize("k", range(1, 9))
def test_left_to_right_is_one(k: int) -> None:
    """Fails if the first commits are counted as misses, or the last position as out of sight."""
    order = list(range(20))
    assert (1.0, 1.0) == (local_arness(order, k).value, global_arness(order, k).value)


def test_right_to_left() -> None:
    """Fails if a left neighbour counts as a right one, or if the leftmost is looked for among what is decided already."""
    order = list(range(7, -1, -1))
    assert [0.0] * 4 == [local_arness(order, k).value for k in range(1, 5)]
    assert [1 / 8, 2 / 8, 3 / 8, 4 / 8] == [global_arness(order, k).value for k in range(1, 5)]


def test_five_tokens_by_hand() -> None:
    """Fails if a definition is off by one.

    2 3 0 1 4: 3 follows 2 and 1 follows 0, so two of four are local; 0, 1 and 4 were the leftmost masks, 2 and 3 each had two left of them.
    """
    order = [2, 3, 0, 1, 4]
    assert [Share(2, 4), Share(0, 3)] == [local_arness(order, k) for k in (1, 2)]
    assert [Share(3, 5), Share(3, 5), Share(5, 5)] == [global_arness(order, k) for k in (1, 2, 3)]


def test_nothing_to_ask_about() -> None:
    """Fails if an empty text, or one too short for k, is called left-to-right or divides by zero."""
    assert (None, None) == (local_arness([], 1).value, global_arness([], 1).value)
    assert Share(0, 0) == local_arness([0, 1], 2)


def test_the_stored_numbers() -> None:
    """Fails if any count of any stored order comes out otherwise."""
    rows = json.loads(REFERENCE.read_text(encoding="utf-8"))["rows"]
    assert 36 == len(rows)
    for row in rows:
        for key in (key for key in row if "@" in key):
            kind, k = key.split("@")
            count = {"local": local_arness, "global": global_arness}[kind]
            assert Share(*row[key]) == count(row["order"], int(k)), (row["id"], key)


@given(ORDERS, st.integers(1, 9))
def test_as_the_definition_says(order: list[int], k: int) -> None:
    """Fails if the short way of counting differs from the definition for some order."""
    local = [order[t - k : t + 1] == list(range(order[t - k], order[t - k] + k + 1)) for t in range(k, len(order))]
    masks = [sorted(set(order) - set(order[:t]))[:k] for t in range(len(order))]
    assert Share(sum(local), len(local)) == local_arness(order, k)
    assert Share(sum(order[t] in masks[t] for t in range(len(order))), len(order)) == global_arness(order, k)


def test_the_mean_of_several_draws() -> None:
    """Fails if decodes of other temperatures are mixed in, or a draw that is too short for a k makes its mean vanish."""

    def decode(temperature: float, *order: int) -> Decode:
        slots = [
            tuple(Slot(n, "x" if n in order[:t] else None, 0.5) for n in range(len(order)))
            for t in range(len(order) + 1)
        ]
        steps = [
            Step(1, t, (tuple(slot.text for slot in each),), 0, "denoise", slots=(each,))
            for t, each in enumerate(slots)
        ]
        return Decode(temperature, 0, trace(steps), "", "", 1, 1.0)

    decodes = [decode(0.0, 0, 1, 2), decode(1.0, 2, 1, 0), decode(1.0, 0, 1)]
    local = mean_arness(decodes, whole=False)
    assert [0.0, 1.0] == list(local)
    assert (1.0, 1.0, None) == local[0.0][:3]
    assert (0.5, 0.0, None) == local[1.0][:3]
    assert ((1 / 3 + 1) / 2, (2 / 3 + 1) / 2) == mean_arness(decodes, whole=True)[1.0][:2]


def test_within_a_step_the_surest_comes_first() -> None:
    """Fails if tokens of one step are ordered by position although the right one was surer, or equals from the right."""
    steps = [1, 0, 0, 1, 1]
    confidence = [0.5, 0.6, 0.9, 0.7, 0.7]
    assert [2, 1, 3, 4, 0] == commit_order(steps, confidence)
