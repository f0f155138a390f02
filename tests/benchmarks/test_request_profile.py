"""The profile of a request, on two holes."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import request_profile


def test_two_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a stage that is told of is none of the worker's, is counted twice, or the table lacks the model's products."""
    out = tmp_path / "profile.json"
    monkeypatch.setattr(sys, "argv", ["request_profile", "--dtype", "float32", "--requests", "2", "--out", str(out)])
    request_profile.main()
    found = json.loads(out.read_text())
    for state in ("cold", "warm"):
        stages = found["stages"][state]
        assert 0 < stages["forward"] < stages["total"]
        assert sum(stages[name] for name in request_profile.STAGES) <= stages["total"] * 1.05
    assert 0 < sum(row["share"] for row in found["operations"]) <= 1
    assert any("linear" in row["operation"] or "mm" in row["operation"] for row in found["operations"])
    assert "| in the model |" in out.with_suffix(".md").read_text()
