"""The setting for lengths on the command line, with the worker as a process of its own."""

import json
from pathlib import Path

import pytest

from dlm_lsp import cli


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Fill one hole with a model that answers from a script."""
    (tmp_path / "app.py").write_text("def add(a, b):\n    \n")
    script = {"rules": [{"after": "def add(a, b):\n    ", "answer": "return a + b"}]}
    (tmp_path / "script.json").write_text(json.dumps(script))
    return ["fill", f"{tmp_path / 'app.py'}:2:5", "--model", f"scripted:{tmp_path / 'script.json'}"]


def test_a_fixed_length_is_kept(command: list[str], capsys) -> None:
    """Fails if the length does not reach the model, or the hole grows all the same."""
    assert 0 == cli.main([*command, "--length", "grow"])
    assert "return a + b\n" == capsys.readouterr().out
    assert 0 == cli.main([*command, "--length", "fixed:tokens=3", "--json", "--show-broken", "--repair-rounds", "0"])
    (written,) = json.loads(capsys.readouterr().out)["result"]["candidates"]
    assert 3 == len(written["token_confidence"])


@pytest.mark.parametrize(
    ("length", "sentence"),
    [
        ("oracle", "length: 'oracle' is for benchmarks only: nobody else knows what is missing"),
        ("gorw", "there is no length 'gorw'; the nearest name is 'grow'"),
        ("cal", "the length 'cal' needs a curve: `dlm-lsp models calibrate` fits one"),
    ],
)
def test_what_cannot_be_is_one_sentence(command: list[str], length: str, sentence: str, capsys) -> None:
    """Fails if a length that cannot be had ends in a traceback or in another length."""
    assert 2 == cli.main([*command, "--length", length])
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert (1, "") == (captured.err.count("\n"), captured.out)
