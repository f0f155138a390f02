"""Folders of tiny checkpoints for the tests of models."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

REFERENCE = Path(__file__).parents[1] / "data" / "reference"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The reference ran on one thread, and the machine is shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    """The folder of the reference's tiny checkpoints."""
    return REFERENCE / "checkpoints"


@pytest.fixture
def copy(checkpoints: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy a checkpoint into a folder of the test's own, with some keys of config.json changed (None removes)."""

    def make(name: str = "dream-tiny", **changes: Any) -> Path:
        folder = tmp_path / name
        shutil.copytree(checkpoints / name, folder, dirs_exist_ok=True)
        config = json.loads((folder / "config.json").read_text()) | changes
        config = {key: value for key, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return make
