"""The holes of a benchmark: read from JSON lines, laid out as an editor shows them, and filled by rules without a model.

In: files whose lines hold task_id, prefix, suffix, canonical, test, entry_point and kind (the form of HumanEval Infilling); without
a test, and the entry point that it is called with, a hole can be measured too, but nothing passes.
Out: `Case`s. Knows neither model nor sandbox.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from dlm_lsp.errors import DlmError
from dlm_lsp.values import Snapshot

WHOLE_LINES = {"single-line", "multi-line"}
"""Kinds whose prefix ends with a line end and whose completion owes one."""
_OPTIONAL = {"test": "", "entry_point": ""}


@dataclass(frozen=True, slots=True)
class Case:
    """One hole, what stood in it, and the test, if any, that tells whether an answer will do."""

    task_id: str
    prefix: str
    suffix: str
    canonical: str
    test: str
    entry_point: str
    kind: str

    @property
    def snapshot(self) -> Snapshot:
        """The document as an editor shows it: a hole of whole lines is an empty line of its own."""
        text = self.prefix + self._line_end + self.suffix
        return Snapshot("file:///benchmark/solution.py", "python", 1, text, cursor=len(self.prefix))

    @property
    def document(self) -> str:
        """What the hole was cut out of: holes of one document are kin."""
        return self.prefix + self.canonical + self.suffix

    @property
    def truth(self) -> str:
        """What stood there, without the line end that an editor has behind the hole anyway."""
        return self.canonical.removesuffix(self._line_end)

    @property
    def _line_end(self) -> str:
        return "\n" if self.kind in WHOLE_LINES else ""

    def completion(self, answer: str) -> str:
        """Give what stands between prefix and suffix once an editor has inserted `answer` at the cursor."""
        return answer + self._line_end

    def program(self, completion: str) -> str:
        """Give the program that runs to its end if the completion is right."""
        return f"{self.prefix}{completion}{self.suffix}\n{self.test}\ncheck({self.entry_point})\n"


def read_cases(paths: Sequence[Path], limit: int | None = None) -> list[Case]:
    """Read the holes of several files, at most `limit` of each kind."""
    chosen: list[Case] = []
    known: set[str] = set()
    of_kind: dict[str, int] = {}
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").split("\n")  # splitlines would also cut at a U+2028 in a string
        except OSError as error:
            raise DlmError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise DlmError(f"{path} is not UTF-8 text.") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            case = _read_case(line, f"{path}, line {number}")
            if case.task_id in known:
                raise DlmError(
                    f"{path}, line {number}: there is a hole {case.task_id!r} already; each needs its own task_id."
                )
            of_kind[case.kind] = of_kind.get(case.kind, 0) + 1
            known.add(case.task_id)
            if limit is None or of_kind[case.kind] <= limit:
                chosen.append(case)
    return chosen


def _read_case(line: str, place: str) -> Case:
    """Read one hole; what is null counts as missing."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DlmError(f"{place} is no JSON.") from error
    told = {name: str(value) for name, value in row.items() if value is not None} if isinstance(row, dict) else {}
    names = {field.name for field in fields(Case)}
    if missing := sorted(names - _OPTIONAL.keys() - told.keys()):
        raise DlmError(f"{place} is no hole: it lacks {', '.join(missing)}.")
    return Case(**_OPTIONAL | {name: value for name, value in told.items() if name in names})


def _statement(word: str) -> Callable[[Case], str]:
    """Fill with one statement, indented like the line above, or deeper behind a colon."""

    def fill(case: Case) -> str:
        above = case.prefix.rstrip().rpartition("\n")[2]
        indent = above[: len(above) - len(above.lstrip())] + ("    " if above.endswith(":") else "")
        return f"{indent}{word}\n"

    return fill


def _line_above(case: Case) -> str:
    return case.prefix.rstrip("\n").rpartition("\n")[2] + "\n"


def _line_below(case: Case) -> str:
    return case.suffix.partition("\n")[0] + "\n"


FLOORS: dict[str, Callable[[Case], str]] = {
    "empty": lambda _: "",
    "pass": _statement("pass"),
    "return": _statement("return None"),
    "previous": _line_above,
    "next": _line_below,
}
"""Completions that need no model: what any model must beat."""
