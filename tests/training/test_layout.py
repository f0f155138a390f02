"""Trainer and worker put the very same tokens before a window."""

import numpy as np
import pytest

from dlm_lsp.engine import context as engine_context
from dlm_lsp.models.tokenizer import read_tokenizer
from dlm_lsp.values import Context
from dlm_lsp.worker.layout import head_ids
from tests.training.conftest import NANO
from training import corrupt
from training import stream as streams
from training.corrupt import Sampler


def test_the_head_is_the_one_that_was_trained(data, tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the trainer lays a context out in another way than the worker: the model cannot use what it never saw."""
    told: list[Context] = []

    def overhear(context: Context, prefix: str, *, markers: bool) -> tuple[corrupt.Special | str, ...]:
        told.append(context)
        return lay_out(context, prefix, markers=markers)

    lay_out = corrupt.lay_out
    monkeypatch.setattr(corrupt, "lay_out", overhear)
    sampler = Sampler(streams.read(data, "train"), tokenizer, seed=0)
    worker_tokenizer = read_tokenizer(NANO)
    start = int(sampler.stream.starts[1]) + 2000
    for seed in range(60):
        before = len(told)
        trained = sampler.head(np.random.default_rng(seed), 1, start, start + 256, room=10_000)
        context = told[-1] if len(told) > before else Context()
        first, head = head_ids(context, worker_tokenizer)
        assert trained == first + head
    assert any(context.snippets for context in told)
    assert any(context.imports for context in told)
    assert any(context.names for context in told)
    assert engine_context.NAMES_TOLD == corrupt.NAMES_TOLD
