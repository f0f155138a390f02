"""Tests of real editors run by themselves (`make test-editors`): an ordinary run has not to have the editors.

Where they run, all of them do: one that is skipped has failed.
"""

from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave everything here out unless the command line names it."""
    del collection_path
    return None if any("editors" in argument for argument in config.args) else True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn what was skipped into a failure."""
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped: {report.longrepr}"
    return report
