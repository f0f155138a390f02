"""Metered: a Denoiser around a Denoiser that takes calls and time, and is the place where nobody waiting any more is noticed.

In: views. Out: the same answers as from the denoiser inside, or `Cancelled`. Knows no request.
"""

import time
from collections.abc import Callable, Sequence

from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View


class Cancelled(Exception):  # noqa: N818 it is no error
    """Nobody waits any more."""


class Metered:
    """A Denoiser around a Denoiser that counts calls and time, and makes no call once nobody waits any more.

    A GPU still computes when a call of it comes back: what is waited for then counts as the sampler's time.
    """

    def __init__(self, inner: Denoiser, cancelled: Callable[[], bool]) -> None:
        self.vocabulary, self.tokenizer, self.max_tokens = inner.vocabulary, inner.tokenizer, inner.max_tokens
        self._inner = inner
        self._cancelled = cancelled
        self.calls = 0
        self.spent_ms = 0.0

    @property
    def device(self) -> str:
        """The inner one's, which may move."""
        return self._inner.device

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Ask the inner one, and take the time."""
        if self._cancelled():
            raise Cancelled
        begin = time.perf_counter()
        answer = self._inner.predict(views)
        self.spent_ms += (time.perf_counter() - begin) * 1000
        self.calls += 1
        return answer
