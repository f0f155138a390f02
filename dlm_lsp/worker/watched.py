"""What somebody who watches a decode is told of one canvas.

In: a canvas after a step, the texts typed before its holes, what the model was asked in that step. Out: `Slot`s. It decides nothing:
a decode is the same whether it is watched or not.
"""

from collections.abc import Mapping

from torch import Tensor

from dlm_lsp.models.denoiser import Tokenizer, Vocabulary
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.values import Slot

GROWS, SHRINKS = "⟨grow⟩", "⟨shrink⟩"
"""What is shown of the tokens that have no text."""


class Beliefs:
    """What the model thought likeliest in the last step; an `Adjust` that listens and changes nothing."""

    def __init__(self) -> None:
        self._heard: list[tuple[Canvas, Tensor, Tensor]] = []

    def __call__(self, canvas: Canvas, logits: Tensor) -> Tensor:  # [H, V] -> [H, V]
        """Note the likeliest token of every mask: of what is written a model may not have been asked."""
        shares, tokens = logits[canvas.undecided].float().softmax(-1).max(-1)
        self._heard.append((canvas, tokens.cpu(), shares.cpu()))
        return logits

    def about(self, canvas: Canvas) -> dict[int, tuple[int, float]]:
        """Give token and probability by the row's name, of a canvas as it was when the model was asked."""
        for asked, tokens, shares in reversed(self._heard):
            if asked is canvas:
                names = canvas.names[canvas.masked].tolist()
                return dict(zip(names, zip(tokens.tolist(), shares.tolist(), strict=True), strict=True))
        return {}

    def forget(self) -> None:
        """Begin the next step."""
        self._heard.clear()


def describe(
    canvas: Canvas,
    hole: int,
    typed: str,
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    *,
    believed: Mapping[int, tuple[int, float]],
    reasons: Mapping[int, str],
) -> tuple[Slot, ...]:
    """Describe every slot of a hole; `typed` characters are not repeated, `reasons` are by row of the canvas."""
    slots: list[Slot] = []
    for row in (canvas.hole_of == hole).nonzero().flatten().tolist():
        token, name = int(canvas.tokens[row]), int(canvas.names[row])
        guess, share = believed.get(name, (None, 0.0))
        guessed = "" if guess is None else _text_of(guess, tokenizer, vocabulary).removeprefix(typed)
        text = None if token == canvas.mask_id else tokenizer.decode([token])
        if text is None:
            typed = ""  # what was typed is still to be written there
        else:
            text, typed = text[len(typed) :], typed[len(text) :]
        confidence = round(float(canvas.confidence[row]), 4)
        slots.append(Slot(name, text, confidence, reasons.get(row, ""), guessed, round(share, 4)))
    return tuple(slots)


def _text_of(token: int, tokenizer: Tokenizer, vocabulary: Vocabulary) -> str:
    special = {vocabulary.expand_id: GROWS, vocabulary.delete_id: SHRINKS}
    return special.get(token) or tokenizer.decode([token])
