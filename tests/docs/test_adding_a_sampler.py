"""docs/samplers.md on how a sampler is added, followed to the letter in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = str(ROOT / "examples/unfinished/slug.py:8:35")
SCRIPTED = f"scripted:{ROOT / 'examples/scripted.json'}"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, and the page's sampler in it."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "dlm_lsp", folder / "dlm_lsp", ignore=shutil.ignore_patterns("bundled", "__pycache__"))
    page = (ROOT / "docs/samplers.md").read_text(encoding="utf-8").partition("## Adding a sampler\n")[2]
    file, row, line = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    samplers = folder / "dlm_lsp/sampling/samplers"
    (samplers / "halves.py").write_text(file)
    insert(folder / "dlm_lsp/decoders.py", row, '    "klass": Decoder(\n')
    insert(samplers / "__init__.py", line, '    "klass": Klass,\n')
    insert(
        samplers / "__init__.py",
        "from dlm_lsp.sampling.samplers.halves import Halves\n",
        "from dlm_lsp.sampling.samplers.klass",
    )
    return folder


def insert(path: Path, lines: str, before: str) -> None:
    """Put lines before a line of a file."""
    head, found, tail = path.read_text().partition(before)
    assert found, path
    path.write_text(head + lines + found + tail)


def run(package: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line of the copy."""
    command = [sys.executable, "-m", "dlm_lsp", *arguments, "--model", SCRIPTED, "--device", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.run(
        command, cwd=package, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("cache", ["none", "hole"])
def test_the_sampler_of_the_page_works(package: Path, cache: str) -> None:
    """Fails if who follows the page has a sampler that the command line, the worker or a cache does not take."""
    done = run(package, "fill", PLACE, "--sampler", "halves:share=0.25", "--cache", cache)
    assert ("", '" "\n', 0) == (done.stderr, done.stdout, done.returncode)


def test_its_parameters_are_checked(package: Path) -> None:
    """Fails if the row of the page does not bound what somebody may write."""
    done = run(package, "fill", PLACE, "--sampler", "halves:share=2")
    assert (2, "") == (done.returncode, done.stdout)
    assert "the parameter 'share' of 'halves' is 2.0; it must be 0 to 1." in done.stderr
