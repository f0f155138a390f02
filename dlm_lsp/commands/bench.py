"""`dlm-lsp bench quality`: fill holes that have tests, through the server's own path, and say how many answers are right.

In: files of holes, settings. Out: a table, and beside `--out` a JSON file, a Markdown file and FILE.cases.jsonl, which holds
every finished case, so that an interrupted run goes on where it stopped. An answer that is missing or blank counts as not
passing and not parsing; a floor is a filling that needs no model and is scored as it is.
"""

import asyncio
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dlm_lsp import __version__
from dlm_lsp.commands.ask import Model, open_model
from dlm_lsp.commands.cases import FLOORS, Case, read_cases
from dlm_lsp.commands.sandbox import run_untrusted
from dlm_lsp.commands.score import Scored, markdown, sign_test, summarise
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import Settings
from dlm_lsp.syntax.strict import check_python

VARIANTS = ("guided", "unguided")
"""With the syntax tree's say (repair and gate), and without both."""


def bench_quality(
    holes: Sequence[Path],
    settings: Settings,
    *,
    limit: int | None,
    out: Path | None,
    floors: bool,
    variants: Sequence[str],
) -> int:
    """Measure, print the table, write the files."""
    unknown = set(variants) - set(VARIANTS)
    if unknown:
        raise DlmError(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}.")
    if out is not None and (out.suffix != ".json" or out.is_dir()):
        raise DlmError(f"--out names a file that ends in .json, not {out}.")
    cases = read_cases(holes, limit)
    if not cases:
        raise DlmError("there is no hole in these files.")
    report = asyncio.run(_measure(cases, settings, variants, out, floors=floors))
    text = markdown(report["rows"], report["comparisons"])
    print(text, end="")
    if out is not None:
        out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        out.with_suffix(".md").write_text(text, encoding="utf-8")
    return 0


async def _measure(
    cases: Sequence[Case], settings: Settings, variants: Sequence[str], out: Path | None, *, floors: bool
) -> dict[str, Any]:
    """Score every case under every variant, but for those that are on disk already."""
    async with open_model(settings) as model:
        setup = {
            "model": Path(model.hello.model).name,
            "model_hash": model.hello.model_hash,
            "device": model.hello.device,
            "settings": {k: v for k, v in asdict(settings).items() if k not in {"model", "device"}},
        }
        ledger = _Ledger(out.with_suffix(".cases.jsonl") if out else None, setup)
        names = [*variants, *(FLOORS if floors else ())]
        done = {(case.variant, case.task_id) for case in ledger.cases}
        todo = [(name, case) for name in names for case in cases if (name, case.task_id) not in done]
        with _progress() as progress:
            bar = progress.add_task("", total=len(todo))
            for name, case in todo:
                progress.update(bar, description=name)
                ledger.add(
                    await _score_floor(name, case) if name in FLOORS else await _score(name, case, model, settings)
                )
                progress.advance(bar)
    wanted = {(name, case.task_id) for name in names for case in cases}
    return _report([case for case in ledger.cases if (case.variant, case.task_id) in wanted], setup)


def _report(scored: Sequence[Scored], setup: dict[str, Any]) -> dict[str, Any]:
    """Put together what is written down; each variant is compared with the floor that passes most."""
    names = list(dict.fromkeys(case.variant for case in scored))
    passes = {name: sum(case.passed for case in scored if case.variant == name) for name in names}
    floors = [name for name in names if name in FLOORS]
    best = max(floors, key=lambda name: passes[name], default=None)
    return {
        "script": "dlm-lsp bench quality",
        "version": __version__,
        **setup,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "rows": summarise(scored),
        "comparisons": [sign_test(scored, name, best) for name in names if best and name not in FLOORS],
    }


async def _score(variant: str, case: Case, model: Model, settings: Settings) -> Scored:
    """Ask the model and test its answer."""
    chosen = settings if variant == "guided" else replace(settings, repair_rounds=0, show_broken=True)
    answer = await model.ask(case.snapshot, chosen)
    if not answer.best.strip():
        scored = _scored(
            variant, case, answer.best, answered=False, parses=False, passed=False, reason=answer.why_empty
        )
    else:
        scored = await asyncio.to_thread(_try, variant, case, answer.best, case.completion(answer.best))
    return replace(scored, steps=answer.steps, ms=round(answer.ms, 1))


async def _score_floor(name: str, case: Case) -> Scored:
    """Test a filling that needs no model."""
    completion = FLOORS[name](case)
    return await asyncio.to_thread(_try, name, case, completion, completion)


def _try(variant: str, case: Case, answer: str, completion: str) -> Scored:
    """Parse in place; what parses runs with its test."""
    parses = check_python(case.prefix + completion + case.suffix) is None
    trial = run_untrusted(case.program(completion)) if parses else None
    return _scored(
        variant,
        case,
        answer,
        answered=bool(answer.strip()),
        parses=parses,
        passed=trial is not None and trial.passed,
        reason=trial.reason if trial else "does not parse",
        exact=completion == case.canonical,
    )


def _scored(
    variant: str,
    case: Case,
    answer: str,
    *,
    answered: bool,
    parses: bool,
    passed: bool,
    reason: str,
    exact: bool = False,
) -> Scored:
    return Scored(variant, case.task_id, case.kind, answer, answered, exact, parses, passed, reason)


class _Ledger:
    """Finished cases, in memory and, where there is a file for them, on disk from one run to the next."""

    def __init__(self, path: Path | None, setup: dict[str, Any]) -> None:
        self._path = path
        self.cases: list[Scored] = []
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise DlmError(f"{path} cannot be written: {error.strerror}.") from error
        rows = [row for row in map(_row, text.splitlines()) if row]
        if rows and rows[0] != setup:
            raise DlmError(f"{path} holds cases of another model or other settings: name another --out, or remove it.")
        if not rows:
            self._write(setup)
        elif not text.endswith("\n"):
            self._write(None)
        self.cases += [Scored(**row) for row in rows[1:]]

    def add(self, case: Scored) -> None:
        """Keep one case."""
        self.cases.append(case)
        if self._path is not None:
            self._write(asdict(case))

    def _write(self, row: dict[str, Any] | None) -> None:
        assert self._path is not None, "only a ledger with a file writes"
        with self._path.open("a", encoding="utf-8") as file:
            file.write((json.dumps(row) if row else "") + "\n")


def _row(line: str) -> dict[str, Any] | None:
    """Read one line; an interrupt may have cut it."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))
