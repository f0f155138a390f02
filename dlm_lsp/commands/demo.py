"""`dlm-lsp demo`: fill the holes of the example files, to watch, and say how each answer did.

In: settings and the folder of examples (holes.json names file, line, column and test of each). Out: pictures, a table, and status
1 where an answer is missing or does not parse. What an example's own test says is printed and decides nothing.
"""

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlm_lsp.commands import picture
from dlm_lsp.commands.ask import Answer, Model, open_model
from dlm_lsp.commands.fill import snapshot_at
from dlm_lsp.commands.sandbox import run_untrusted
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import Settings
from dlm_lsp.syntax.strict import check_python
from dlm_lsp.values import Snapshot

_PAUSE_S = 0.08
_SECOND_TRY = 4
"""Candidates that are asked for where the first answer does not fit, as a person would who presses the key again."""
_DEADLINE_MS = 20_000
"""On a slow machine a demonstration takes longer, it does not give up."""

RUN_TESTS = """
for name, value in list(globals().items()):
    if name.startswith("test_"):
        value()
"""
"""Appended to an example's test file."""


@dataclass(frozen=True, slots=True)
class Example:
    """One unfinished file, the cursor in its hole, and the test of the finished one."""

    title: str
    place: str
    module: str
    """File name of the finished text, as the test imports it."""
    snapshot: Snapshot
    test: str
    answer: str
    """What its author had there."""

    def complete(self, answer: str) -> str:
        """Give the file with `answer` in its hole."""
        text, cursor = self.snapshot.text, self.snapshot.cursor
        return text[:cursor] + answer + text[cursor:]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one example went."""

    example: Example
    answer: Answer
    parses: bool
    test: str


def demo(settings: Settings, folder: Path | None, *, fast: bool) -> int:
    """Fill every example and give the exit status."""
    examples = read_examples(find_examples(folder))
    console = Console()
    attempts = asyncio.run(_fill_all(examples, settings, console, 0.0 if fast else _PAUSE_S))
    console.print("\n", _table(attempts))
    good = sum(attempt.parses for attempt in attempts)
    console.print(f"{good} of {len(attempts)} holes have an answer that parses.")
    return 0 if good == len(attempts) else 1


def find_examples(folder: Path | None) -> Path:
    """Give the folder of examples: the one named, else that of a clone of the repository."""
    places = [folder] if folder else [Path("examples"), Path(__file__).parents[2] / "examples"]
    for place in places:
        if (place / "holes.json").is_file():
            return place
    raise DlmError(
        f"There is no holes.json in {' or '.join(map(str, places))}: run this in a clone of the repository, "
        "or name its folder with --examples."
    )


def read_examples(folder: Path) -> list[Example]:
    """Read all examples of a folder."""
    try:
        return [
            Example(
                title=row["title"],
                place=f"{row['file']}:{row['line']}:{row['column']}",
                module=Path(row["file"]).name,
                snapshot=snapshot_at(
                    _read(folder / row["file"]), str(folder / row["file"]), row["line"], row["column"]
                ),
                test=_read(folder / row["test"]),
                answer=row["answer"],
            )
            for row in json.loads(_read(folder / "holes.json"))
        ]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DlmError(f"The examples in {folder} cannot be read ({type(error).__name__}: {error}).") from error


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


async def _fill_all(examples: list[Example], settings: Settings, console: Console, pause_s: float) -> list[Attempt]:
    patient = replace(settings, deadline_ms=_DEADLINE_MS)
    with console.status(f"Loading model {escape(settings.model)} …") as status:
        async with open_model(settings) as model:
            status.stop()
            console.print(f"Model {escape(model.hello.model)} on {model.hello.device}.", highlight=False)
            if console.is_terminal:
                console.print(picture.LEGEND)
            return [await _fill_one(example, model, patient, console, pause_s) for example in examples]


async def _fill_one(example: Example, model: Model, settings: Settings, console: Console, pause_s: float) -> Attempt:
    console.print(f"\n[bold]{escape(example.title)}[/]  {escape(example.place)}", highlight=False)
    answer = await _ask(example, model, settings, console, pause_s)
    if not answer.texts:
        console.print(f"No answer: {escape(answer.why_empty)}\nOnce more, for {_SECOND_TRY} candidates.")
        answer = await _ask(example, model, replace(settings, candidates=_SECOND_TRY), console, pause_s)
    attempt = await asyncio.to_thread(judge, example, answer)
    if answer.texts:
        console.print(picture.finished(example.snapshot, answer.best))
    else:
        console.print(f"No answer: {escape(answer.why_empty)}")
    console.print(
        f"{answer.steps} model calls, {answer.ms:.0f} ms, {_parses(attempt)}, test: {attempt.test}", highlight=False
    )
    return attempt


async def _ask(example: Example, model: Model, settings: Settings, console: Console, pause_s: float) -> Answer:
    """Ask, with a picture where there is a terminal."""
    if not console.is_terminal:
        return await model.ask(example.snapshot, settings)
    return await picture.watch(
        lambda on_step: model.ask(example.snapshot, settings, on_step), example.snapshot, console, pause_s
    )


def judge(example: Example, answer: Answer) -> Attempt:
    """Parse the finished file and run its test."""
    if not answer.best.strip():
        return Attempt(example, answer, parses=False, test="not run")
    text = example.complete(answer.best)
    if check_python(text) is not None:
        return Attempt(example, answer, parses=False, test="not run")
    try:
        trial = run_untrusted(example.test + RUN_TESTS, {example.module: text})
    except DlmError:
        return Attempt(example, answer, parses=True, test="not run on this system")
    return Attempt(example, answer, parses=True, test="passed" if trial.passed else f"failed ({trial.reason})")


def _parses(attempt: Attempt) -> str:
    return "parses" if attempt.parses else "does not parse" if attempt.answer.texts else "no answer"


def _table(attempts: list[Attempt]) -> Table:
    table = Table("example", "model calls", "ms", "verdict", "its test", title="Summary", title_justify="left")
    for attempt in attempts:
        answer = attempt.answer
        name = attempt.example.module.removesuffix(".py")
        table.add_row(name, str(answer.steps), f"{answer.ms:.0f}", _parses(attempt), attempt.test)
    return table
