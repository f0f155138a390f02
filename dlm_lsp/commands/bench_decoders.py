"""`dlm-lsp bench decoders`: every sampler, cache and length on the same holes, through the server's own path.

In: files of holes, settings, ways to decode. Out: tables, and beside `--out` JSON, Markdown, a picture, and FILE.cases.jsonl with every
finished case, from which a run that was interrupted, or whose minutes were over, goes on; several tables may share one such file.

Of every way and hole two things are asked: to fill it, with and without guidance, and how likely what really stood there is when it is
written in the order of this way (`sampling.forced`): nats per token, which say more than the few exact answers of a small model.
Holes are taken in a drawn order, and only those count that every way has finished. All models compute in one number format, the first
one's, which the results name.
"""

import asyncio
import json
import os
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from dlm_lsp import __version__
from dlm_lsp.commands.ask import Model, open_model
from dlm_lsp.commands.bench import show_progress
from dlm_lsp.commands.cases import Case, read_cases
from dlm_lsp.commands.decoder_tables import Tried, markdown, summarise
from dlm_lsp.commands.ledger import Ledger
from dlm_lsp.commands.pareto import draw_fronts
from dlm_lsp.commands.sandbox import Trial
from dlm_lsp.commands.trial import Judged, Trials, judge
from dlm_lsp.commands.variants import Attempt, answered, attempt
from dlm_lsp.commands.ways import Way, choose_ways
from dlm_lsp.decoders import ORACLE
from dlm_lsp.errors import DlmError, SettingsError, WorkerError
from dlm_lsp.settings import Settings
from dlm_lsp.values import Outcome, Snapshot

_TRIAL = Snapshot("file:///benchmark/trial.py", "python", 1, "x = (1 + \n)\n", len("x = (1 + "))
_TRIAL_TRUTH = "2"


class Likelihood(StrEnum):
    """Whether it is asked how likely the truth is."""

    YES = "yes"
    NO = "no"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do."""

    holes: Sequence[Path]
    samplers: Sequence[str]
    caches: Sequence[str] = ("none",)
    lengths: Sequence[str] = ("auto",)
    sweep: Sequence[str] = ()
    """Samplers that are measured at several values of their knob."""
    likelihood: Likelihood = Likelihood.YES
    calls: Sequence[float] = ()
    """Mean model calls of a hole at which all are compared, beside the comparison at each one's own."""
    limit: int | None = None
    minutes: float = 0.0
    """0 is without end."""
    jobs: int = 2
    out: Path | None = None
    cases: Path | None = None
    """Where finished cases are kept; None is beside `out`."""

    @property
    def ledger(self) -> Path | None:
        """Where finished cases are kept, if anywhere."""
        return self.cases or (self.out.with_suffix(".cases.jsonl") if self.out else None)


def bench_decoders(plan: Plan, settings: Settings) -> int:
    """Measure, print the tables, write the files."""
    if plan.out is not None and (plan.out.suffix != ".json" or plan.out.is_dir()):
        raise DlmError(f"--out names a file that ends in .json, not {plan.out}.")
    if plan.out is not None:
        try:
            plan.out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DlmError(f"{plan.out} cannot be written: {error.strerror}.") from error
    ways = choose_ways(plan.samplers, plan.caches, plan.lengths, plan.sweep)
    cases = read_cases(plan.holes, plan.limit)
    if not cases:
        raise DlmError("there is no hole in these files.")
    report = asyncio.run(_measure(plan, in_turns(cases), ways, settings))
    text = markdown(report)
    print(text, end="")
    if plan.out is not None:
        plan.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        plan.out.with_suffix(".md").write_text(text, encoding="utf-8")
        print(draw_fronts(report, plan.out.with_suffix(".svg")), file=sys.stderr)
    return 0 if report["cases"] else 1


def _goes_on(plan: Plan) -> str:
    """Say what becomes of what is finished where a run ends early."""
    if plan.ledger is None:
        return "nothing is kept without --out; with it the same command would go on."
    return f"the same command goes on where this one stopped; what is finished is in {plan.ledger}."


