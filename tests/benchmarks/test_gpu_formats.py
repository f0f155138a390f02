"""The measurement of what the 8-bit formats of a GPU cost in quality, here by the CPU."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.gpu_formats import main
from tests.benchmarks.test_cpu_formats import HOLE


def test_every_format_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a format is left out, is compared with itself, or rounds so that another model answers."""
    holes, out = tmp_path / "holes.jsonl", tmp_path / "formats.json"
    holes.write_text(json.dumps(HOLE) + "\n", encoding="utf-8")
    arguments = [str(holes), "--device", "cpu", "--count", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["gpu_formats", *arguments])
    main()
    answers = json.loads(out.read_text(encoding="utf-8"))["answers"]
    assert ["bfloat16", "int8", "fp8"] == list(answers)
    assert all(0 < each["kl_mean"] < 0.2 and each["canvases"] > 1 for each in answers.values())
