"""What `doctor` and `models check` say of the things that they look at.

In: findings, one after another. Out: lines for people or JSON for programs, and an exit status. Knows nothing of what is looked at.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    NOTE = "note"  # worth knowing; nothing fails for it
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    what: str
    remedy: str = ""
    """What to do about it."""


def ok(what: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(Level.OK, what)


def note(what: str, remedy: str = "") -> Finding:
    """Say something that is worth knowing."""
    return Finding(Level.NOTE, what, remedy)


def fail(what: str, remedy: str = "") -> Finding:
    """Say that something does not work."""
    return Finding(Level.FAIL, what, remedy)


def report(findings: Iterable[Finding], *, as_json: bool) -> int:
    """Print findings as they come, or all at once as JSON; the exit status is 0 if nothing fails, else 1."""
    seen = []
    for finding in findings:
        seen.append(finding)
        if not as_json:
            print(f"{finding.level:4} {finding.what}", flush=True)
            if finding.remedy:
                print(f"     -> {finding.remedy}", flush=True)
    works = all(finding.level is not Level.FAIL for finding in seen)
    if as_json:
        print(json.dumps({"works": works, "findings": [asdict(finding) for finding in seen]}, indent=1))
    else:
        print("Everything works." if works else "Something does not work: see the lines marked FAIL.")
    return 0 if works else 1
