"""`dlm-lsp doctor`: does it work here, and if not, what to do.

In: settings. Out: findings about the machine, the packages, the grammar, the model and the editors, and exit status 0 if the
program works, 1 if not. It never imports torch: what is installed is read from package metadata, what the model runs on is said by
the model's own process. It works, too, where half of the packages do not.
"""

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from dlm_lsp import __version__
from dlm_lsp.errors import DlmError
from dlm_lsp.findings import Finding, Level, fail, note, ok, report
from dlm_lsp.models.folders import hub_cache
from dlm_lsp.settings import Settings
from dlm_lsp.values import Outcome, Snapshot

_PACKAGES = (
    *("transformers", "huggingface_hub", "tokenizers", "safetensors"),
    *("tree-sitter", "tree-sitter-python", "pygls", "lsprotocol", "rich"),
)
_EXTRA = ("onnx", "onnxruntime")
_PROBE = 'def add(a, b):\n    """Add two numbers."""\n    return '
_MIN_MEMORY_BYTES = 2 * 1024**3
_NEOVIM = (0, 12)
_REINSTALL = f"{sys.executable} -m pip install --force-reinstall"


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Look at everything, tell it, and give the exit status."""
    return report(examine(settings), as_json=as_json)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at one thing after the other, in the order in which they build on each other."""
    python = f"Python {platform.python_version()} at {sys.executable}"
    yield ok(python) if sys.version_info >= (3, 11) else fail(python, "install Python 3.11 or newer")
    yield ok(f"dlm-lsp {__version__} at {Path(__file__).parents[1]}")
    yield _torch()
    yield from (_package(name) for name in _PACKAGES)
    yield _extra()
    yield _memory()
    grammar = _grammar()
    yield grammar
    if grammar.level is Level.OK:
        yield from _as_they_come(_model(settings))
    yield _downloads()
    yield from _editors()


