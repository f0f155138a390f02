"""The worker as a process: what is on its stdout, how it ends, what it says when it cannot work."""

import io
import json
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlm_lsp import wire
from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.values import Outcome
from dlm_lsp.worker.__main__ import _answer
from dlm_lsp.worker.inbox import Inbox, Job
from tests.worker.conftest import request_at

RULE = {"after": "x = ", "before": "\n", "answer": "secret_answer + 1"}


class Worker:
    """A worker that is spoken with line by line."""

    def __init__(self, model: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dlm_lsp.worker", "--model", model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def send(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self) -> wire.Message:
        assert self.process.stdout
        return wire.decode(self.process.stdout.readline())

    def end(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=30)
        assert b"" == out
        return self.process.returncode, err.decode()


def test_hello_answer_end(script: Callable[..., Path]) -> None:
    """Fails if anything but the protocol is on stdout, if the answer is lost, or if the worker outlives its input."""
    running = Worker(f"scripted:{script(RULE)}")
    running.send(wire.encode(wire.Hello()))
    hello = running.read()
    assert isinstance(hello, wire.Hello)
    assert ("", wire.PROTOCOL, 16) == (hello.error, hello.protocol, len(hello.model_hash))
    assert 1 < hello.chars_per_token < 8
    assert ("path", "imports", "names", "snippets") == hello.reads
    running.send(b"garbage\n")
    running.send(wire.encode(wire.Fill(request_at("secret_answer = 1\nx = @@\n"))))
    answer = running.read()
    assert isinstance(answer, wire.Result)
    assert ("secret_answer + 1",) == answer.result.candidates[0].texts
    code, log = running.end()
    assert 0 == code
    assert "secret_answer" not in log


def test_a_request_that_fails_is_answered_and_the_next_one_too(script: Callable[..., Path]) -> None:
    """Fails if an error ends the worker, leaves a request without an answer, or puts the user's text into log or message."""
    running = Worker(f"scripted:{script(RULE)}")
    running.read()
    good = request_at("x = @@\n")
    # A hole that cannot be laid out: no memory has room for it.
    endless = replace(good.holes[0], hint_tokens=2**62)
    bad = replace(good, id=8, holes=(endless,), max_hole_tokens=2**62, slice_prefix="user_text = ")
    running.send(wire.encode(wire.Fill(bad)))
    failed = running.read()
    running.send(wire.encode(wire.Fill(good)))
    filled = running.read()
    assert isinstance(failed, wire.Result)
    assert isinstance(filled, wire.Result)
    assert (8, 7) == (failed.result.id, filled.result.id)
    assert (Outcome.FAILED, Outcome.FILLED) == (failed.result.outcome, filled.result.outcome)
    assert "not enough memory" in failed.result.message
    code, log = running.end()
    assert 0 == code
    assert "user_text" not in log + failed.result.message


def test_the_memory_of_what_failed_is_free_before_it_is_given_back(
    scripted: Callable[..., Denoiser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails if the error, which holds every tensor of the call that it ended, is still there when the device's memory is freed."""
    model = scripted(RULE)
    made: list[weakref.ref[Tensor]] = []
    alive: list[bool] = []

    def predict(views: Sequence[View]) -> list[Tensor]:
        large = torch.zeros(len(views))
        made.append(weakref.ref(large))
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model, "predict", predict)
    monkeypatch.setattr("dlm_lsp.worker.__main__._free_memory", lambda: alive.append(made[0]() is not None))
    pieces = sort_pieces(model.tokenizer.piece_texts(), model.vocabulary.forbidden)
    job = Job(request_at("x = @@\n"), time.monotonic())
    result = _answer(
        job,
        model,
        pieces,
        Inbox(io.BytesIO()),
        lambda _: None,
        copy_shares=None,
        curve=None,
        find_drafter=lambda _: model,
    )
    assert Outcome.FAILED == result.outcome
    assert [False, False] == alive  # it is tried once more


def test_a_model_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    """Fails if the front waits for ever for a hello, or gets a traceback."""
    running = Worker(str(tmp_path / "nowhere"))
    hello = running.read()  # its input stays open until then: without one it may leave before it has said anything
    assert isinstance(hello, wire.Hello)
    assert "nowhere" in hello.error
    code, log = running.end()
    assert 1 == code
    assert "Traceback" not in log


def test_shutdown(script: Callable[..., Path]) -> None:
    """Fails if the worker must be killed."""
    running = Worker(f"scripted:{script(RULE)}")
    running.read()
    running.send(wire.encode(wire.Shutdown()))
    assert 0 == running.process.wait(10)
    running.end()


def test_a_front_that_neither_reads_nor_lives(script: Callable[..., Path]) -> None:
    """Fails if a worker whose pipe is full waits for ever when its input has ended."""
    long = {**RULE, "answer": " + ".join(["name"] * 120), "confidence": 0.5}
    running = Worker(f"scripted:{script(long)}")
    running.read()
    request = request_at("x = @@\n", watch=True, max_hole_tokens=512, repair_rounds=0)
    for number in range(60):
        running.send(wire.encode(wire.Fill(replace(request, id=number))))
    time.sleep(2)  # by now the steps that nobody reads have filled the pipe
    assert running.process.stdin
    running.process.stdin.close()
    assert 0 == running.process.wait(15)
    for pipe in (running.process.stdout, running.process.stderr):
        assert pipe
        pipe.close()


def test_a_line_typed_by_hand(script: Callable[..., Path]) -> None:
    """Fails if the smallest request that a person would type needs fields that have a default."""
    running = Worker(f"scripted:{script(RULE)}")
    running.read()
    request = {
        "id": 1, "version": 1, "language": "python", "window": {"prefix": "x = ", "suffix": "\n"},
        "holes": [{"kind": "rest"}], "slice_prefix": "x = ", "slice_suffix": "\n",
    }  # fmt: skip
    running.send(json.dumps({"type": "fill", "request": request}).encode() + b"\n")
    answer = running.read()
    assert isinstance(answer, wire.Result)
    assert Outcome.FILLED == answer.result.outcome
    running.end()


CHATTY = """
import os, sys
from dlm_lsp.models import loading
from dlm_lsp.worker.__main__ import main
load = loading.load
def chatty(*arguments, **options):
    print("a library speaks", flush=True)
    os.write(1, b"so does its C part")
    return load(*arguments, **options)
loading.load = chatty
sys.exit(main())
"""


def test_what_a_library_prints_stays_out_of_the_protocol(script: Callable[..., Path]) -> None:
    """Fails if stdout is not closed to everybody else before the model is loaded."""
    done = subprocess.run(
        [sys.executable, "-c", CHATTY, "--model", f"scripted:{script(RULE)}"],
        input=wire.encode(wire.Hello()) + wire.encode(wire.Shutdown()),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"so does its C part" in done.stderr
    assert b"a library speaks" in done.stderr
    assert all(isinstance(wire.decode(line), wire.Hello) for line in done.stdout.splitlines())
