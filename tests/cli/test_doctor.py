"""`dlm-lsp doctor`: a sound installation is called sound, a broken one says what to do, and nothing ends in a traceback."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dlm_lsp.commands import doctor as examining
from dlm_lsp.findings import Level
from dlm_lsp.models.folders import BUNDLED
from tests.cli.test_command_line import SCRIPTED, run


def test_what_works_is_said_to_work(capsys, tmp_path: Path) -> None:
    """Fails if the doctor finds a sound installation ill, or leaves out what people ask for: builds, times, an answer."""
    rules = [{"after": "    return ", "before": "\n", "answer": "a + b"}]
    (tmp_path / "script.json").write_text(json.dumps({"rules": rules}))
    status, out, _ = run(capsys, "doctor", "--model", f"scripted:{tmp_path}/script.json", "--device", "cpu")
    assert 0 == status, out
    assert "FAIL" not in out
    for part in (
        " build)",
        " of memory",
        "grammar parses",
        "ready after ",
        " model calls of ",
        "GB free",
        "'a + b'",
        "works.",
    ):
        assert part in out


def test_json_says_the_same(capsys) -> None:
    """Fails if a script cannot read what a person reads."""
    status, out, _ = run(capsys, "doctor", "--model", "no-such-model", "--json")
    told = json.loads(out)
    (broken,) = (finding for finding in told["findings"] if finding["level"] == "FAIL")
    assert (1, False) == (status, told["works"])
    assert "there is no model 'no-such-model'" in broken["what"]
    assert "models check" in broken["remedy"]


@pytest.mark.parametrize(
    ("file", "keep", "complaint"),
    [
        ("tokenizer.json", None, "neither tokenizer.json nor vocab.json"),
        ("tokenizer.json", 1000, "tokenizer.json cannot be read"),
        ("model.safetensors", 1_000_000, "model.safetensors is damaged or cut short"),
        ("model.safetensors", None, "has no model.safetensors"),
        ("config.json", 20, "config.json cannot be read"),
    ],
)
def test_a_broken_model_is_named(capsys, tmp_path: Path, file: str, keep: int | None, complaint: str) -> None:
    """Fails if a part of the model that is missing or cut short is a traceback, or passes for a working one."""
    folder = shutil.copytree(BUNDLED / "nano", tmp_path / "nano")
    content = (folder / file).read_bytes()
    (folder / file).unlink()
    if keep is not None:
        (folder / file).write_bytes(content[:keep])
    status, out, err = run(capsys, "doctor", "--model", str(folder), "--device", "cpu")
    assert (1, "") == (status, err)
    assert complaint in out
    assert "Traceback" not in out


def test_the_extra_that_halves_the_time_is_named_where_it_is_missing(capsys, tmp_path: Path, monkeypatch) -> None:
    """Fails if a newcomer whose CPU could be twice as fast is not told how, or whose number format is not there that it is another."""
    version = examining.importlib.metadata.version

    def without_runtime(name: str) -> str:
        if name == "onnxruntime":
            raise examining.importlib.metadata.PackageNotFoundError(name)
        return version(name)

    tiny = Path(__file__).parents[1] / "data/reference/checkpoints/dream-tiny"
    (tmp_path / "onnx.py").write_text("raise ImportError('not here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(examining.importlib.metadata, "version", without_runtime)
    status, out, err = run(capsys, "doctor", "--model", str(tiny), "--device", "cpu", "--dtype", "onnx-int8")
    assert (0, "") == (status, err), out
    assert "onnxruntime is missing" in out
    assert "onnx-int8 cannot be had here" in out
    assert 2 == out.count("pip install 'dlm-lsp[onnx]'")


@pytest.mark.parametrize("module", ["torch", "tree_sitter_python", "rich"])
def test_a_missing_package_is_no_traceback(tmp_path: Path, module: str) -> None:
    """Fails if the doctor needs what it is asked about: in a broken installation it is the one command that must run."""
    (tmp_path / f"{module}.py").write_text("raise ImportError('it is gone')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.modules[{module!r}] = None; "
        f"from dlm_lsp.cli import main; sys.exit(main(['doctor', '--model', {SCRIPTED!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=110, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    assert (0 if module == "rich" else 1) == done.returncode, "the server draws no pictures"
    assert "downloaded models" in done.stdout, "it looks at everything that it can"


def test_a_cache_that_cannot_be_written_is_a_note(tmp_path: Path, monkeypatch) -> None:
    """Fails if a folder that only downloads need makes everything fail, or is not told at all."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "not" / "there"))
    assert Level.OK is examining._downloads().level
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everything
    finding = examining._downloads()
    assert (Level.NOTE, True) == (finding.level, f"{tmp_path} is read-only" in finding.what)
    assert "HF_HUB_CACHE" in finding.remedy


@pytest.mark.parametrize(
    ("says", "level", "part"),
    [
        ("NVIM v0.12.1", Level.OK, "Neovim 0.12 has inline completion"),
        ("NVIM v0.11.4", Level.NOTE, "Neovim 0.11 has no inline completion"),
        ("NVIM v1.0.0", Level.OK, "Neovim 1.0"),
        ("", Level.NOTE, "does not tell"),
    ],
)
def test_editors_are_told_of(tmp_path: Path, monkeypatch, says: str, level: Level, part: str) -> None:
    """Fails if an editor that cannot show completions is said to, or a command that is not found is not spelt out."""
    nvim = tmp_path / "nvim"
    nvim.write_text(f"#!/bin/sh\necho '{says}'\n")
    nvim.chmod(nvim.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    path, editor = examining._editors()
    assert (Level.NOTE, True) == (path.level, path.remedy.endswith("/dlm-lsp"))
    assert (level, True) == (editor.level, part in editor.what)


def test_a_slow_model_is_a_note(capsys, tmp_path: Path) -> None:
    """Fails if a machine that is too slow for the deadline is called broken, or fast enough."""
    rules = [{"after": "    return ", "before": "\n", "answer": "a + b + a + b", "confidence": 0.5}]
    (tmp_path / "slow.json").write_text(json.dumps({"rules": rules, "step_ms": 60}))
    status, out, _ = run(capsys, "doctor", "--model", f"scripted:{tmp_path}/slow.json", "--deadline-ms", "100")
    assert 0 == status
    assert "note a hole took longer than 100 ms" in out
