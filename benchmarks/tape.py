"""What happened while a recording was replayed, and what follows from it in numbers.

In: keys, questions, offers and the server's log, each with its time. Out: sums that can be added up over sessions, and the row of a
table made of them. Pure data: it types nothing and asks nobody.
"""

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.sessions import shared_chars

ANSWERED = re.compile(
    r"INFO dlm_lsp\.lsp\.\w+: request (\d+) v-?\d+ (\w+): (known from (\d+)|\w+),.*? (\d+) steps(?:,.* total=(\d+))?"
)
"""The front's line about a request: its number, why it was asked, what became of it, of whom that is known, its model calls."""
STOPPED = re.compile(r"dlm_lsp\.worker: request (\d+): cancelled, .*? (\d+) steps, (\d+) ms")
"""The worker's line about one that was taken back."""
LEFT = re.compile(r"INFO dlm_lsp\.lsp\.\w+: request (\d+) v-?\d+ \w+: cancelled$")
"""The front's line about the same."""


@dataclass(slots=True)
class Press:
    """One key, or one Tab that accepts."""

    at_ms: float
    kept: bool = False
    """Whether what was on the screen went on: the key was its next."""
    shown_ms: float | None = None
    """From the key to text that was not on the screen before; None where there was none before the next key."""


@dataclass(slots=True)
class Asked:
    """One question of the editor's."""

    press: int
    """Number of the press that it was asked after."""
    outcome: str = ""
    """`text` and `nothing` if it was answered before the next key, else `late`, or `cancelled`; empty while nobody knows."""
    cancel_ms: float | None = None
    """From taking it back to the answer to it."""


@dataclass(slots=True)
class Offer:
    """Text that was put on the screen."""

    answer: int
    """The server's number of the answer."""
    text: str
    typed: str
    """What really was typed there afterwards."""
    accepted_chars: int = 0

    @property
    def kept_chars(self) -> int:
        """How much of it the document would have kept."""
        return shared_chars(self.text, self.typed)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log, and when it was read."""

    at_ms: float
    text: str


@dataclass(slots=True)
class Tape:
    """One session."""

    presses: list[Press] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)
    keys_saved: int = 0
    front_cpu_s: float = 0.0
    worker_cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Work:
    """What the log tells of the model's work."""

    calls: dict[int, int]
    """By request."""
    calls_ms: dict[int, float]
    """How long a request took that was answered."""
    origin: dict[int, int]
    """Of answers that were known: the request that the model answered with it."""
    stopped: frozenset[int]
    """Requests that were taken back while the model worked."""
    ahead: frozenset[int]
    """Requests that nobody had made yet."""
    stop_ms: tuple[float, ...]
    """From the front's giving up a request to the worker's word that it has stopped."""


def read_log(lines: Iterable[Line]) -> Work:
    """Read what became of every request."""
    calls: dict[int, int] = {}
    calls_ms: dict[int, float] = {}
    origin: dict[int, int] = {}
    left: dict[int, float] = {}
    stopped: set[int] = set()
    ahead: set[int] = set()
    stop_ms: list[float] = []
    for line in lines:
        if found := STOPPED.search(line.text):
            number = int(found[1])
            calls[number] = int(found[2])
            stopped.add(number)
            if number in left:
                stop_ms.append(line.at_ms - left[number])
        elif found := LEFT.search(line.text):
            left[int(found[1])] = line.at_ms
        elif found := ANSWERED.search(line.text):
            number = int(found[1])
            calls.setdefault(number, int(found[5]))
            if found[2] == "ahead":
                ahead.add(number)
            if found[4]:
                origin[number] = int(found[4])
            elif found[6]:
                calls_ms[number] = float(found[6])
    return Work(calls, calls_ms, origin, frozenset(stopped), frozenset(ahead), tuple(stop_ms))


def as_row(tapes: Sequence[Tape]) -> dict[str, Any]:
    """Give the numbers of some sessions together."""
    presses = [press for tape in tapes for press in tape.presses]
    asked = [question for tape in tapes for question in tape.asked]
    offers = [offer for tape in tapes for offer in tape.offers]
    works = [read_log(tape.log) for tape in tapes]
    calls = sum(sum(work.calls.values()) for work in works)
    shown_chars = sum(len(offer.text) for offer in offers)
    fresh_ms = [press.shown_ms for press in presses if press.shown_ms is not None]
    outcomes = [question.outcome for question in asked]
    return {
        "presses": len(presses),
        "requests": len(asked),
        "answered_in_time": sum(outcome in {"text", "nothing"} for outcome in outcomes),
        "with_text_in_time": outcomes.count("text"),
        "cancelled": outcomes.count("cancelled"),
        "late": outcomes.count("late"),
        "known": sum(len(work.origin) for work in works),
        "presses_with_ghost_text": sum(press.kept or press.shown_ms is not None for press in presses),
        "kept_by_the_editor": sum(press.kept for press in presses),
        "key_to_new_text_ms": spread(fresh_ms),
        "offers": len(offers),
        "offers_right": sum(bool(offer.text) and offer.typed.startswith(offer.text) for offer in offers),
        "shown_chars": shown_chars,
        "survived_chars": sum(offer.kept_chars for offer in offers),
        "survived_percent": percent(sum(offer.kept_chars for offer in offers), shown_chars),
        "accepted_offers": sum(offer.accepted_chars > 0 for offer in offers),
        "accepted_chars": sum(offer.accepted_chars for offer in offers),
        "keys_saved": sum(tape.keys_saved for tape in tapes),
        "model_calls": calls,
        "calls_never_shown": calls - sum(map(_calls_shown, tapes, works)),
        "calls_never_shown_percent": percent(calls - sum(map(_calls_shown, tapes, works)), calls),
        "calls_stopped": sum(work.calls[number] for work in works for number in work.stopped),
        "calls_ahead": sum(work.calls[number] for work in works for number in work.ahead),
        "answer_ms": spread([ms for work in works for ms in work.calls_ms.values()]),
        "cancel_to_answer_ms": spread([each.cancel_ms for each in asked if each.cancel_ms is not None]),
        "cancel_to_stop_ms": spread([ms for work in works for ms in work.stop_ms]),
        "front_cpu_s": round(sum(tape.front_cpu_s for tape in tapes), 2),
        "worker_cpu_s": round(sum(tape.worker_cpu_s for tape in tapes), 2),
    }


def _calls_shown(tape: Tape, work: Work) -> int:
    """Give the model calls of all that was on the screen, at whatever key."""
    shown = {work.origin.get(offer.answer, offer.answer) for offer in tape.offers}
    return sum(work.calls.get(number, 0) for number in shown)


def percent(part: float, whole: float) -> float | None:
    """Give a share; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give count, median and the tail that one in twenty is slower than."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    tail = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
    return {"count": len(ordered), "p50": round(statistics.median(ordered), 1), "p95": round(tail, 1)}
