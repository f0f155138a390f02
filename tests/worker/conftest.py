"""A scripted model, requests in one line, and the pipeline over both."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlm_lsp.engine.request import build_request
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.scripted import read_script
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillRequest, InfillResult, Snapshot, Trigger
from dlm_lsp.wire import Hello
from dlm_lsp.worker.pipeline import fill


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Write a script of rules to a file."""

    def write(*rules: dict[str, Any], **rest: Any) -> Path:
        file = tmp_path / "script.json"
        file.write_text(json.dumps({"rules": rules, **rest}), encoding="utf-8")
        return file

    return write


@pytest.fixture
def scripted(script: Callable[..., Path]) -> Callable[..., Denoiser]:
    """Make a denoiser of rules."""
    return lambda *rules, **rest: read_script(script(*rules, **rest))


def request_at(marked: str, *, watch: bool = False, **settings: Any) -> InfillRequest:
    """Make the request for the place of `@@` in a text."""
    prefix, suffix = marked.split("@@")
    snapshot = Snapshot("file:///some/project/module.py", "python", 1, prefix + suffix, len(prefix))
    chosen = Settings(**{"deadline_ms": 60_000, **settings})
    hello = Hello(max_tokens=8192)
    return build_request(snapshot, chosen, hello, request_id=7, trigger=Trigger.INVOKED, watch=watch)


def run(request: InfillRequest, denoiser: Denoiser, **rest: Any) -> InfillResult:
    """Send a request through the pipeline."""
    pieces = sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden)
    return fill(request, denoiser, pieces, **{"arrived": time.monotonic(), "cancelled": lambda: False, **rest})
