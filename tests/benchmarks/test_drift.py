"""The measurement of what a kept context does to answers."""

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.drift import TYPED_CHARS, WAYS, drift, main

HOLE = {
    "task_id": "count/1",
    "prefix": "def count(path: str) -> int:\n    with open(path) as file:\n        lines = list(file)\n",
    "canonical": "    total = len(lines)\n",
    "suffix": "    return total\n\n\nprint(count('notes.txt'))\n",
    "kind": "single-line",
}


def test_what_drift_is() -> None:
    """Fails if the divergence has the wrong sign, or a flip of an unsure row counts as one of a sure row."""
    sure, unsure = [9.0, 0.0, 0.0], [0.1, 0.0, 0.0]
    expected = torch.tensor([sure, unsure])
    assert (0.0, 1.0, 0.0) == pytest.approx(drift(expected, expected), abs=1e-6)
    kl, same, flips = drift(expected, torch.tensor([sure, [0.0, 0.1, 0.0]]))
    assert (0.5, 0.0) == (same, flips)
    assert 0 < kl < 0.1
    assert 0.5 == drift(expected, torch.tensor([[0.0, 9.0, 0.0], unsure]))[2]


def test_one_hole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a way is not measured, nothing is kept where it should be, a drift is found where all is computed, or it is not said where."""
    holes, out = tmp_path / "holes.jsonl", tmp_path / "drift.json"
    holes.write_text(json.dumps(HOLE) + "\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["drift", str(holes), "--logits", "1", "--answers", "1", "--out", str(out)])
    main()
    result = json.loads(out.read_text(encoding="utf-8"))
    assert {"machine", "commit", "load_before", "holes"} <= result.keys()
    assert set(WAYS) == set(result["answers"])
    assert 100 == result["answers"]["none"]["same_as_none_pct"]
    near, far = (result["logits"][f"typed {TYPED_CHARS[1]}, neighbours {count}"] for count in (0, 16))
    assert 0 < far["kl_mean"] <= near["kl_mean"] < 1
    assert near["rows_computed"] < far["rows_computed"]
