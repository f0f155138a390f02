"""Verdicts become rows."""

import torch

from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.syntax.verdict import Fault, Verdict
from dlm_lsp.worker.guide import Look, mask_again


def finished(confidence: list[float]) -> Canvas:
    """Make a canvas of two context rows, a decided hole, one context row."""
    size = len(confidence)
    canvas = join([[5, 6], [7]], [size], [0], mask_id=1)
    tokens = torch.tensor([5, 6, *range(20, 20 + size), 7])
    return Canvas(tokens, canvas.hole_of, (0,), 1, torch.tensor([0.0, 0.0, *confidence, 0.0]))


def seen(size: int, *faults: Fault) -> Look:
    """Say that every row has two characters."""
    return Look(("ab" * size,), (tuple((2 + n, 2 * n, 2 * n + 2) for n in range(size)),), Verdict(faults))


def chosen(canvas: Canvas, look: Look, round_number: int = 0) -> list[int]:
    return mask_again(canvas, look, round_number, threshold=0.9).nonzero().flatten().tolist()


def test_nothing_where_all_fits() -> None:
    """Fails if a filling without a fault is touched."""
    assert [] == chosen(finished([0.1] * 6), seen(6))


def test_the_fault_and_the_doubtful_around_it() -> None:
    """Fails if a fault's offsets are read as rows, if sure neighbours go, or if the reach is unbounded."""
    canvas = finished([0.1, 0.95, 0.5, 0.99, 0.95, 0.2, 0.1, 0.1])
    look = seen(8, Fault(0, 6, 8, "syntax error"))  # row 3 of the hole
    assert [2 + 2, 2 + 3, 2 + 5] == chosen(canvas, look)


def test_rounds_widen() -> None:
    """Fails if the second round looks at the same rows."""
    canvas = finished([0.5] * 12)
    look = seen(12, Fault(0, 12, 13, "syntax error"))
    first, second = set(chosen(canvas, look)), set(chosen(canvas, look, 1))
    assert first < second


def test_a_fault_without_extent_hits_a_row() -> None:
    """Fails if an empty span, such as a missing bracket at the end, masks nothing."""
    canvas = finished([0.99] * 4)
    assert [5] == chosen(canvas, seen(4, Fault(0, 8, 8, "missing )")))
    assert [3] == chosen(canvas, seen(4, Fault(0, 3, 3, "missing )")))
