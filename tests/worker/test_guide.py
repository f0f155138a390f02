"""Verdicts become rows."""

from dataclasses import replace

import torch

from dlm_lsp.models.scripted import MASK, PieceTokenizer
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.syntax.verdict import Fault, Verdict, survey
from dlm_lsp.values import Hole, HoleKind, InfillRequest, Window
from dlm_lsp.worker.guide import Anew, Look, bar, look, mask_again
from dlm_lsp.worker.layout import Draft
from tests.worker.conftest import request_at


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


def canvas_of(texts: tuple[str, ...], between: tuple[str, ...], tokenizer: PieceTokenizer) -> Canvas:
    """Make a canvas whose holes are finished."""
    parts = [[5], *(tokenizer.encode(text) for text in between), [7]]
    ids = [tokenizer.encode(text) for text in texts]
    canvas = join(parts, [len(each) for each in ids], [0] * len(ids), mask_id=MASK)
    tokens = canvas.tokens.clone()
    tokens[canvas.holes] = torch.tensor([token for each in ids for token in each])
    return Canvas(tokens, canvas.hole_of, canvas.budget, MASK)


def test_offsets_do_not_count_what_was_typed() -> None:
    """Fails if the healed token's typed characters shift every fault to rows too far right."""
    tokenizer = PieceTokenizer(["total"])
    request = request_at("def f():\n    tot@@\n")
    found = look(
        canvas_of(("total = )",), (), tokenizer),
        Draft(((5,), (7,)), ("tot",), ()),
        request,
        survey(request.slice_prefix, (), request.slice_suffix, "python"),
        tokenizer,
    )
    assert ("al = )",) == found.texts
    assert (1, -3, 2) == found.rows[0][0]
    fault = found.verdict.faults[0]
    assert ")" == found.texts[0][fault.start : fault.end]
    assert ")" == tokenizer.decode([int(canvas_of(("total = )",), (), tokenizer).tokens[found.rows[0][-1][0]])])


def test_a_hole_is_trimmed_by_what_stands_right_behind_it() -> None:
    """Fails if the first of two holes is trimmed by the text behind the last one."""
    tokenizer = PieceTokenizer([])
    prefix, between, suffix = "x = f(", ")\ny = g[", "]\n"
    hole = Hole(HoleKind.INLINE, max_lines=1, owes="")
    request = InfillRequest(1, 1, "python", Window(prefix, suffix, (between,)), (hole, hole), prefix, suffix)
    found = look(
        canvas_of(("1)", "2]"), (between,), tokenizer),
        Draft(((5,), (6,), (7,)), ("", ""), ()),
        request,
        survey(prefix, (between,), suffix, "python"),
        tokenizer,
    )
    assert ("1", "2") == found.texts


def test_what_stood_at_a_fault_is_barred() -> None:
    """Fails if greedy refilling may write the same again, if white space is barred, or what is not the parser's first complaint."""
    canvas = finished([0.9] * 4)
    look = Look(("a  )b",), (((2, 0, 1), (3, 1, 3), (4, 3, 4), (5, 4, 5)),), Verdict(), ("a  )b",))
    assert {} == bar(canvas, look)
    first, second = Fault(0, 1, 5, "unmatched )"), Fault(0, 0, 5, "syntax error")
    assert {4: 22} == bar(canvas, replace(look, verdict=Verdict((first, second))))
    names = Fault(0, 0, 1, "unresolved name"), Fault(0, 4, 5, "unresolved name")
    assert {2: 20, 5: 23} == bar(canvas, replace(look, verdict=Verdict(unresolved=names)))


def anew(canvas: Canvas, start: Canvas, logits: torch.Tensor) -> list[int]:
    """Give what is committed in the hole."""
    move = Anew(Threshold(0.0), start, {2: 3})(canvas, logits, torch.Generator())
    return move.tokens[canvas.holes].tolist()


def test_a_barred_token_is_not_written_until_the_rows_move() -> None:
    """Fails if it is written, if another row may not say it, or if the bar stays where the hole has grown."""
    start = join([[5, 6], [7]], [2], [2], mask_id=1)
    grown = join([[5, 6], [7]], [3], [1], mask_id=1)
    logits = torch.zeros(3, 8)
    logits[:, 3], logits[:, 4] = 2.0, 1.0
    assert [4, 3] == anew(start, start, logits[:2])
    assert [3, 3, 3] == anew(grown, start, logits)


def test_a_row_with_one_choice_keeps_it() -> None:
    """Fails if a row that is bound to what was typed is left without any token."""
    start = join([[5, 6], [7]], [1], [0], mask_id=1)
    logits = torch.full((1, 8), -torch.inf)
    logits[0, 3] = 1.0
    assert [3] == anew(start, start, logits)
