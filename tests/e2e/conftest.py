"""Servers with a scripted model, in processes of their own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.raw_client import RawClient

LONG = "return " + " + ".join(["a", "b"] * 4)
"""Its tokens are decided one in a step, because the model is unsure of each."""
SCRIPT = {
    "rules": [
        {"after": "def add(a, b):\n    ", "before": "\n", "answer": "return a + b"},
        {"after": "def scale(a, b):\n    ", "before": "\n", "answer": "c = a * b\n    return c"},
        {"after": "def long(a, b):\n    ", "before": "\n", "answer": LONG, "confidence": 0.5},
        {"after": "total = price * ", "before": "\n", "answer": "quantity"},
        {"after": "smile = '😀', ", "before": "\n", "answer": "'🎉'"},
        {"after": "value = list.", "before": "(items)\n", "answer": "append"},
    ],
}
StartServer = Callable[..., RawClient]


@pytest.fixture(scope="session")
def fast_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name a scripted model that answers at once."""
    return write_script(tmp_path_factory.mktemp("fast") / "script.json", step_ms=0)


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name the same model with calls of 50 ms: the long answer takes it seconds."""
    return write_script(tmp_path_factory.mktemp("slow") / "script.json", step_ms=50)


def write_script(path: Path, step_ms: int) -> str:
    """Write a script and give the model's name."""
    return write_rules(path, SCRIPT["rules"], step_ms)


def write_rules(path: Path, rules: list[dict], step_ms: int = 0) -> str:
    """Write a script of these rules and give the model's name."""
    path.write_text(json.dumps({"rules": rules, "step_ms": step_ms}), encoding="utf-8")
    return f"scripted:{path}"


@pytest.fixture
def start() -> Iterator[StartServer]:
    """Give a function that starts servers; they are ended with the test."""
    clients: list[RawClient] = []

    def start(model: str, *arguments: str) -> RawClient:
        clients.append(RawClient("--model", model, "--device", "cpu", "--threads", "1", *arguments))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def fast(fast_model: str) -> Iterator[RawClient]:
    """Give a server that all tests of a module share: each opens documents of its own."""
    with RawClient("--model", fast_model, "--device", "cpu", "--threads", "1") as client:
        client.initialize()
        yield client


@pytest.fixture(scope="module")
def slow(slow_model: str) -> Iterator[RawClient]:
    """Give a server like `fast` whose model takes its time."""
    with RawClient("--model", slow_model, "--device", "cpu", "--threads", "1", "--deadline-ms", "60000") as client:
        client.initialize()
        yield client
