"""What who watches is told, and that a trace made of it holds together whatever the decode did."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from dlm_lsp.analysis.trace import Event, trace
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.sampling.canvas import join
from dlm_lsp.values import Step
from dlm_lsp.worker.watched import GROWS, SHRINKS, Beliefs, describe
from tests.worker.conftest import request_at, run

ADD = "def add(a, b):\n    @@\n"
RULE = {"after": "def add(a, b):\n    ", "before": "\n", "answer": "total = a + b\n    return total"}
Make = Callable[..., Denoiser]


def test_beliefs_are_about_the_canvas_that_was_asked_about() -> None:
    """Fails if a guess lands on another row or another canvas, or is told again after the step."""
    canvas, other = (join([[1], [2]], [2], [0], 9) for _ in range(2))
    beliefs = Beliefs()
    logits = torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.0, 9.0]])
    assert logits is beliefs(canvas, logits)
    names = canvas.names[canvas.rows].tolist()
    told = beliefs.about(canvas)
    assert {names[0]: 1, names[1]: 2} == {name: token for name, (token, _) in told.items()}
    assert told[names[0]][1] == pytest.approx(0.9094, abs=1e-4)
    assert {} == beliefs.about(other)
    beliefs.forget()
    assert {} == beliefs.about(canvas)


def test_nothing_is_believed_of_what_is_written() -> None:
    """Fails if the zeros that stand for an answer nobody asked for are shown as a guess."""
    canvas = join([[1], [2]], [2], [0], 9)
    half = canvas.apply(canvas.commit(torch.tensor([True, False]), torch.tensor([5, 5]), torch.ones(2)))
    beliefs = Beliefs()
    beliefs(half, torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 9.0]]))
    assert {int(half.names[2]): 2} == {name: token for name, (token, _) in beliefs.about(half).items()}


def test_a_guess_is_told_as_the_text_is(scripted: Make) -> None:
    """Fails if the guess at a cut token repeats what was typed, or a change of length has no sign."""
    model = scripted(RULE)
    tokenizer, vocabulary = model.tokenizer, model.vocabulary
    whole = tokenizer.encode("total")
    assert 1 == len(whole)
    canvas = join([[0], [0]], [3], [0], vocabulary.mask_id)
    first, second, third = canvas.names[canvas.rows].tolist()
    assert vocabulary.expand_id is not None
    assert vocabulary.delete_id is not None
    believed = {first: (whole[0], 0.5), second: (vocabulary.expand_id, 0.25), third: (vocabulary.delete_id, 0.125)}
    tokens = torch.tensor([0, whole[0], vocabulary.mask_id, vocabulary.mask_id, 0])
    written = replace(canvas, tokens=tokens)
    slots = describe(written, 0, "tot", tokenizer, vocabulary, believed=believed, reasons={2: "never closed"})
    assert [("al", "al"), (None, GROWS), (None, SHRINKS)] == [(slot.text, slot.guess) for slot in slots]
    assert [0.5, 0.25, 0.125] == [slot.guess_share for slot in slots]
    assert ["", "never closed", ""] == [slot.taken_back for slot in slots]


@pytest.mark.parametrize("rounds", [0, 2])
@pytest.mark.parametrize("threshold", [0.3, 0.9])
@pytest.mark.parametrize(
    "draft", ["total = a + b\n    return total)", "return (a +", "x = [y\n    z = 1\n    return z"]
)
def test_a_trace_is_what_was_shown(scripted: Make, draft: str, threshold: float, rounds: int) -> None:
    """Fails if a frame shows another text than its step, an order is no permutation, or something is lost without a reason."""
    steps: list[Step] = []
    model = scripted({**RULE, "draft": draft, "confidence": 0.8, "draft_calls": 12})
    request = replace(request_at(ADD, watch=True, threshold=threshold, repair_rounds=rounds), trace=True)
    result = run(request, model, watch=steps.append)
    number, text = next(((each.lane, "".join(each.token_texts[0])) for each in result.candidates), (0, None))
    lane = [step for step in steps if step.lane == number]
    traced = trace(lane, text)
    for frame, step in zip(traced.frames, lane, strict=True):
        assert step.pieces[0] == tuple(frame.cells[place].text for place in frame.places)
        assert sum(1 for slot in step.slots[0] if slot.taken_back) == step.revoked
        for cell in frame.cells.values():
            assert (cell.was is not None) <= bool(cell.why), "what is lost has a reason"
            assert cell.event is not Event.DROPPED or cell.text is None
    assert list(range(len(traced.answer.places))) == sorted(traced.order)
    assert text in {None, traced.answer.text}, "nothing is answered where only blanks were written"
    assert [commit.frame for commit in traced.commits] == sorted(commit.frame for commit in traced.commits)