def _package(name: str) -> Finding:
    try:
        return ok(f"{name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        return fail(f"{name} is missing", f"run: {_REINSTALL} dlm-lsp")


def _extra() -> Finding:
    """Say whether the CPU's fastest way through a model is there."""
    try:
        return ok(", ".join(f"{name} {importlib.metadata.version(name)}" for name in _EXTRA))
    except importlib.metadata.PackageNotFoundError as error:
        what = f"{error.name} is missing: on a CPU the bundled model takes twice as long"
        return note(what, f"run: {sys.executable} -m pip install 'dlm-lsp[onnx]'")


def _torch() -> Finding:
    """Say which build of torch is installed, from the file in which it says so itself."""
    try:
        spec = importlib.util.find_spec("torch")
    except ValueError:  # what is half removed may be a module without a spec
        spec = None
    if spec is None or spec.origin is None:
        return fail("torch is missing", "install it as https://pytorch.org/get-started says")
    try:
        stated = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
        version = importlib.metadata.version("torch")
    except (OSError, importlib.metadata.PackageNotFoundError) as error:
        return fail(f"torch is damaged ({error})", f"run: {_REINSTALL} torch")
    builds = re.findall(r"^(cuda|hip|xpu)\b.*= '([^']+)'", stated, re.MULTILINE)
    build = " ".join(f"{name.upper()} {number} build" for name, number in builds) or "CPU build"
    return ok(f"torch {version} ({build})")


def _memory() -> Finding:
    try:
        size_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return note(f"{os.cpu_count()} processors; this system does not tell its memory")
    what = f"{os.cpu_count()} processors, {size_bytes / 1024**3:.1f} GiB of memory"
    return ok(what) if size_bytes >= _MIN_MEMORY_BYTES else fail(what, "the bundled model with torch needs about 2 GiB")


def _grammar() -> Finding:
    try:
        from dlm_lsp.syntax.languages import find_language

        tree = find_language("python").parse("def f():\n    pass\n")
    except (ImportError, ValueError, OSError) as error:
        return fail(f"the Python grammar: {error}", f"run: {_REINSTALL} dlm-lsp")
    if tree is None or tree.root_node.has_error:
        return fail("the Python grammar does not parse", f"run: {_REINSTALL} tree-sitter tree-sitter-python")
    return ok("the Python grammar parses")


def _as_they_come(findings: AsyncIterator[Finding]) -> Iterator[Finding]:
    """Give each finding when it is there: a large model loads for minutes."""

    async def after() -> Finding | None:
        return await anext(findings, None)

    with asyncio.Runner() as runner:
        while finding := runner.run(after()):
            yield finding


async def _model(settings: Settings) -> AsyncIterator[Finding]:
    """Start the model and let it fill a hole, both against the clock."""
    try:
        from dlm_lsp.commands.ask import open_model
    except ImportError as error:
        yield fail(f"the model cannot be started: {error}", f"run: {_REINSTALL} dlm-lsp")
        return
    began = time.perf_counter()
    notices: list[str] = []
    try:
        async with open_model(settings, notices.append) as model:
            hello = model.hello
            ready_ms = (time.perf_counter() - began) * 1000
            memory = f" with {hello.memory_bytes / 1024**3:.1f} GiB free" if hello.memory_bytes else ""
            form = f" in {hello.dtype}" if hello.dtype else ""
            where = f"{hello.device}{form}{memory}"
            yield ok(f"model {hello.model} ({hello.model_hash}) on {where}, {hello.max_tokens} tokens")
            for notice in notices:
                yield note(notice)
            yield ok(f"ready after {ready_ms:.0f} ms")
            snapshot = Snapshot("file:///doctor/probe.py", "python", 1, _PROBE + "\n", len(_PROBE))
            answer = await model.ask(snapshot, settings)
    except DlmError as error:
        yield fail(
            f"model {settings.model}: {error}",
            f"`dlm-lsp models check {settings.model}` says more; or try --device cpu",
        )
        return
    calls, forward_ms = answer.steps, answer.result.spent_ms.get("forward", 0.0)
    each = f", {calls} model calls of {forward_ms / calls:.1f} ms" if calls else ""
    if answer.result.outcome is Outcome.FAILED:
        yield fail(f"a hole could not be filled: {answer.why_empty}", "look at the message; --device cpu may help")
    elif answer.result.outcome is Outcome.LATE:
        yield note(
            f"a hole took longer than {settings.deadline_ms} ms{each}", "raise deadlineMs, or take a smaller model"
        )
    else:  # a model may have nothing to say; it may not break
        said = repr(answer.best) if answer.texts else f"no text: {answer.why_empty}"
        yield ok(f"filled a hole in {answer.ms:.0f} ms{each}: {said}")


def _downloads() -> Finding:
    """Say where downloaded models go; only `dlm-lsp models pull` needs that."""
    folder = place = hub_cache()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        return note(f"models cannot be downloaded: {place} is read-only", "set HF_HUB_CACHE to a folder of your own")
    return ok(f"downloaded models go to {folder}, {shutil.disk_usage(place).free / 1e9:.0f} GB free")


def _editors() -> Iterator[Finding]:
    """Say what an editor has to be told."""
    ours = Path(sys.executable).with_name("dlm-lsp")
    found = shutil.which("dlm-lsp")
    if found:
        yield ok(f"editors find the command: {found}")
    else:
        yield note("editors do not find `dlm-lsp`: it is not on PATH", f"give them the whole path: {ours}")
    if shutil.which("nvim"):
        yield _neovim()


def _neovim() -> Finding:
    try:
        told = subprocess.run(["nvim", "--version"], capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        told = ""
    version = re.search(r"v(\d+)\.(\d+)", told)
    if version is None:
        return note("Neovim does not tell its version")
    what = f"Neovim {version[1]}.{version[2]}"
    if (int(version[1]), int(version[2])) >= _NEOVIM:
        return ok(f"{what} has inline completion: the README says how to switch it on")
    return note(f"{what} has no inline completion of its own", "the plugin in nvim-plugin/ draws it there")
