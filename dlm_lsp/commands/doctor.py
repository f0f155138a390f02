"""`dlm-lsp doctor`: does it work here, and if not, what to do.

In: settings. Out: one line per thing looked at, and exit status 0 if the program works, 1 if not. It never imports torch: what
is installed is read from package metadata, what the model runs on is said by the model's own process.
"""

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dlm_lsp import __version__
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import Settings
from dlm_lsp.values import Snapshot

_PACKAGES = (
    "transformers",
    "tokenizers",
    "safetensors",
    "tree-sitter",
    "tree-sitter-python",
    "pygls",
    "lsprotocol",
    "rich",
)
_PROBE = 'def add(a, b):\n    """Add two numbers."""\n    return '
_MIN_MEMORY_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    works: bool
    what: str
    remedy: str = ""
    """What to do where it does not work."""


def doctor(settings: Settings) -> int:
    """Look at everything, print as it goes, and give the exit status."""
    works = True
    for finding in examine(settings):
        print(f"{'ok  ' if finding.works else 'FAIL'} {finding.what}", flush=True)
        if not finding.works:
            print(f"     -> {finding.remedy}", flush=True)
        works = works and finding.works
    print("Everything works." if works else "Something does not work: see the lines marked FAIL.")
    return 0 if works else 1


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the machine, the packages, the grammar and the model, in the order in which they build on each other."""
    version = platform.python_version()
    yield Finding(sys.version_info >= (3, 11), f"Python {version} at {sys.executable}", "install Python 3.11 or newer")
    yield Finding(works=True, what=f"dlm-lsp {__version__} at {Path(__file__).parents[1]}")
    yield _torch()
    yield from (_package(name) for name in _PACKAGES)
    yield _memory()
    yield _grammar()
    yield from asyncio.run(_model(settings))


def _package(name: str) -> Finding:
    try:
        return Finding(works=True, what=f"{name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        return Finding(works=False, what=f"{name} is missing", remedy="run: pip install dlm-lsp")


def _torch() -> Finding:
    """Say which build of torch is installed, from the file in which it says so itself."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return Finding(
            works=False, what="torch is missing", remedy="install it as https://pytorch.org/get-started says"
        )
    stated = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    builds = re.findall(r"^(cuda|hip|xpu)\b.*= '([^']+)'", stated, re.MULTILINE)
    build = " ".join(f"{name.upper()} {number} build" for name, number in builds) or "CPU build"
    return Finding(works=True, what=f"torch {importlib.metadata.version('torch')} ({build})")


def _memory() -> Finding:
    try:
        size_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Finding(works=True, what=f"{os.cpu_count()} processors; this system does not tell its memory")
    return Finding(
        size_bytes >= _MIN_MEMORY_BYTES,
        f"{os.cpu_count()} processors, {size_bytes / 1024**3:.1f} GiB of memory",
        "the bundled model with torch needs about 2 GiB",
    )


def _grammar() -> Finding:
    try:
        from dlm_lsp.syntax.languages import find_language

        tree = find_language("python").parse("def f():\n    pass\n")
    except (ImportError, ValueError, OSError) as error:
        return Finding(
            works=False, what=f"the Python grammar: {error}", remedy="run: pip install --force-reinstall dlm-lsp"
        )
    sound = tree is not None and not tree.root_node.has_error
    return Finding(sound, "the Python grammar parses", "run: pip install --force-reinstall tree-sitter-python")


async def _model(settings: Settings) -> list[Finding]:
    """Start the model and let it fill a hole."""
    from dlm_lsp.commands.ask import open_model

    findings = []
    try:
        async with open_model(settings) as model:
            hello = model.hello
            findings.append(
                Finding(
                    works=True,
                    what=f"model {hello.model} ({hello.model_hash or 'no hash'}) on {hello.device}, {hello.max_tokens} tokens",
                )
            )
            snapshot = Snapshot("file:///doctor/probe.py", "python", 1, _PROBE + "\n", len(_PROBE))
            answer = await model.ask(snapshot, settings)
            result = f"{answer.best!r}, {answer.steps} model calls" if answer.texts else f"no text ({answer.why_empty})"
            findings.append(
                Finding(
                    not answer.result.message,  # a model may have nothing to say; it may not break
                    f"filled a hole in {answer.ms:.0f} ms: {result}",
                    "look at the message; --device cpu may help",
                )
            )
    except DlmError as error:
        remedy = "give --model a bundled name, a folder with config.json and weights, or try --device cpu"
        findings.append(Finding(works=False, what=f"model {settings.model}: {error}", remedy=remedy))
    return findings
