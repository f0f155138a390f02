"""VS Code's protocol library as the client. Needs Node and `npm install` in tests/e2e/node_client, and is skipped without."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import LONG
from tests.e2e.raw_client import SERVER, empty_range, without_commands

FOLDER = Path(__file__).with_name("node_client")


@pytest.mark.skipif(not (FOLDER / "node_modules").exists(), reason="npm install in tests/e2e/node_client")
def test_the_library_of_vs_code_understands_us(slow_model: str) -> None:
    """Fails if an answer, a cancelled request or the end is not what VS Code's library expects."""
    command = ["node", str(FOLDER / "client.js"), *SERVER, "--model", slow_model, "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert 0 == done.returncode, done.stderr
    got = json.loads(done.stdout)
    answer = {"items": [{"insertText": LONG, "range": empty_range(2, 4)}]}
    assert answer == without_commands(got.pop("answer"))
    assert {"provider": {}, "code": -32800, "exit": 0} == got
