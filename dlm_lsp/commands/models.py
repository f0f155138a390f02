"""`dlm-lsp models list|check|calibrate|export`: which checkpoints are here, and work on their weights.

In: names or folders, settings. Out: text on stdout and an exit status. It reads no weights itself: that is done by a process of its
own, `worker.checkpoint`, whose output and status are passed on.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dlm_lsp.models.folders import Checkpoint, describe, model_hash, on_this_machine
from dlm_lsp.settings import Settings


def list_models(folders: Sequence[str], *, as_json: bool) -> int:
    """Show the bundled models, the downloaded ones that can be run, and those in the folders given."""
    found = [*on_this_machine(), *(describe(folder, Path(folder).expanduser()) for folder in folders)]
    if as_json:
        print(json.dumps([_as_json(checkpoint) for checkpoint in found], indent=2))
        return 0
    rows = [("MODEL", "FAMILY", "WEIGHTS", "SIZE", "HASH", "FOLDER"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(found: Checkpoint) -> tuple[str, ...]:
    dtypes = "+".join(found.dtypes) or "none"
    size = f"{found.size_bytes / 1e6:.0f} MB"
    return found.name, found.model_type, dtypes, size, model_hash(found.folder), str(found.folder)


def _as_json(found: Checkpoint) -> dict[str, object]:
    return {
        "name": found.name,
        "family": found.model_type,
        "dtypes": list(found.dtypes),
        "bytes": found.size_bytes,
        "hash": model_hash(found.folder),
        "folder": str(found.folder),
    }


def check(model: str, settings: Settings, *, as_json: bool) -> int:
    """Say whether a checkpoint is whole and knows any code."""
    return _on_weights(settings, "check", model, *(["--json"] if as_json else []))


def calibrate(model: str, sources: Sequence[Path], settings: Settings, *, spans: int) -> int:
    """Measure how sure a checkpoint is of holes of any length, and keep the curve beside it."""
    return _on_weights(settings, "calibrate", model, *map(str, sources), "--spans", str(spans))


def export(model: str, out: Path, settings: Settings) -> int:
    """Write a checkpoint in a plain number format."""
    return _on_weights(settings, "export", model, str(out))


def _on_weights(settings: Settings, *arguments: str) -> int:
    """Run `worker.checkpoint` with our own streams; -P keeps the folder that we stand in from shadowing modules."""
    where = ("--device", settings.device, "--dtype", settings.dtype, "--threads", str(settings.threads))
    command = [sys.executable, "-P", "-m", "dlm_lsp.worker.checkpoint", *where, *arguments]
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            return process.wait()  # a terminal's Ctrl-C has reached it too
