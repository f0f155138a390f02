"""`dlm-lsp fill FILE:LINE:COLUMN`: fill one hole and print the text, or put it into the file with `--apply`.

In: a place as editors show it, settings. Out: the text on stdout, everything else on stderr; status 1 where there is no answer, 2 where
there can be none.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from dlm_lsp.commands.ask import Answer, open_model
from dlm_lsp.commands.picture import watch
from dlm_lsp.commands.source import STDIN, Source, read_source, write_source
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import Settings
from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.text.private import private_rule
from dlm_lsp.values import Outcome, Snapshot

_PAUSE_S = 0.06
_STDIN_NAME = "stdin.py"
"""What a text without a file is called."""


def fill(place: str, at: str | None, settings: Settings, *, watched: bool, as_json: bool, apply: bool) -> int:
    """Fill the hole at a place and print what an editor would insert there."""
    if apply and read_place(place, at)[0] == STDIN:
        raise DlmError("--apply needs a file: what comes from stdin cannot be written back.")
    source, snapshot = open_place(place, at, settings)
    answer = asyncio.run(_ask(snapshot, settings, watched=watched))
    applied = write_source(source, completed(snapshot, answer.best)) if apply and answer.texts else None
    if as_json:
        told = {"texts": answer.texts, "ms": round(answer.ms, 1), "applied": applied and str(applied)}
        print(json.dumps({**told, "result": asdict(answer.result)}))
    elif applied:
        print("{}: {} characters at {}:{}".format(source.name, len(answer.best), *read_place(place, at)[1:]))
    else:
        print("\n---\n".join(answer.texts), end="\n" if answer.texts else "")
    if not answer.texts:
        print(f"dlm-lsp: {answer.why_empty}", file=sys.stderr)
    if answer.result.outcome is Outcome.FAILED:
        return 2
    return 0 if answer.texts else 1


async def _ask(snapshot: Snapshot, settings: Settings, *, watched: bool) -> Answer:
    async with open_model(settings) as model:
        if watched:
            console = Console(stderr=True)
            return await watch(lambda on_step: model.ask(snapshot, settings, on_step), snapshot, console, _PAUSE_S)
        return await model.ask(snapshot, settings)


def open_place(place: str, at: str | None, settings: Settings) -> tuple[Source, Snapshot]:
    """Read the file of a place, unless no model may see it, and put the cursor there."""
    name, line, column = read_place(place, at)
    for path in {name, os.path.realpath(name)}:
        if rule := private_rule(path, settings.exclude):
            raise DlmError(f"{name} is private ({rule}): no model reads it.")
    source = read_source(name)
    return source, snapshot_at(source.text, _STDIN_NAME if name == STDIN else name, line, column)


def read_place(place: str, at: str | None = None) -> tuple[str, int, int]:
    """Read FILE:LINE:COLUMN, or FILE beside `at`; without a file, or with -, it is stdin. Line and column count from 1."""
    name, line_text, column_text = ["", "", *(place if at is None else f"{place}:{at}").rsplit(":", 2)][-3:]
    if not (line_text.isdecimal() and column_text.isdecimal()):
        wrong = place if at is None else at
        raise DlmError(f"{wrong!r} is no place: write FILE:LINE:COLUMN, such as app.py:12:5, or FILE --at LINE:COLUMN.")
    return name or STDIN, int(line_text), int(column_text)


def snapshot_at(text: str, name: str, line: int, column: int) -> Snapshot:
    """Give the document `name` with the cursor at a line and a column, both from 1, columns in characters."""
    ends = [(match.start(), match.end()) for match in LINE_END.finditer(text)]
    if not 1 <= line <= len(ends) + 1:
        raise DlmError(f"{name} has lines 1 to {len(ends) + 1}, no line {line}.")
    start = ends[line - 2][1] if line > 1 else 0
    end = ends[line - 1][0] if line <= len(ends) else len(text)
    if not 1 <= column <= end - start + 1:
        raise DlmError(f"Line {line} of {name} has columns 1 to {end - start + 1}, no column {column}.")
    return Snapshot(Path(name).absolute().as_uri(), "python", 1, text, start + column - 1)


def completed(snapshot: Snapshot, filling: str) -> str:
    """Give the text with the filling at its cursor."""
    return snapshot.text[: snapshot.cursor] + filling + snapshot.text[snapshot.cursor :]
