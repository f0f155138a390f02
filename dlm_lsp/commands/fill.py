"""`dlm-lsp fill FILE:LINE:COLUMN`: fill one hole and print the text; no file is changed.

In: a place as editors show it (without a file: in the text on stdin), settings. Out: the text on stdout, everything else on stderr; status 1 where there is no answer.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from dlm_lsp.commands.ask import Answer, open_model
from dlm_lsp.commands.picture import watch
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import Settings
from dlm_lsp.text.offsets import LineIndex
from dlm_lsp.values import Snapshot

_PAUSE_S = 0.06
_STDIN = "stdin.py"
"""What a text without a file is called."""


def fill(place: str, settings: Settings, *, watched: bool, as_json: bool) -> int:
    """Fill the hole at `place` and print what an editor would insert there."""
    snapshot = read_place(place)
    answer = asyncio.run(_ask(snapshot, settings, watched=watched))
    if as_json:
        print(json.dumps({"texts": answer.texts, "ms": round(answer.ms, 1), "result": asdict(answer.result)}))
    else:
        print("\n---\n".join(answer.texts), end="\n" if answer.texts else "")
    if not answer.texts:
        print(f"dlm-lsp: {answer.why_empty}", file=sys.stderr)
    return 0 if answer.texts else 1


async def _ask(snapshot: Snapshot, settings: Settings, *, watched: bool) -> Answer:
    async with open_model(settings) as model:
        if watched:
            console = Console(stderr=True)
            return await watch(lambda on_step: model.ask(snapshot, settings, on_step), snapshot, console, _PAUSE_S)
        return await model.ask(snapshot, settings)


def read_place(place: str) -> Snapshot:
    """Read FILE:LINE:COLUMN, or LINE:COLUMN for stdin; both count from 1, columns in characters."""
    name, line_text, column_text = ["", "", *place.rsplit(":", 2)][-3:]
    if not (line_text.isdecimal() and column_text.isdecimal()):
        raise DlmError(f"{place!r} is no place: write FILE:LINE:COLUMN, such as app.py:12:5.")
    return snapshot_at(_read(name), name or _STDIN, int(line_text), int(column_text))


def snapshot_at(text: str, name: str, line: int, column: int) -> Snapshot:
    """Give the document `name` with the cursor at a line and a column, both from 1."""
    lines = LineIndex(text)
    if not 1 <= line <= len(lines.starts):
        raise DlmError(f"{name} has lines 1 to {len(lines.starts)}, no line {line}.")
    start, end = lines.line_span(line - 1)
    if not 1 <= column <= end - start + 1:
        raise DlmError(f"Line {line} of {name} has columns 1 to {end - start + 1}, no column {column}.")
    return Snapshot(Path(name).absolute().as_uri(), "python", 1, text, start + column - 1)


def _read(name: str) -> str:
    """Read a file, or stdin, with the line ends it has."""
    try:
        data = Path(name).read_bytes() if name else sys.stdin.buffer.read()
        return data.decode("utf-8")
    except OSError as error:
        raise DlmError(f"{name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DlmError(f"{name} is not UTF-8 text.") from error
