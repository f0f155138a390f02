"""What a result file says of where it was measured: without that, no number can be compared with another.

In: nothing. Out: plain values for JSON. It does not know what is measured, and imports no torch: that would change what is.
"""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

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


def machine() -> str:
    """Give architecture, cores and instructions in a line."""
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
    """Give the commit that is measured, with a mark if files differ from it; empty outside of a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
