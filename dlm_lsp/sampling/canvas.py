"""The canvas that is decoded, and the moves that change it.

In: token rows and one decision a step. Out: a new canvas. Knows no model, no text and no rule of decoding; it is the only
place that inserts or deletes rows, and it never lets a move touch what stands around the holes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

CONTEXT = -1
"""The value of `Canvas.hole_of` outside the holes."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a rule remembers of a decode; its rows go along where the hole grows or shrinks.

    A decode begins where a canvas has none: with the first step, and anew when rows were masked again from outside.
    """

    own: Tensor  # [H] bool, the rows that were masked when the decode began: no rule may take back any other
    step: int = 0
    """Steps since then."""
    rows: Mapping[str, Tensor] = field(default_factory=dict)
    """By name: something about every row of the holes, [H, …], in the order of `Canvas.rows`."""
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """How many of the rows of now were masked at the start."""
        return int(self.own.sum())

    def next(self, *, rows: Mapping[str, Tensor] | None = None, numbers: Mapping[str, float] | None = None) -> "Memory":
        """Give the memory of the next step, with what is new laid over what was known."""
        return Memory(self.own, self.step + 1, {**self.rows, **(rows or {})}, {**self.numbers, **(numbers or {})})

    def follow(self, source: Tensor) -> "Memory":  # [H of then] int64, which row each of then is made of
        """Give the memory of a canvas whose hole rows were copied or dropped."""
        rows = {name: about.index_select(0, source.to(about.device)) for name, about in self.rows.items()}
        return Memory(self.own.index_select(0, source), self.step, rows, self.numbers)


@dataclass(frozen=True, slots=True)
class Move:
    """One decision about a canvas of L rows; every row it touches lies in a hole.

    `commit` writes `tokens` over masks (or over what is revoked in the same move); `revoke` writes masks over tokens;
    `grow` marks mask rows that become two masks, `drop` rows that vanish: at most one grown row, or one unbroken run of
    dropped rows, per hole (DreamOn, arXiv 2602.01326, section 3).
    """

    commit: Tensor  # [L] bool
    tokens: Tensor  # [L] int64, read where commit
    confidence: Tensor  # [L] float32, read where commit
    revoke: Tensor | None = None  # [L] bool
    grow: Tensor | None = None  # [L] bool
    drop: Tensor | None = None  # [L] bool
    memory: Memory | None = None
    """What the sampler wants to find again in the next canvas."""
    idle: bool = False
    """Says that the schedule of a paper commits nothing in this step: the only move that may bring nothing."""

    @property
    def written(self) -> dict[int, int]:
        """What is committed, by row."""
        places = self.commit.nonzero().flatten()
        return dict(zip(places.tolist(), self.tokens.index_select(0, places).tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the holes of a canvas are."""

    hole_of: Tensor  # [L] int8, what the rest was read off
    holes: Tensor  # [L] bool
    rows: Tensor  # [H] int64
    of_hole: tuple[Tensor, ...]  # [rows of that hole] int64 each, places in `rows`
    by_hole: tuple[list[int], ...]
    """The rows of each hole as numbers."""

    @classmethod
    def find(cls, hole_of: Tensor, count: int) -> "Places":  # [L] int8
        """Find the rows of so many holes."""
        holes = hole_of != CONTEXT
        rows = holes.nonzero().flatten()
        if count == 1:
            return cls(hole_of, holes, rows, (torch.arange(len(rows)),), (rows.tolist(),))
        owner = hole_of.index_select(0, rows)
        of_hole = tuple((owner == hole).nonzero().flatten() for hole in range(count))
        return cls(hole_of, holes, rows, of_hole, tuple(rows.index_select(0, mine).tolist() for mine in of_hole))