def in_turns(cases: Sequence[Case]) -> list[Case]:
    """Draw the order of the holes: one of every document, then a second one of every document, and so on.

    A model keeps what it has computed of the last few documents (`models.kept_context`). Two holes of one document in succession
    would share it, and their answers would depend on which of several models is asked first, and when.
    """
    drawn = list(cases)
    random.Random(0).shuffle(drawn)
    seen: Counter[str] = Counter()
    turns: dict[str, int] = {}
    for case in drawn:
        turns[case.task_id] = seen[case.document]
        seen[case.document] += 1
    return sorted(drawn, key=lambda case: turns[case.task_id])


async def _measure(plan: Plan, cases: Sequence[Case], ways: Sequence[Way], settings: Settings) -> dict[str, Any]:
    """Try every hole in every way, but for what is on disk already, until all is done or the minutes are over."""
    until = time.monotonic() + plan.minutes * 60 if plan.minutes else float("inf")
    async with AsyncExitStack() as stack:
        models = [await stack.enter_async_context(open_model(settings))]
        hello = models[0].hello
        # `auto` might choose another format for the next one.
        alike = replace(settings, dtype=hello.dtype or settings.dtype)
        models += [await stack.enter_async_context(open_model(alike)) for _ in range(1, plan.jobs)]
        setup = {
            "model": Path(hello.model).name,
            "model_hash": hello.model_hash,
            "device": hello.device,
            "dtype": hello.dtype,
            "likelihood": plan.likelihood,
            "settings": {k: v for k, v in asdict(settings).items() if k not in {"model", "device", *_OWN}},
        }
        ledger = Ledger(plan.ledger, setup, Tried)
        run = _Run(settings, plan.likelihood, known_trials(ledger.rows, cases))
        refused = await run.refused(ways, models[0])
        able = [way for way in ways if way.name not in refused]
        if not able:
            raise SettingsError(next(iter(refused.values())))
        wanted = {(way.name, case.task_id) for way in able for case in cases}
        done = {(row.way, row.task_id) for row in ledger.rows} & wanted
        if done:
            known = f"{len(done)} of {len(wanted)} fillings are known from {plan.ledger}"
            print(f"dlm-lsp: {known}; remove it if a sampler or a hole has changed since.", file=sys.stderr)
        todo = iter([case for case in cases if any((way.name, case.task_id) not in done for way in able)])
        with show_progress() as progress:
            bar = progress.add_task("fillings", total=len(wanted), completed=len(done))

            async def work(model: Model) -> bool:
                """Take holes until none is left; say whether the minutes sufficed."""
                for case in todo:  # all ways of a hole by one model, which remembers what was asked about it
                    await run.prepare(case, able[0], model)
                    for way in able:
                        if time.monotonic() > until:
                            return False
                        if (way.name, case.task_id) not in done:
                            ledger.add(await run.measure(case, way, model))
                            progress.advance(bar)
                return True

            try:
                sufficed = await asyncio.gather(*map(work, models))
            except (asyncio.CancelledError, WorkerError):  # Ctrl-C, or a model that broke down
                print(f"dlm-lsp: {_goes_on(plan)}", file=sys.stderr)
                raise
        if not all(sufficed):
            print(f"dlm-lsp: the minutes are over: {_goes_on(plan)}", file=sys.stderr)
    return {
        "script": "dlm-lsp bench decoders",
        "version": __version__,
        **setup,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "jobs": plan.jobs,
        "holes": [path.name for path in plan.holes],
        "refused": refused,
        **summarise(ledger.rows, cases, able, plan.calls, repairs=settings.repair_rounds > 0),
    }


def known_trials(rows: Sequence[Tried], cases: Sequence[Case]) -> Trials:
    """Give what an earlier run has found out about completions by their tests."""
    by_id = {case.task_id: case for case in cases}
    found: Trials = {}
    for row in rows:
        case = by_id.get(row.task_id)
        for answer, passed in ((row.answer, row.passed), (row.guided_answer, row.guided_passed)):
            if case and answer:
                found[case.task_id, case.completion(answer)] = Trial(passed, "as an earlier run has found")
    return found


