"""The finished cases of a benchmark, on disk as they come, so that an interrupted run goes on where it stopped.

In: a file, or none; the set-up of the run; rows, which are dataclasses of plain values. Out: the rows of this run and of those
before it. Knows nothing of what is measured.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from dlm_lsp.errors import DlmError

Row = TypeVar("Row")


class Ledger(Generic[Row]):
    """Finished cases, in memory and, where there is a file for them, on disk from one run to the next."""

    def __init__(self, path: Path | None, setup: dict[str, Any], kind: type[Row]) -> None:
        self._path = path
        self.rows: list[Row] = []
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise DlmError(f"{path} cannot be written: {error.strerror}.") from error
        if not text:
            self._append(json.dumps(setup))
            return
        first, *lines = text.splitlines()
        others = f"{path} holds cases of another model or other settings, or something else: name another file, or remove it."
        if _read_line(first) != json.loads(json.dumps(setup)):  # a tuple comes back as a list
            raise DlmError(others)
        try:
            self.rows += [kind(**row) for row in map(_read_line, lines) if row]
        except TypeError as error:
            raise DlmError(others) from error
        if not text.endswith("\n"):
            self._append("")

    def add(self, row: Row) -> None:
        """Keep one case."""
        self.rows.append(row)
        if self._path is not None:
            self._append(json.dumps(asdict(row)))  # type: ignore[call-overload]  # rows are dataclasses

    def _append(self, line: str) -> None:
        assert self._path is not None, "only a ledger with a file writes"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def _read_line(line: str) -> dict[str, Any] | None:
    """Read one line; an interrupt may have cut it."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
