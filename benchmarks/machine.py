"""What a result file says of where it was measured: without that, no number can be compared with another.

In: nothing. Out: plain values for JSON, and the line that a table says of them. It does not know what is measured, and imports no
torch: that would change what is.
"""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

FAST = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8", "asimd", "bf16", "i8mm")
"""Of what a processor says that it can, what matters to a model."""


def describe() -> dict[str, object]:
    """Give the machine, the versions and the load that it has now."""
    return {
        "machine": machine(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "commit": commit(),
        "load_before": load(),
    }


def where(result: Mapping[str, Any]) -> str:
    """Say in a line where and when a result was measured, of what `describe` and `load` have told."""
    return (
        f"commit {result['commit']}, torch {result['torch']}; {result['machine']}; load (1 min) {result['load_before']} before "
        f"and {result['load_after']} after"
    )


def machine() -> str:
    """Give architecture, cores and instructions in a line."""
    import psutil  # not on a bare machine with a GPU, which asks for the commit alone

    info = Path("/proc/cpuinfo")
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", info.read_text(), re.MULTILINE) if info.is_file() else None
    told = found[1].split() if found else []
    able = [name for name in FAST if name in told]
    cores = psutil.cpu_count(logical=False) or os.cpu_count()
    return ", ".join(
        [platform.machine(), f"{cores} cores ({os.cpu_count()} threads)", *([" ".join(able)] if able else [])]
    )


def load() -> float:
    """Give the load of the machine over the last minute."""
    return round(os.getloadavg()[0], 2)


def commit() -> str:
    """Give the commit that is measured, with a mark if files differ from it; empty outside of a repository, and without git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
