"""The GPU benchmark, at toy sizes on the CPU: that all of it runs where only torch, numpy and safetensors are, and counts rightly."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.gpu import MASK, MODELS, TINY, Bench, DeviceLoop, Record, TimeUpError, dream, fill, llada, make_network
from benchmarks.gpu_report import LEFT, WIDTH, as_svg, as_tables
from dlm_lsp.models.cached import Cached, Dual

ROOT = Path(__file__).parents[2]
BARE = """
import runpy, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ImportError(f"{{name}} is not on the machine with the GPU")

sys.meta_path.insert(0, Missing())
sys.argv = ["gpu", *{arguments}]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""
MISSING = {
    "pygls",
    "lsprotocol",
    "tree_sitter",
    "tree_sitter_python",
    "transformers",
    "tokenizers",
    "huggingface_hub",
} | {
    *("psutil", "rich", "matplotlib", "pytest"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """The folder that a run on a bare machine has filled."""
    out = tmp_path_factory.mktemp("gpu")
    arguments = ["--tiny", "--device", "cpu", "--out", str(out), "--dream", str(out)]
    program = BARE.format(names=MISSING, arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"OMP_NUM_THREADS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert 0 == done.returncode, done.stderr[-2000:]
    return out


def test_everything_is_measured_on_a_bare_machine(written: Path) -> None:
    """Fails if a part needs a library that the machine with the GPU lacks, fails at what it does, or is left out."""
    result = json.loads((written / "gpu.json").read_text())
    assert [f"Dream's own code: not measured (ImportError: there is no modeling_dream.py under {written})"] == result[
        "notes"
    ]
    for model in ("tiny Dream", "tiny LLaDA"):
        rows = [row for row in result["rows"] if row["model"] == model]
        ways = {
            part: {row.get("how") for row in rows if row["part"] == part}
            for part in dict.fromkeys(row["part"] for row in rows)
        }
        assert {
            "start": {None},
            "check": {None},
            "full step": {"eager"},
            "hole step": {"eager", "graphed"},
            "infill warm": {"eager", "graphed", "one graph a step, sampler inside"},
            "infill cold": {"eager", "graphed"},
            "infill, nothing kept": {"eager"},
            "lanes": {"eager", "graphed"},
            "weights": {None},
            "formats": {
                *("eager", "graphed", "eager, all rows"),
                "graphed, an infill of 4 commits a step, its context kept",
            },
        } == ways
        assert {"fp8", "int8"} == {row["weights"] for row in rows if row["part"] == "formats"}
        held = {row["weights"]: row["bytes"] for row in rows if row["part"] == "weights"}
        assert held["float32"] > held["int8"] >= held["fp8"] > 0
        assert all(row["ms"] > 0 for row in rows if row["part"] not in {"check", "weights"})
        (check,) = (row for row in rows if row["part"] == "check")
        assert check["difference"] <= 1e-4
        assert 1 == check["same_tokens"]
    assert 23 == (written / "gpu.md").read_text().count("| tiny Dream |")
    ET.parse(written / "gpu.svg")


def bench(name: str, tmp_path: Path, config: dict[str, Any] | None = None) -> Bench:
    """A network's benchmark on a card of the rates that engines are planned with."""
    result = {"rows": [], "notes": [], "tiny": False, "machine": {}}
    result["card"] = {"copy_gb_per_s": 4300, "gemm_tflops": 780, "launch_us": 5}
    return Bench(
        name, config or MODELS[name][0], "cpu", TINY, Record(tmp_path / "gpu.json", result, until=float("inf"))
    )


@pytest.mark.parametrize(
    ("name", "sizes", "expected_ms"),
    [
        ("7B Dream", (1024, 1024, 64), 17.8),
        ("7B Dream", (64, 1024, 64), 3.33),
        ("7B Dream", (256, 1024, 256), 4.78),
        ("8B LLaDA", (1024, 1024, 64), 19.1),
        ("0.5B Dream", (64, 1024, 64), 0.24),
        ("0.5B Dream", (1024, 1024, 64), 1.08),
    ],
)
def test_limits_of_a_known_card(tmp_path: Path, name: str, sizes: tuple[int, int, int], expected_ms: float) -> None:
    """Fails if a shape is not the model's, or bytes or products are counted twice or not at all: the numbers were worked out by hand."""
    assert expected_ms == pytest.approx(bench(name, tmp_path).limit_ms(*sizes), rel=0.03)


def test_a_limit_reads_the_weights_once_for_all_lanes(tmp_path: Path) -> None:
    """Fails if canvases that are computed together each pay for the weights, or narrower weights are read at full width."""
    seven = bench("7B Dream", tmp_path)
    assert 3.3 == pytest.approx(seven.limit_ms(32, 1024, 32, lanes=4), rel=0.05)
    assert 9.6 == pytest.approx(seven.limit_ms(32, 1024, 32, lanes=16), rel=0.05)
    assert 1.8 == pytest.approx(seven.limit_ms(64, 1024, 64, weight_bytes=1 + 0.545 / 7.07), rel=0.05)


@pytest.mark.parametrize("commits", [1, 4])
@pytest.mark.parametrize("family", ["dream", "llada"])
def test_the_loop_on_the_device_writes_what_the_servers_loop_writes(tmp_path: Path, family: str, commits: int) -> None:
    """Fails if a sampler inside of a graph decides otherwise: commits a forbidden id, writes over a token, takes another row."""
    config = dream(32, 64, 2, 4, 2, 64, tied=False) if family == "dream" else llada(32, 64, 2, 4, 4, 64)
    measured = bench(family, tmp_path, config)
    measured.network = make_network(config, "cpu").double()
    for parameter in measured.network.parameters():
        parameter.data *= 10 if parameter.ndim > 1 else 1  # far from uniform
    with torch.inference_mode():
        for seed in range(5):
            view = measured.question(40 + seed, 8)
            before = view.tokens.clone()
            expected = fill(Cached(measured.denoiser(graphed=True), Dual()), view, commits)
            assert torch.equal(expected, DeviceLoop(measured, view, commits).fill())
            assert torch.equal(before, view.tokens)
            assert int(expected.min()) > MASK
            assert 8 == int((expected != before).sum())


def test_a_part_that_fails_costs_only_itself(tmp_path: Path) -> None:
    """Fails if an error or the end of the time ends the run, is not told, or what was measured before is lost."""
    measured = bench("nano", tmp_path)
    measured.add("start", 2.0, what="first")
    with measured.record.part("one"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate\nmore")
    measured.record.until = 0
    with pytest.raises(TimeUpError):
        measured.ms(lambda: None)
    with measured.record.part("two"):
        measured.ms(lambda: None)
    result = json.loads((tmp_path / "gpu.json").read_text())
    assert [
        "one: not measured (OutOfMemoryError: CUDA out of memory. Tried to allocate)",
        "two: cut, the time was up",
    ] == result["notes"]
    assert [{"model": "nano", "part": "start", "what": "first", "ms": 2.0}] == result["rows"]
    assert "- two: cut, the time was up" in (tmp_path / "gpu.md").read_text()


def test_tables_and_plot() -> None:
    """Fails if a column holds another way's number, a ratio that of the slower one, or a bar has another length than its time."""
    row = {"model": "7B", "part": "hole step", "canvas": 1024, "hole": 64, "limit_ms": 3.3}
    result = {
        "machine": {"device": "H"},
        "card": {"copy_gb_per_s": 1, "gemm_tflops": 2, "launch_us": 3},
        "tiny": False,
        "rows": [
            {**row, "how": "eager", "ms": 10.0, "ratio": 3.03},
            {**row, "how": "graphed", "ms": 4.0, "ratio": 1.21},
            {**row, "how": "eager", "ms": 9.0, "ratio": 2.73, "hole": 16},
        ],
        "notes": ["fp8: not here"],
    }
    lines = as_tables(result).splitlines()
    assert "| model | canvas | hole | eager | graphed | limit | ratio |" in lines
    assert "| 7B | 1024 | 64 | 10.00 | 4.00 | 3.30 | 1.21 |" in lines
    assert "| 7B | 1024 | 16 | 9.00 |  | 3.30 | 2.73 |" in lines
    assert "- fp8: not here" in lines
    drawn = ET.fromstring(as_svg(result))
    bars = [each for each in drawn if each.tag.endswith("rect") and each.get("height") == "13"]
    # Of 0.1 … 100 ms on a logarithmic axis, 10 ms lie at two thirds.
    assert pytest.approx(WIDTH * 2 / 3, abs=0.1) == float(bars[0].get("width"))
    assert [str(LEFT)] * 2 == [each.get("x") for each in bars]
