"""The canvas that is decoded, and the moves that change it.

In: token rows and one decision a step. Out: a new canvas. Knows no model, no text and no rule of decoding; it is the only
place that inserts or deletes rows, and it never lets a move touch what stands around the holes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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

    def follow(self, copies: Tensor) -> "Memory":  # [H] int64, how often each row stands there from now on
        """Give the memory of a canvas whose hole rows were copied or dropped."""
        rows = {name: about.repeat_interleave(copies.to(about.device), dim=0) for name, about in self.rows.items()}
        return replace(self, own=self.own.repeat_interleave(copies), rows=rows)


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

    def written(self, rows: Tensor) -> dict[int, int]:  # [H] int64
        """Give what is committed, by row, of these rows."""
        commit, tokens = (each.index_select(0, rows).tolist() for each in (self.commit, self.tokens))
        return {row: token for row, commits, token in zip(rows.tolist(), commit, tokens, strict=True) if commits}


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the holes of a canvas are."""

    hole_of: Tensor  # [L] int8, what the rest was read off
    holes: Tensor  # [L] bool
    rows: Tensor  # [H] int64
    of_hole: tuple[Tensor, ...]  # [rows of that hole] int64 each, places in `rows`

    @classmethod
    def find(cls, hole_of: Tensor, count: int) -> "Places":  # [L] int8
        """Find the rows of so many holes."""
        holes = hole_of != CONTEXT
        rows = holes.nonzero().flatten()
        if count == 1:
            return cls(hole_of, holes, rows, (torch.arange(len(rows)),))
        owner = hole_of.index_select(0, rows)
        return cls(hole_of, holes, rows, tuple((owner == hole).nonzero().flatten() for hole in range(count)))


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
    masked: Tensor = field(init=False)  # [L] bool
    """Rows that are still undecided. A mask token in the user's own text is context, not a mask."""
    undecided: Tensor = field(init=False)  # [H] bool
    """The same of the hole rows alone."""
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
        undecided = standing == self.mask_id
        ids = standing.tolist()
        object.__setattr__(self, "masked", torch.zeros_like(self.holes).index_copy_(0, self.rows, undecided))
        object.__setattr__(self, "undecided", undecided)
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
        free, tokens, confidence = self.masked, self.tokens, self.confidence
        if move.revoke is not None:
            assert not bool((move.revoke & ~self.holes).any()), "a move touches the text around the holes"
            free = free | move.revoke
            tokens = torch.where(move.revoke, self.mask_id, tokens)
            confidence = torch.where(move.revoke, 0.0, confidence)
        if bool((move.commit > free).any()):
            assert not bool((move.commit & ~self.holes).any()), "a move touches the text around the holes"
            raise AssertionError("a commit overwrites a token that was not revoked")
        written = Canvas(
            tokens=torch.where(move.commit, move.tokens, tokens),
            hole_of=self.hole_of,
            budget=self.budget,
            mask_id=self.mask_id,
            confidence=torch.where(move.commit, move.confidence.to(confidence.dtype), confidence),
            step=self.step + 1,
            memory=move.memory,
            names=self.names,
            places=self.places,
        )
        if move.grow is None and move.drop is None:
            return written
        nothing = torch.zeros_like(self.holes)
        grow = nothing if move.grow is None else move.grow
        drop = nothing if move.drop is None else move.drop
        assert not bool((move.commit & (grow | drop)).any()), "a row is committed and grown or dropped in one move"
        assert not bool((grow & ~self.masked).any()), "only masks grow"
        return written.resize(grow, drop)

    def resize(self, grow: Tensor, drop: Tensor) -> "Canvas":  # [L] bool, [L] bool
        """Make two rows of those that grow, and none of those that are dropped."""
        assert not bool(((grow | drop) & ~self.holes).any()), "a move touches the text around the holes"
        budget, hole_of = list(self.budget), self.hole_of.tolist()
        copies = torch.ones(len(self.tokens), dtype=torch.int64)
        grown, dropped = (rows.nonzero().flatten().tolist() for rows in (grow, drop))
        for hole, left in enumerate(budget):
            more, less = ([row for row in rows if hole_of[row] == hole] for rows in (grown, dropped))
            assert len(more) <= min(1, left), "more growth than one row a step, or than the hole's budget"
            assert not (more and less), "a hole grows and shrinks in one move"
            assert not less or less[-1] - less[0] == len(less) - 1, "dropped rows are not one run"
            budget[hole] -= len(more)
        copies[grown] = 2
        copies[dropped] = 0
        source = torch.arange(len(copies)).repeat_interleave(copies)  # the row that each row of then is made of
        names = self.names.index_select(0, source)
        twins = [row + 1 + at - sum(gone < row for gone in dropped) for at, row in enumerate(grown)]
        for at, twin in enumerate(twins):
            names[twin] = -1 - sum(budget) - at  # budgets only shrink: no number comes twice
        return Canvas(
            tokens=self.tokens.index_select(0, source),
            hole_of=self.hole_of.index_select(0, source),
            budget=tuple(budget),
            mask_id=self.mask_id,
            confidence=self.confidence.index_select(0, source),
            step=self.step,
            memory=None if self.memory is None else self.memory.follow(copies[self.rows]),
            names=names,
        )


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
