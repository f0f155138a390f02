"""`dlm-lsp finetune`: that it finds its trainer, in a checkout and in the wheel, and what it says where there is none."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dlm_lsp
from dlm_lsp.commands import finetune
from dlm_lsp.commands.finetune import INSTALLED
from tests.cli.test_command_line import run

ROOT = Path(__file__).parents[2]
IN_WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]


@pytest.fixture
def as_in_the_wheel(tmp_path: Path) -> Path:
    """Put the trainer's files where the wheel has them, and this package beside them."""
    (tmp_path / "dlm_lsp").symlink_to(ROOT / "dlm_lsp")
    for source, target in IN_WHEEL["force-include"].items():
        (tmp_path / target).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / source, tmp_path / target)
    return tmp_path


def test_the_wheels_trainer_is_whole() -> None:
    """Fails if a module of the trainer imports one that the wheel lacks, or by the name that it has in a checkout alone."""
    included = {Path(target).name for target in IN_WHEEL["force-include"].values()}
    for source in IN_WHEEL["force-include"]:
        if not source.endswith(".py"):
            continue
        for node in ast.parse((ROOT / source).read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                modules = [node.module] if node.module else [alias.name for alias in node.names]
                needed = {f"{module}.py" for module in modules if (ROOT / "training" / f"{module}.py").exists()}
                assert needed <= included, source
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                assert not any(name.split(".")[0] == "training" for name in names), source


def test_the_wheels_trainer_runs(as_in_the_wheel: Path) -> None:
    """Fails if the command does not start the trainer that the wheel holds, or that one needs anything that lies beside it in a checkout."""
    program = (
        "from dlm_lsp.commands import finetune; from dlm_lsp.settings import Settings; from pathlib import Path;"
        "print(finetune.find_trainer()); raise SystemExit(finetune.finetune(Path('nowhere'), Path('out'), Settings(), minutes=1))"
    )
    environment = os.environ | {"PYTHONPATH": str(as_in_the_wheel)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=as_in_the_wheel / INSTALLED,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (2, "dlm-lsp: there is no folder nowhere.\n") == (done.returncode, done.stderr)
    assert f"('{INSTALLED}', {{}})\n" == done.stdout


def test_without_a_trainer_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Fails if an installation without the trainer ends in a traceback, or takes another package's `training` for it."""
    (tmp_path / "training").mkdir()
    monkeypatch.setattr(dlm_lsp, "__file__", str(tmp_path / "dlm_lsp" / "__init__.py"))
    monkeypatch.setattr(finetune, "find_spec", lambda _: None)  # an editable installation has copies
    status, out, err = run(capsys, "finetune", ".", "--out", str(tmp_path / "out"))
    complaint = "dlm-lsp: this installation lacks the trainer; install dlm-lsp from its wheel or from a checkout.\n"
    assert (2, "", complaint) == (status, out, err)
