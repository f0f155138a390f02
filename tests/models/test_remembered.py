"""A denoiser that is not asked the same twice: the same answers, fewer calls, a bounded memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlm_lsp.models import remembered
from dlm_lsp.models.denoiser import View
from dlm_lsp.models.remembered import Remembered


class Counting:
    """Answers with what it was asked, and counts."""

    vocabulary = tokenizer = "its own"
    max_tokens, device = 9, "cpu"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.asked.append(len(views))
        return [torch.stack([view.tokens[view.rows].float()] * 2) for view in views]


def view(*tokens: int, rows: tuple[int, ...] = (0,), **more: Tensor) -> View:
    """Ask about some rows of some tokens."""
    return View(torch.tensor(tokens), torch.tensor(rows), **more)


def test_what_is_known_is_not_asked(monkeypatch) -> None:
    """Fails if an answer belongs to another question, a known one is asked again, or the memory grows for ever."""
    inner = Counting()
    memory = Remembered(inner)
    questions = [view(1, 2), view(2, 1), view(1, 2, rows=(1,)), view(1, 2, positions=torch.tensor([0, 5]))]
    expected = [answer.tolist() for answer in inner.predict(questions)]
    inner.asked.clear()
    assert expected[:2] == [answer.tolist() for answer in memory.predict(questions[:2])]
    assert expected == [answer.tolist() for answer in memory.predict(questions)]
    assert expected[::-1] == [answer.tolist() for answer in memory.predict(questions[::-1])]
    assert [2, 2] == inner.asked
    memory.predict([view(1, 2, visible=torch.ones(2, 2, dtype=torch.bool))])
    assert [2, 2, 1] == inner.asked
    monkeypatch.setattr(remembered, "MOST", 2)
    memory.predict([questions[0], view(7, 7)])
    memory.predict([questions[0]])
    memory.predict([questions[1]])
    assert [2, 2, 1, 1, 1] == inner.asked, "what was wanted last is kept"


def test_it_is_the_inner_one_in_all_else() -> None:
    """Fails if a decode sees another vocabulary or limit than the model's."""
    inner = Counting()
    memory = Remembered(inner)
    for name in ("vocabulary", "tokenizer", "max_tokens", "device"):
        assert getattr(inner, name) == getattr(memory, name)
