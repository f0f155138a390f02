"""`dlm-lsp bench quality`: fill holes that have tests, through the server's own path, and say how many answers are right.

In: files of holes, settings. Out: a table, and beside `--out` a JSON file, a Markdown file and FILE.cases.jsonl, which holds
every finished case, so that an interrupted run goes on where it stopped. An answer that is missing or blank counts as not
passing and not parsing; a floor is a filling that needs no model and is scored as it is. All variants of a hole come from one
decode (`variants`).
"""

import asyncio
import json
import operator
import os
import platform
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dlm_lsp import __version__
from dlm_lsp.commands.ask import Model, open_model
from dlm_lsp.commands.cases import FLOORS, Case, read_cases
from dlm_lsp.commands.ledger import Ledger
from dlm_lsp.commands.score import Scored, by_threshold, compare_repairs, markdown, sign_test, summarise
from dlm_lsp.commands.trial import Judged, Trials, judge
from dlm_lsp.commands.variants import VARIANTS, attempt
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import Settings


def bench_quality(
    holes: Sequence[Path],
    settings: Settings,
    *,
    limit: int | None,
    out: Path | None,
    floors: bool,
    variants: Sequence[str],
    jobs: int = 1,
) -> int:
    """Measure with `jobs` models side by side, print the table, write the files."""
    unknown = set(variants) - set(VARIANTS)
    if unknown:
        raise DlmError(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}.")
    if out is not None and (out.suffix != ".json" or out.is_dir()):
        raise DlmError(f"--out names a file that ends in .json, not {out}.")
    cases = read_cases(holes, limit)
    if not cases:
        raise DlmError("there is no hole in these files.")
    report = asyncio.run(_measure(cases, settings, variants, out, floors=floors, jobs=jobs))
    text = markdown(report)
    print(text, end="")
    if out is not None:
        out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        out.with_suffix(".md").write_text(text, encoding="utf-8")
    return 0


async def _measure(
    cases: Sequence[Case], settings: Settings, variants: Sequence[str], out: Path | None, *, floors: bool, jobs: int
) -> dict[str, Any]:
    """Score every case under every variant, but for those that are on disk already."""
    async with AsyncExitStack() as stack:
        models = [await stack.enter_async_context(open_model(settings)) for _ in range(jobs)]
        hello = models[0].hello
        setup = {
            "model": Path(hello.model).name,
            "model_hash": hello.model_hash,
            "device": hello.device,
            "settings": {k: v for k, v in asdict(settings).items() if k not in {"model", "device"}},
        }
        ledger = Ledger(out.with_suffix(".cases.jsonl") if out else None, setup, Scored)
        names = [*variants, *(FLOORS if floors else ())]
        done = {(case.variant, case.task_id) for case in ledger.rows}
        todo = iter([case for case in cases if any((name, case.task_id) not in done for name in names)])
        with show_progress() as progress:
            bar = progress.add_task("holes", total=len(cases), completed=len(cases) - operator.length_hint(todo))

            async def work(model: Model) -> None:
                for case in todo:
                    for scored in await _score(case, names, model, settings):
                        if (scored.variant, scored.task_id) not in done:
                            ledger.add(scored)
                    progress.advance(bar)

            await asyncio.gather(*map(work, models))
    wanted = {(name, case.task_id) for name in names for case in cases}
    return _report([case for case in ledger.rows if (case.variant, case.task_id) in wanted], setup)


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
        "guidance": compare_repairs(scored),
        "thresholds": by_threshold(scored),
        "comparisons": [sign_test(scored, name, best) for name in names if best and name not in FLOORS],
    }


async def _score(case: Case, names: Sequence[str], model: Model, settings: Settings) -> list[Scored]:
    """Test a hole's answers under the named variants and floors."""
    scored = []
    trials: Trials = {}
    resample = any(name.startswith("resampled") for name in names)
    asked = set(names) - set(FLOORS)
    attempts = await attempt(case.snapshot, model, settings, resample=resample) if asked else {}
    for name in names:
        if name in FLOORS:
            completion = FLOORS[name](case)
            judged = await asyncio.to_thread(judge, case, completion, trials)
            scored.append(_scored(name, case, completion, judged))
            continue
        found = attempts[name]
        judged = Judged(reason=found.why_empty)
        if found.text.strip():
            judged = await asyncio.to_thread(judge, case, case.completion(found.text), trials)
        row = _scored(name, case, found.text, judged)
        scored.append(
            replace(
                row,
                steps=found.steps,
                ms=round(found.ms, 1),
                written_tokens=found.written_tokens,
                shown_tokens=found.shown_tokens,
                mean_logprob=round(found.mean_logprob, 4),
                repaired=found.repaired,
            )
        )
    return scored


def _scored(variant: str, case: Case, answer: str, judged: Judged) -> Scored:
    return Scored(
        variant,
        case.task_id,
        case.kind,
        answer,
        answered=bool(answer.strip()),
        exact=judged.exact,
        parses=judged.parses,
        passed=judged.passed,
        reason=judged.reason,
    )


def show_progress() -> Progress:
    """Make the bar of a benchmark."""
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("in"),
        TimeElapsedColumn(),
        TextColumn("·"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    return Progress(*columns, console=Console(stderr=True))
