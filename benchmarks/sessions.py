"""Recordings of typing: the edits of real files, as keys with the time before each.

    python -m benchmarks.sessions my/repository --out typing.json     # what its commits have changed
    python -m benchmarks.sessions some/file.py --out typing.json      # the body of one of its functions, written again

In: git repositories and Python files. Out: a JSON file for `benchmarks.replay`. What is typed, and where, is real; commits do not
tell how fast it was typed, so that the times are drawn, with a seed, from `rhythm`, and kept in the file. What it does not know of
people: typing errors, and the order in which they edit (here from top to bottom). Of editors it knows that Enter indents the new line
as what follows needs; brackets are not closed by themselves.

`benchmarks/typing.json` was recorded of this repository, with `. dlm_lsp/engine/recall.py dlm_lsp/text/window.py
dlm_lsp/text/snippets.py --paths 'dlm_lsp/*.py' --sessions 4 --seed 5`.
"""

import argparse
import ast
import itertools
import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

from dlm_lsp.syntax.strict import Complaint, check_python, parse_python

SESSIONS = 7
MAX_KEYS = 130
"""Of one session."""
MAX_DOCUMENT_CHARS = 9_000
TYPED_CHARS = (80, 1_500)
"""What a commit has typed into a file, for it to be a session."""

WITHIN_WORD_MS, BETWEEN_WORDS_MS = 190, 270
"""Medians. Some 50 words of five letters a minute, as many thousands of people type prose (Dhakal et al., Observations on Typing from
136 Million Keystrokes, CHI 2018), are 240 ms a key; that code is typed so too is assumed."""
SPREAD = 0.4
"""Standard deviation of the logarithm of a time."""
LINE_PAUSE_MS = (1_000, 3_000)
"""Before the first key of a line: somebody thinks."""
EDIT_PAUSE_MS = (2_000, 4_000)
"""Before an edit: somebody goes to another place."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and the time that passes before it."""

    text: str
    """One character; or a line end with the indentation behind it, which editors insert."""
    after_ms: int


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done at one place: the cursor goes there, something is deleted at once, something is typed key by key."""

    offset: int
    """In the text as the edits before have left it."""
    delete_chars: int
    pause_ms: int
    keys: tuple[Key, ...]

    @property
    def text(self) -> str:
        """All that is typed."""
        return "".join(key.text for key in self.keys)

    def apply(self, text: str) -> str:
        """Give a text after the edit."""
        return text[: self.offset] + self.text + text[self.offset + self.delete_chars :]


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody edits one document."""

    name: str
    text: str
    """The document before."""
    edits: tuple[Edit, ...]

    @property
    def ms(self) -> int:
        """How long it takes if every key is pressed."""
        return sum(edit.pause_ms + sum(key.after_ms for key in edit.keys) for edit in self.edits)

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return sum(len(edit.keys) for edit in self.edits)


def first_keys(session: Session, keys: int) -> Session:
    """Cut a session off behind so many keys."""
    edits: list[Edit] = []
    for edit in session.edits:
        edits.append(replace(edit, keys=edit.keys[:keys]))
        keys -= len(edit.keys)
        if keys <= 0:
            break
    return replace(session, edits=tuple(edits))


def shorten(session: Session, ms: float) -> Session:
    """Cut a session off at the last key that is pressed within the time."""
    spent, keys = 0, 0
    for edit in session.edits:
        spent += edit.pause_ms
        for key in edit.keys:
            spent += key.after_ms
            if spent > ms:
                return first_keys(session, max(keys, 1))
            keys += 1
    return session


def as_keys(text: str) -> list[str]:
    """Give the keys that type a text."""
    return re.findall(r"\n[ \t]*|[^\n]", text)


def rhythm(keys: Iterable[str], rng: random.Random) -> tuple[Key, ...]:
    """Give keys their times: a lognormal one within a line, longer where a word begins or a sign stands; a pause at a line's start."""
    timed: list[Key] = []
    before = ""
    for key in keys:
        if before.startswith("\n") and not key.startswith("\n"):
            ms = rng.uniform(*LINE_PAUSE_MS)
        else:
            within = bool(re.fullmatch(r"\w\w", before[-1:] + key))
            ms = rng.lognormvariate(math.log(WITHIN_WORD_MS if within else BETWEEN_WORDS_MS), SPREAD)
        timed.append(Key(key, round(ms)))
        before = key
    return tuple(timed)