NOWHERE = Places.find(torch.empty(0, dtype=torch.int8), 0)
"""What is not read off yet."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Tokens with holes in them, somewhere between all masked and finished."""

    tokens: Tensor  # [L] int64
    hole_of: Tensor  # [L] int8, CONTEXT or the number of the row's hole
    budget: tuple[int, ...]
    """Per hole: how many rows it may still grow by."""
    mask_id: int
    confidence: Tensor = field(default_factory=lambda: torch.empty(0))  # [L] float32, 0 where nothing was committed
    step: int = 0
    memory: Memory | None = None
    names: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))  # [L] int64
    """Of every row one that goes along with it where holes grow and shrink; of rows that grew it is below 0."""
    places: Places = field(default=NOWHERE, repr=False)
    """Read off `hole_of`, anew where that is not the one that these were read off."""
    # Read off the others once. What a step asks for again and again is also there as numbers: beside a model, whose weights push all
    # else out of the caches, a small tensor operation takes ten times as long as in a loop of its own (15 to 40 microseconds).
    undecided: Tensor = field(init=False)  # [H] bool
    """Which of the hole rows are masks."""
    ids: list[int] = field(init=False, repr=False)
    """What stands in the hole rows."""
    masks: int = field(init=False)
    """How many of them are undecided."""

    def __post_init__(self) -> None:
        if len(self.confidence) != len(self.tokens):
            object.__setattr__(self, "confidence", torch.zeros(len(self.tokens)))
        if len(self.names) != len(self.tokens):
            object.__setattr__(self, "names", torch.arange(len(self.tokens)))
        if self.places.hole_of is not self.hole_of:
            object.__setattr__(self, "places", Places.find(self.hole_of, len(self.budget)))
        standing = self.tokens.index_select(0, self.rows)  # [H]
        ids = standing.tolist()
        object.__setattr__(self, "undecided", standing == self.mask_id)
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "masks", ids.count(self.mask_id))

    @property
    def holes(self) -> Tensor:  # [L] bool
        """Rows that belong to a hole."""
        return self.places.holes

    @property
    def rows(self) -> Tensor:  # [H] int64
        """The places of the hole rows, ascending; row h of a model's answer is about place rows[h]."""
        return self.places.rows

    @property
    def masked(self) -> Tensor:  # [L] bool
        """Rows that are still undecided. A mask token in the user's own text is context, not a mask."""
        return torch.zeros_like(self.holes).index_copy_(0, self.rows, self.undecided)

    @property
    def masked_rows(self) -> list[int]:
        """The places of the rows that are undecided, ascending."""
        return [row for row, token in zip(self.rows.tolist(), self.ids, strict=True) if token == self.mask_id]

    @property
    def done(self) -> bool:
        """Whether no hole row is masked."""
        return self.masks == 0

    def remember(self) -> Memory:
        """Give what is remembered, or the memory with which a decode begins."""
        return self.memory or Memory(own=self.undecided)

    @property
    def own(self) -> Tensor:  # [L] bool
        """Rows that were masked when the decode began: no others may be taken back."""
        own = torch.zeros_like(self.holes)
        own[self.rows] = self.remember().own
        return own

    def hole_tokens(self, hole: int) -> list[int]:
        """The ids of one hole, masks included."""
        return [self.ids[at] for at in self.places.of_hole[hole].tolist()]

    def commit(
        self, chosen: Tensor, tokens: Tensor, confidence: Tensor, rows: Tensor | None = None
    ) -> Move:  # [R] bool, [R] int64, [R] float32, [R] int64
        """Make the move that commits the chosen ones of these rows, by default all of the holes, and does nothing else."""
        rows = self.rows if rows is None else rows
        return Move(
            commit=torch.zeros_like(self.holes).index_copy_(0, rows, chosen),
            tokens=self.tokens.index_copy(0, rows, tokens),
            confidence=torch.zeros_like(self.confidence).index_copy_(0, rows, confidence),
        )

    def mask(self, rows: Tensor) -> "Canvas":  # [L] bool
        """Mask these rows again from outside: what is decided next begins anew."""
        return self.apply(Move(torch.zeros_like(rows), self.tokens, self.confidence, revoke=rows))

    def apply(self, move: Move) -> "Canvas":
        """Carry out a move; the caller's canvas stays as it was."""
        tokens, confidence = self.tokens, self.confidence
        holes, free = set(self.rows.tolist()), set(self.masked_rows)
        if move.revoke is not None:
            revoked = _marked(move.revoke)
            assert holes.issuperset(revoked), "a move touches the text around the holes"
            free.update(revoked)
            tokens = torch.where(move.revoke, self.mask_id, tokens)
            confidence = torch.where(move.revoke, 0.0, confidence)
        places = move.commit.nonzero().flatten()
        committed = places.tolist()
        assert holes.issuperset(committed), "a move touches the text around the holes"
        assert free.issuperset(committed), "a commit overwrites a token that was not revoked"
        written = Canvas(
            tokens=tokens.index_copy(0, places, move.tokens.index_select(0, places)),
            hole_of=self.hole_of,
            budget=self.budget,
            mask_id=self.mask_id,
            confidence=confidence.index_copy(0, places, move.confidence.index_select(0, places).to(confidence.dtype)),
            step=self.step + 1,
            memory=move.memory,
            names=self.names,
            places=self.places,
        )
        if move.grow is None and move.drop is None:
            return written
        grown, dropped = ([] if rows is None else _marked(rows) for rows in (move.grow, move.drop))
        assert holes.issuperset(grown + dropped), "a move touches the text around the holes"
        assert not set(committed).intersection(grown + dropped), "a row is committed and grown or dropped in one move"
        assert set(self.masked_rows).issuperset(grown), "only masks grow"
        return written.resize(grown, dropped)

    def resize(self, grown: list[int], dropped: list[int]) -> "Canvas":
        """Make two rows of those that grow, and none of those that are dropped; of either the places, ascending."""
        budget = list(self.budget)
        for hole, (rows, left) in enumerate(zip(self.places.by_hole, budget, strict=True)):
            mine = set(rows)
            more, less = ([row for row in changed if row in mine] for changed in (grown, dropped))
            assert len(more) <= min(1, left), "more growth than one row a step, or than the hole's budget"
            assert not (more and less), "a hole grows and shrinks in one move"
            assert not less or less[-1] - less[0] == len(less) - 1, "dropped rows are not one run"
            budget[hole] -= len(more)
        rows = _resized(range(len(self.tokens)), grown, dropped)
        source = torch.tensor(rows, dtype=torch.int64)
        names = self.names.index_select(0, source)
        for at, row in enumerate(grown):
            names[rows.index(row) + 1] = -1 - sum(budget) - at  # budgets only shrink: no number comes twice
        memory = self.memory
        if memory is not None:
            order = {row: at for at, row in enumerate(self.rows.tolist())}
            memory = memory.follow(
                torch.tensor([order[row] for row in _resized(order, grown, dropped)], dtype=torch.int64)
            )
        return Canvas(
            tokens=self.tokens.index_select(0, source),
            hole_of=self.hole_of.index_select(0, source),
            budget=tuple(budget),
            mask_id=self.mask_id,
            confidence=self.confidence.index_select(0, source),
            step=self.step,
            memory=memory,
            names=names,
        )


