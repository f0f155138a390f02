"""The benchmark of latency compares like with like."""

import ast

import pytest

from benchmarks.latency import HOLE, SIZES, TYPED, around, spread


@pytest.mark.parametrize("lines", SIZES)
def test_documents_of_all_sizes_are_the_same_near_the_hole(lines: int) -> None:
    """Fails if a larger document has other code around the hole: then its answers take another time for another reason."""
    before, behind = around(lines)
    small_before, small_behind = around(SIZES[0])
    assert lines == pytest.approx((before + behind).count("\n"), rel=0.5)
    assert before.endswith(small_before)
    assert behind.startswith(small_behind)
    ast.parse(before + HOLE + TYPED + "\n\n" + behind)


def test_the_tail_is_the_tail() -> None:
    """Fails if p99 leaves out the slowest of a hundred."""
    assert {"count": 100, "p50": 49.5, "p99": 99} == spread(list(range(100)))
    assert {"count": 0} == spread([])
