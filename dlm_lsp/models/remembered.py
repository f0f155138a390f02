"""Remembered: a Denoiser around a Denoiser that is not asked the same twice; for benchmarks, which write the same truth in many orders.

In: views. Out: the same answers, from memory where there is one. A call that was not made takes no time: whoever measures time
must not use it.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View

MOST = 256
"""Answers that are kept; those that were wanted last."""


Key = tuple[bytes, ...]


class Remembered:
    """`inner`, with a memory."""

    def __init__(self, inner: Denoiser) -> None:
        self.vocabulary, self.tokenizer, self.max_tokens = inner.vocabulary, inner.tokenizer, inner.max_tokens
        self._inner = inner
        self._known: OrderedDict[Key, Tensor] = OrderedDict()

    @property
    def device(self) -> str:
        """The inner one's, which may move."""
        return self._inner.device

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Ask the inner one for what is not known."""
        keys = [_key(view) for view in views]
        new = [k for k, key in enumerate(keys) if key not in self._known]
        asked = dict(zip(new, self._inner.predict([views[k] for k in new]) if new else [], strict=True))
        answers = []
        for k, key in enumerate(keys):
            answer = asked[k] if k in asked else self._known[key]
            answers.append(answer)
            self._known[key] = answer
            self._known.move_to_end(key)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return answers


def _key(view: View) -> Key:
    """Give what a view is found again by."""
    parts = (view.tokens, view.rows, view.positions, view.visible, view.read)
    return tuple(b"" if part is None else part.numpy().tobytes() for part in parts)