def _marked(rows: Tensor) -> list[int]:  # [L] bool
    return rows.nonzero().flatten().tolist()


def _resized(rows: Iterable[int], grown: Sequence[int], dropped: Sequence[int]) -> list[int]:
    """Give the rows with those that grow twice, and without those that are dropped."""
    gone = set(dropped)
    now = [row for row in rows if row not in gone]
    for row in grown:
        now.insert(now.index(row), row)
    return now


def join(parts: Sequence[Sequence[int]], lengths: Sequence[int], budgets: Sequence[int], mask_id: int) -> Canvas:
    """Make a canvas: parts[0], lengths[0] masks, parts[1], … ; one part more than there are holes."""
    assert len(parts) == len(lengths) + 1, "one part of context more than holes"
    tokens: list[int] = list(parts[0])
    hole_of: list[int] = [CONTEXT] * len(tokens)
    for hole, (length, part) in enumerate(zip(lengths, parts[1:], strict=True)):
        tokens += [mask_id] * length + list(part)
        hole_of += [hole] * length + [CONTEXT] * len(part)
    return Canvas(
        tokens=torch.tensor(tokens, dtype=torch.int64),
        hole_of=torch.tensor(hole_of, dtype=torch.int8),
        budget=tuple(budgets),
        mask_id=mask_id,
    )
