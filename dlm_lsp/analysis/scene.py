"""What a page or a picture of a decode shows: the place, the code around it, and one decode or several.

In and out: plain values. It also says how a token is written where white space must be seen. Knows no HTML and no plotting.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dlm_lsp.analysis.arness import Share, global_arness, local_arness
from dlm_lsp.analysis.trace import Event, Frame, Trace

MAX_K = 8
"""AR-ness@k is shown for k up to this."""


@dataclass(frozen=True, slots=True)
class Decode:
    """One decode and what came of it."""

    temperature: float
    seed: int
    trace: Trace
    answer: str
    """What an editor would be given; empty if nothing."""
    verdict: str
    """Of the judge, in words."""
    calls: int
    """Model calls of the whole request, those for lanes that were given up included."""
    ms: float
    drafts: int = 0
    """Calls of a second model that drafts; not among `calls`."""

    @property
    def local(self) -> tuple[float | None, ...]:
        """Local AR-ness@k from k = 1 on."""
        return tuple(local_arness(self.trace.order, k).value for k in range(1, MAX_K + 1))

    @property
    def global_(self) -> tuple[float | None, ...]:
        """Global AR-ness@k from k = 1 on."""
        return tuple(global_arness(self.trace.order, k).value for k in range(1, MAX_K + 1))

    @property
    def ranks(self) -> dict[int, int]:
        """By position in the answer: the how-manieth commit it was, from 0."""
        return {position: rank for rank, position in enumerate(self.trace.order)}

    @property
    def confidence(self) -> float | None:
        """The mean over the commits that stayed."""
        commits = self.trace.commits
        return fmean(commit.confidence for commit in commits) if commits else None

    @property
    def drawn(self) -> Share:
        """How many tokens are not the ones that the model found likeliest when they were committed."""
        asked = [commit for commit in self.trace.commits if commit.guess]
        return Share(sum(commit.text != commit.guess for commit in asked), len(asked))


@dataclass(frozen=True, slots=True)
class Scene:
    """A place in a file with its decodes; the first is shown step by step, all are compared."""

    place: str
    before: str
    """The lines of code before the hole that are shown."""
    behind: str
    facts: tuple[tuple[str, str], ...]
    """What was asked: model, sampler and the like, with their values."""
    decodes: tuple[Decode, ...]

    @property
    def numbers(self) -> tuple[tuple[str, str], ...]:
        """What came of the first decode, in numbers."""
        decode = self.decodes[0]
        tokens = len(decode.trace.answer.places)
        lost = ", ".join(f"{count} by {who}" for who, count in decode.trace.lost().items() if count)
        return (
            ("model calls", f"{decode.calls}{f' and {decode.drafts} of the drafter' if decode.drafts else ''}"),
            ("tokens", str(tokens)),
            ("tokens a call", f"{tokens / decode.calls:.2f}" if decode.calls else "-"),
            ("time", f"{decode.ms:.0f} ms"),
            ("taken back", lost or "nothing"),
            ("local AR-ness@1", percent(decode.local[0])),
            ("global AR-ness@1", percent(decode.global_[0])),
            ("verdict", decode.verdict),
        )


def mean_arness(decodes: Sequence[Decode], *, whole: bool) -> dict[float, tuple[float | None, ...]]:
    """Give AR-ness@k from k = 1 on by temperature, the mean of its draws: global where `whole`, else local."""
    means = {}
    for temperature in dict.fromkeys(decode.temperature for decode in decodes):
        curves = [each.global_ if whole else each.local for each in decodes if each.temperature == temperature]
        known = [[value for value in values if value is not None] for values in zip(*curves, strict=True)]
        means[temperature] = tuple(fmean(values) if values else None for values in known)
    return means


def percent(share: float | None) -> str:
    """Write a share."""
    return "-" if share is None else f"{100 * share:.0f} %"


def visible(text: str) -> str:
    """Write a token in one line so that its white space is seen: ⏎ a new line, · a blank, ·8 eight of them, → a tab."""
    text = re.sub(" {3,}", lambda blanks: f"·{len(blanks[0])}", text).replace(" ", "·")
    return re.sub(r"\r\n|\r|\n", "⏎", text).replace("\t", "→")


def headline(frame: Frame, number: int) -> str:
    """Say in a line what a step did."""
    if not number:
        return "nothing is written yet"
    counts: dict[str, int] = {}
    for cell in frame.cells.values():
        if cell.event is not Event.NOTHING:
            counts[cell.event] = counts.get(cell.event, 0) + 1
    done = ", ".join(f"{count} {event}" for event, count in counts.items()) or "nothing changed"
    back = f"; begins again with step {frame.parent}" if frame.parent != number - 1 else ""
    return f"{done}{back}"


def happenings(frame: Frame) -> Sequence[str]:
    """Say in a line each what was lost in a step, and why."""
    lines = []
    for cell in frame.cells.values():
        if cell.was is not None:
            instead = f", {visible(cell.text)!r} instead" if cell.text is not None else ""
            lines.append(f"{visible(cell.was)!r} {cell.event} by {cell.why}{instead}")
    return lines
