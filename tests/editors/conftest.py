"""Tests of real editors run by themselves (`make test-editors`): an ordinary run has not to have the editors."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave everything here out unless the command line names it."""
    del collection_path
    return None if any("editors" in argument for argument in config.args) else True
