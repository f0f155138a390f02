"""A machine that only trains has torch, numpy and safetensors: nothing else may be imported there."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

ALONE = """
import sys
from importlib.abc import MetaPathFinder

class Lacking(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Lacking())
sys.argv[1:] = {arguments}
import runpy
runpy.run_module("training.{module}", run_name="__main__", alter_sys=True)
"""
LACKING = "tokenizers transformers tree_sitter tree_sitter_python pygls lsprotocol rich huggingface_hub matplotlib peft"


def alone(module: str, *arguments: object) -> str:
    """Run a module of training/ where most libraries cannot be imported; gives what it printed."""
    program = ALONE.format(names=set(LACKING.split()), module=module, arguments=[str(each) for each in arguments])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert 0 == done.returncode, done.stderr[-2000:]
    return done.stdout


@pytest.mark.timeout(300)
def test_a_run_needs_no_other_library(tiny, data, tmp_path) -> None:
    """Fails if an import on the way from the stream to the exported folder needs more than a training machine has."""
    config = {"model_type": "Dream", "mask_token_id": 1, "expand_token_id": 3, "eos_token_id": 0} | asdict(tiny)
    (tmp_path / "config.json").write_text(json.dumps(config))
    phases = [{"until": 1.0, "holes": True, "batch_tokens": 256, "lengths": [64, 128]}]
    (tmp_path / "recipe.json").write_text(json.dumps({"phases": phases, "split_share": 0.5}))
    run = ("--config", tmp_path / "config.json", "--run", tmp_path / "run")
    printed = alone("train", *run, "--recipe", tmp_path / "recipe.json", "--data", data, "--max-steps", 2)
    assert "2 steps, 512 tokens" in printed
    alone("export", *run, "--data", data, "--out", tmp_path / "out", "--int8")
    alone("pack", "split", tmp_path / "run" / "state.pt", tmp_path / "parts")
    assert (tmp_path / "out" / "model.safetensors").exists()
    assert (tmp_path / "parts" / "trunk-0.part").exists()
