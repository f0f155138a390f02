"""A decode as one can look at it: every place that its hole ever had, and what happened to each in every step.

In: the `Step`s of one hole, as the worker sends them to who traces. Out: a `Trace`: frames over common columns, and the commits that
made the finished text, in order. It follows a place while the hole grows and shrinks, and a text that is given up for an earlier
one takes its commits along. Knows no model and draws nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dlm_lsp.analysis.arness import commit_order
from dlm_lsp.values import Slot, Step


class Event(StrEnum):
    """What a step did to a place."""

    NOTHING = ""
    COMMITTED = "committed"
    REWRITTEN = "rewritten"  # another token instead, without a mask between
    TAKEN_BACK = "taken back"
    GROWN = "grown"  # the hole has this place from now on
    DROPPED = "dropped"  # and has it no more


@dataclass(frozen=True, slots=True)
class Cell:
    """One place after one step."""

    text: str | None
    """None where it is masked."""
    confidence: float = 0.0
    """Of the token, when it was decided."""
    event: Event = Event.NOTHING
    was: str | None = None
    """What stood there before, where that is gone."""
    why: str = ""
    """Who took it: 'sampler', 'length', or 'syntax: …' with the parser's words."""
    guess: str = ""
    guess_share: float = 0.0
    """As in `values.Slot`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The hole after one step."""

    calls: int
    """Model calls so far."""
    ms: float
    round: int
    parent: int
    """The frame that this one was made of: the one before it, or an earlier one whose text was the better one; -1 at the start."""
    cells: Mapping[int, Cell]
    """By place; those that the hole has, and those that this step dropped."""
    commits: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    """By place: in which frame the token that stands there was committed, and how sure it was."""

    @property
    def places(self) -> tuple[int, ...]:
        """The places that the hole has, left to right."""
        return tuple(place for place, cell in self.cells.items() if cell.event is not Event.DROPPED)

    @property
    def text(self) -> str:
        """What is decided, joined."""
        return "".join(self.cells[place].text or "" for place in self.places)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the judge of the text took something back, in his words; each once, the short ones first."""
        said = {cell.why.partition(": ")[2] for cell in self.cells.values() if cell.why.startswith("syntax")}
        return tuple(sorted(said, key=lambda reason: (len(reason), reason)))

    @property
    def masked(self) -> int:
        """How many places are masked."""
        return sum(self.cells[place].text is None for place in self.places)

    def having(self, *events: Event) -> dict[int, Cell]:
        """Give the places to which one of these happened."""
        return {place: cell for place, cell in self.cells.items() if cell.event in events}


@dataclass(frozen=True, slots=True)
class Commit:
    """One token of the finished text, and how it came there."""

    position: int
    """In the finished text, in tokens."""
    place: int
    frame: int
    text: str
    confidence: float
    guess: str
    """What the model found likeliest there; another text where the token was drawn."""


@dataclass(frozen=True, slots=True)
class Trace:
    """All steps of one lane."""

    columns: tuple[int, ...]
    """Every place that the hole ever had, left to right."""
    frames: tuple[Frame, ...]
    last: int
    """The frame whose text is the answer; later ones were given up."""

    @property
    def answer(self) -> Frame:
        """The frame whose text is the answer."""
        return self.frames[self.last]

    @property
    def first_look(self) -> tuple[tuple[int, float], ...]:
        """The place in the hole, from 1, and the share of the likeliest token, where the model was first asked; a draft may come before."""
        for frame in self.frames:
            cells = enumerate((frame.cells[place] for place in frame.places), start=1)
            if looks := tuple((number, cell.guess_share) for number, cell in cells if cell.guess):
                return looks
        return ()

    @property
    def commits(self) -> tuple[Commit, ...]:
        """The commits that made the answer, in the order of `arness`; masks that were left are no commits."""
        decided = [
            (position, place, *self.answer.commits[place])
            for position, place in enumerate(self.answer.places)
            if place in self.answer.commits
        ]
        order = commit_order([each[2] for each in decided], [each[3] for each in decided])
        return tuple(self._commit(*decided[n]) for n in order)

    @property
    def order(self) -> tuple[int, ...]:
        """Positions in the answer by the time of their commit."""
        return tuple(commit.position for commit in self.commits)

    @property
    def kept(self) -> frozenset[int]:
        """The numbers of the frames that led to the answer; the others were given up."""
        numbers = set()
        number = self.last
        while number >= 0:
            numbers.add(number)
            number = self.frames[number].parent
        return frozenset(numbers)

    def lost(self) -> dict[str, int]:
        """Count the tokens that were written and did not stay, by who took them."""
        counts = {"syntax": 0, "sampler": 0, "length": 0}
        for frame in self.frames:
            for cell in frame.cells.values():
                if cell.was is not None:
                    counts[cell.why.partition(":")[0]] += 1
        return counts

    def _commit(self, position: int, place: int, frame: int, confidence: float) -> Commit:
        cell = self.frames[frame].cells[place]
        return Commit(position, place, frame, cell.text or "", confidence, cell.guess)


def trace(steps: Sequence[Step], answer: str | None = None) -> Trace:
    """Make a trace of the steps of one lane, of its first hole; `answer` is the text, untrimmed, that was chosen in the end."""
    builder = _Builder()
    for step in steps:
        builder.add(step)
    frames = builder.frames
    chosen = [number for number, frame in enumerate(frames) if not frame.masked and frame.text == answer]
    return Trace(tuple(builder.columns), tuple(frames), chosen[-1] if chosen else len(frames) - 1)


class _Builder:
    """Adds steps one by one."""

    def __init__(self) -> None:
        self.columns: list[int] = []
        self.frames: list[Frame] = []
        self._slots: list[dict[int, Slot]] = []
        """Per frame: place to slot."""

    def add(self, step: Step) -> None:
        """Add the frame of a step."""
        slots = step.slots[0]
        parent = self._parent(slots)
        before = self._slots[parent] if self.frames else {}
        now = self._find_places(slots, before)
        commits = dict(self.frames[parent].commits) if self.frames else {}
        cells: dict[int, Cell] = {}
        for place, slot in now.items():
            cell = _compare(slot, before.get(place), is_new=bool(self.frames) and place not in before)
            if cell.event in {Event.COMMITTED, Event.REWRITTEN}:
                commits[place] = (len(self.frames), cell.confidence)
            elif cell.event is Event.TAKEN_BACK:
                commits.pop(place, None)
            cells[place] = cell
        for place in before.keys() - now.keys():
            was = before[place].text
            cells[place] = Cell(None, event=Event.DROPPED, was=was, why="length")
            commits.pop(place, None)
        ordered = {place: cells[place] for place in self.columns if place in cells}
        self.frames.append(Frame(step.step, step.ms, step.round, parent, ordered, commits))
        self._slots.append(now)

    def _parent(self, slots: Sequence[Slot]) -> int:
        """Give the frame that a step began with: who masks again for the syntax' sake may begin with an earlier finished text."""
        if not any(slot.taken_back for slot in slots):
            return len(self.frames) - 1
        kept = {slot.name: slot.text for slot in slots if not slot.taken_back}
        names = [slot.name for slot in slots]
        for number in range(len(self.frames) - 1, -1, -1):
            there = {slot.name: slot.text for slot in self._slots[number].values()}
            if (
                names == list(there)
                and None not in there.values()
                and all(there[name] == text for name, text in kept.items())
            ):
                return number
        return len(self.frames) - 1

    def _find_places(self, slots: Sequence[Slot], before: Mapping[int, Slot]) -> dict[int, Slot]:
        """Give every slot its place; a new one stands right behind its left neighbour."""
        known = {slot.name: place for place, slot in before.items()}
        found: dict[int, Slot] = {}
        at = 0
        for slot in slots:
            place = known.get(slot.name)
            if place is None:
                place = len(self.columns)
                self.columns.insert(at, place)
            at = self.columns.index(place) + 1
            found[place] = slot
        return found


def _compare(slot: Slot, before: Slot | None, *, is_new: bool) -> Cell:
    """Say what happened to a slot."""
    was = before.text if before else None
    event, why = Event.NOTHING, ""
    if slot.text is None and was is not None:
        event, why = Event.TAKEN_BACK, f"syntax: {slot.taken_back}" if slot.taken_back else "sampler"
    elif slot.text is not None and was is None:
        event = Event.COMMITTED
    elif slot.text != was:
        event, why = Event.REWRITTEN, "sampler"
    elif is_new:
        event = Event.GROWN
    gone = was if why else None
    return Cell(slot.text, slot.confidence, event, gone, why, slot.guess, slot.guess_share)
