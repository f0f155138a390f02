"""The measurement of what number formats cost and give on the CPU."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.cpu_formats import UNPACKED, main

HOLE = {
    "task_id": "count/1",
    "prefix": "def count(path: str) -> int:\n    with open(path) as file:\n        lines = list(file)\n",
    "canonical": "    total = len(lines)\n",
    "suffix": "    return total\n\n\nprint(count('notes.txt'))\n",
    "kind": "single-line",
}
SHAPE = {
    "model_type": "Dream",
    "vocab_size": 8192,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def test_every_format_is_compared_and_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a format is left out, is compared with itself or with something else, or is not packed where it says so."""
    holes, shape, out = tmp_path / "holes.jsonl", tmp_path / "shape.json", tmp_path / "formats.json"
    holes.write_text(json.dumps(HOLE) + "\n", encoding="utf-8")
    shape.write_text(json.dumps(SHAPE), encoding="utf-8")
    arguments = [str(holes), "--shape", str(shape), "--count", "1", "--steps", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["cpu_formats", *arguments])
    main()
    result = json.loads(out.read_text(encoding="utf-8"))
    expected = {"bfloat16", "int8"} | ({"onnx-int8"} if find_spec("onnx") and find_spec("onnxruntime") else set())
    assert expected == set(result["answers"])
    assert all(0 < each["kl_mean"] < 0.05 and each["canvases"] > 1 for each in result["answers"].values())
    for times in result["ms"].values():
        assert {UNPACKED, "float32"} | expected == set(times)
        assert all(each["pass"] > 0 and each["step"] > 0 for each in times.values())
