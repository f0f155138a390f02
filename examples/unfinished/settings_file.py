"""Read and write settings as JSON."""

import json
from pathlib import Path
from typing import Any


def load_settings(path: Path) -> dict[str, Any]:
    """Read the settings from a file; a missing file gives none."""
    if not path.exists():
        return 
    text = path.read_text(encoding="utf-8")
    return json.loads(text)


def save_settings(path: Path, settings: dict[str, Any]) -> None:
    """Write the settings to a file."""
    text = json.dumps(settings, indent=2)
    path.write_text(text, encoding="utf-8")