def changes(old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """Give how the one text becomes the other, from top to bottom: where, how much is deleted, what is typed.

    Where lines were changed, it is what differs of them. New lines begin with Enter at the end of the line above.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = list(itertools.accumulate(map(len, before), initial=0))
    moved = 0
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        removed, typed = "".join(before[i:i_end]), "".join(after[j:j_end])
        head = shared_chars(removed, typed)
        removed, typed = removed[head:], typed[head:]
        tail = shared_chars(removed[::-1], typed[::-1])
        removed, typed = removed[: len(removed) - tail], typed[: len(typed) - tail]
        at = starts[i] + head
        if not removed and typed.endswith("\n") and old[:at].endswith("\n"):
            at, typed = at - 1, "\n" + typed[:-1]
        yield at + moved, len(removed), typed
        moved += len(typed) - len(removed)


def shared_chars(one: str, other: str) -> int:
    """Give how far two texts begin alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (left, right) in pairs if left != right), min(len(one), len(other)))


def session_between(name: str, old: str, new: str, rng: random.Random) -> Session:
    """Record how the one text becomes the other."""
    edits = [
        Edit(at, delete, round(rng.uniform(*EDIT_PAUSE_MS)), rhythm(as_keys(typed), rng))
        for at, delete, typed in changes(old, new)
    ]
    return first_keys(Session(name, old, tuple(edits)), MAX_KEYS)


def from_history(repository: Path, paths: str, rng: random.Random) -> Iterator[Session]:
    """Record what commits have changed in Python files, in random order; no file twice."""
    log = _git(repository, "log", "--no-merges", "--diff-filter=M", "--format=%x00%h", "--name-only", "--", paths)
    commits = [entry.split() for entry in log.split("\0") if entry.strip()]
    changed = [(commit, path) for commit, *paths in commits for path in paths]
    rng.shuffle(changed)
    seen: set[str] = set()
    for commit, path in changed:
        if path in seen:
            continue
        old, new = (_git(repository, "show", f"{revision}:{path}") for revision in (f"{commit}^", commit))
        found = list(changes(old, new)) if len(old) <= MAX_DOCUMENT_CHARS and check_python(old) is None else []
        typed, deleted = sum(len(text) for _, _, text in found), sum(chars for _, chars, _ in found)
        low, high = TYPED_CHARS
        if low <= typed <= high and deleted <= typed / 2:
            seen.add(path)
            yield session_between(f"{path} at {commit}", old, new, rng)


def from_file(path: Path, rng: random.Random) -> Iterator[Session]:
    """Record the body of one of a file's functions, written anew behind its docstring."""
    text = path.read_text(encoding="utf-8")
    tree = parse_python(text)
    if isinstance(tree, Complaint):
        return
    bodies = [_body(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    low, high = TYPED_CHARS
    starts = list(itertools.accumulate(map(len, text.splitlines(keepends=True)), initial=0))
    spans = [(starts[first] - 1, starts[end] - 1) for first, end in bodies if first < end and first > 0]
    spans = [(start, end) for start, end in spans if low <= end - start <= high]
    if spans:
        start, end = rng.choice(spans)
        yield session_between(path.name, text[:start] + text[end:], text, rng)


def _body(node: ast.FunctionDef) -> tuple[int, int]:
    """Give the lines [first, end) of a body without its docstring."""
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        return first.end_lineno or first.lineno, node.end_lineno or 0
    decorators = [each.lineno for each in getattr(first, "decorator_list", ())]
    return min([first.lineno, *decorators]) - 1, node.end_lineno or 0


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def write(sessions: Iterable[Session], file: Path) -> None:
    """Write a recording; one line a session, so that it can be looked at."""
    lines = [
        json.dumps(
            {
                "name": session.name,
                "text": session.text,
                "edits": [
                    {
                        "offset": edit.offset,
                        "delete_chars": edit.delete_chars,
                        "pause_ms": edit.pause_ms,
                        "typed": edit.text,
                        "after_ms": [key.after_ms for key in edit.keys],
                    }
                    for edit in session.edits
                ],
            }
        )
        for session in sessions
    ]
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def read(file: Path) -> list[Session]:
    """Read a recording."""
    return [
        Session(
            session["name"],
            session["text"],
            tuple(
                Edit(
                    edit["offset"],
                    edit["delete_chars"],
                    edit["pause_ms"],
                    tuple(map(Key, as_keys(edit["typed"]), edit["after_ms"])),
                )
                for edit in session["edits"]
            ),
        )
        for session in json.loads(file.read_text(encoding="utf-8"))
    ]


def main() -> None:
    """Record, and say what was recorded."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sources", nargs="+", type=Path, help="git repositories or Python files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--paths", default="*.py", help="which files of a repository, as git names them")
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="of each repository")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    sessions: list[Session] = []
    for source in options.sources:
        found = from_history(source, options.paths, rng) if source.is_dir() else from_file(source, rng)
        sessions += itertools.islice(found, options.sessions)
    if not sessions:
        sys.exit("there is nothing to record: no edit of a fitting size")
    rng.shuffle(sessions)  # who replays only the first ones has some of each kind
    write(sessions, options.out)
    for session in sessions:
        print(f"{session.ms / 1000:6.1f} s  {session.keys:4} keys  {len(session.edits):3} edits  {session.name}")


if __name__ == "__main__":
    main()