_QUICK = "threshold:threshold=0"
"""Writes everything at once."""
_OWN = {"sampler", "cache", "length"}
"""Settings that a way decides."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What all holes and ways have in common."""

    settings: Settings
    likelihood: Likelihood
    trials: Trials = field(default_factory=dict)

    async def refused(self, ways: Sequence[Way], model: Model) -> dict[str, str]:
        """Try every way on a hole of one token; say of those that this model cannot go why."""
        found = {}
        for way in ways:
            if self.likelihood is Likelihood.ONLY and way.is_strategy:
                found[way.name] = "it orders the model calls itself, so there is no likelihood"
                continue
            request = replace(model.request(_TRIAL, way.apply(self.settings)), truth=(_TRIAL_TRUTH,))
            result = await model.fill(request)
            if result.outcome is Outcome.FAILED:
                found[way.name] = result.message
        for name, why in found.items():
            print(f"dlm-lsp: {name} is left out: {why}", file=sys.stderr)
        return found

    async def prepare(self, case: Case, way: Way, model: Model) -> None:
        """Have the text around a hole computed: the first to be asked would take that time, and begin with other roundings than the rest."""
        if self.likelihood is not Likelihood.ONLY:
            quick = replace(way.apply(self.settings), sampler=_QUICK, repair_rounds=0)
            await model.fill(replace(model.request(case.snapshot, quick), truth=(case.truth,)))

    async def measure(self, case: Case, way: Way, model: Model) -> Tried:
        """Measure one hole in one way."""
        row = Tried(way.name, case.task_id, case.kind)
        if self.likelihood is not Likelihood.ONLY:
            row = await self._fill(row, case, way, model)
        if self.likelihood is not Likelihood.NO and not way.is_strategy:
            row = await self._force(row, case, way, model)
        return row

    async def _fill(self, row: Tried, case: Case, way: Way, model: Model) -> Tried:
        """Fill the hole, and judge what stood there before and after guidance."""
        truth = case.truth if way.length == ORACLE else ""
        found = await attempt(case.snapshot, model, way.apply(self.settings), resample=False, truth=truth)
        plain, guided = found["unguided"], found["guided"]
        before, after = await self._judge(case, plain), await self._judge(case, guided)
        return replace(
            row,
            answer=plain.text,
            exact=before.exact,
            parses=before.parses,
            passed=before.passed,
            calls=plain.steps,
            ms=round(plain.ms, 1),
            tokens=plain.shown_tokens,
            guided_answer=guided.text,
            guided_exact=after.exact,
            guided_parses=after.parses,
            guided_passed=after.passed,
            guided_calls=guided.steps,
            guided_ms=round(guided.ms, 1),
            draft_calls=guided.draft_steps,
        )

    async def _judge(self, case: Case, found: Attempt) -> Judged:
        if not found.text.strip():
            return Judged(reason=found.why_empty)
        return await asyncio.to_thread(judge, case, case.completion(found.text), self.trials)

    async def _force(self, row: Tried, case: Case, way: Way, model: Model) -> Tried:
        """Ask how likely the truth is when it is written in the order of this way."""
        plain = replace(way.apply(self.settings), repair_rounds=0, length=ORACLE)
        request = replace(model.request(case.snapshot, plain), truth=(case.truth,), forced=True)
        result = await answered(model, request)
        if result.outcome is Outcome.LATE:
            raise WorkerError(result.message or "there was no answer within the time: raise --deadline-ms")
        if not result.candidates:  # nothing but white space was hidden
            return replace(row, nats=0.0)
        written = result.candidates[0]
        tokens = len(written.token_confidence)
        return replace(
            row, nats=round(-written.mean_logprob * tokens, 4), truth_tokens=tokens, forced_calls=written.steps
        )
