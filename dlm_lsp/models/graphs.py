"""CUDA graphs: the rows of a hole computed beside a kept context without a launch by the host for each kernel; the same answers.

In: what `transformer.compute` takes. Out: the same, written into what is kept. Shapes are padded to a few buckets, and each bucket
is captured once: `compute` itself, over buffers that stay where they are. Knows no rule of caching, no sampler and no text.

Padding changes no answer but for rounding. A place behind the canvas is hidden from all rows by minus infinity, so that its weight is
exactly 0, and its number is always finite; a surplus row is computed at the buffer's last place, which no canvas reaches, and is
not read.

Head and belief are queued behind a replay, whose time they need not wait for. What stays on the host, between two replays: which rows
are computed, the sampler, and the look whether anybody still waits: holes grow, tokens are taken back, and both change shapes. More rows than the largest bucket has, such as those
of a long canvas that is computed whole, are not captured: such a pass is bound by computing.
What is kept is copied into the buffers at each step, because only its lane knows whether it was changed elsewhere; of a 7B of
the Dream family these are 63 MB of 14 GB that a step reads.

Where no graph can be had, for want of memory or because a driver refuses, `compute` answers, slower.
"""

import logging
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from dlm_lsp.models.transformer import Again, Compute, Kept, Network, compute

log = logging.getLogger(__name__)

ROWS = (32, 48, 80, 144, 272)
"""Holes of up to 16, 32, 64, 128 and 256 tokens, and 16 rows more: the row before each hole may be computed too, and a kernel with a
mask need not pad buffers whose length is a multiple of 16."""
CONTEXT_TOKENS = (256, 512, 1024, 2048)
COMMONEST = ((48, 512), (80, 1024))
"""Rows and tokens of context of the buckets that are captured when a model is loaded; the others when they are met."""
MEMORY_SHARE = 1 / 16
"""Of a device's memory, for buffers. What goes on inside of all graphs shares one pool beside them."""

Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes a step over fixed buffers, gives what repeats it."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One shape."""

    lanes: int
    rows: int
    """Of each lane."""
    length: int
    """Places of each lane's buffer, the last of which stays empty."""
    layers: int | None = None


def choose_bucket(pieces: Sequence[Again], layers: int | None) -> Bucket | None:
    """Give the smallest shape into which these canvases fit, None where they are too large for all."""
    most_rows = max(len(piece.rows) for piece in pieces)
    longest = max(len(piece.tokens) for piece in pieces)
    for rows in ROWS:
        for context in CONTEXT_TOKENS:
            if most_rows <= rows and longest < context + rows:
                return Bucket(len(pieces), rows, context + rows, layers)
    return None


@dataclass(frozen=True, slots=True)
class Buffers:
    """Canvases of one shape, at addresses that stay."""

    pieces: tuple[Again, ...]

    @classmethod
    def make(cls, network: Network, bucket: Bucket) -> "Buffers":
        """Make room, all of it zeros: a number that is none would show through a weight of 0."""
        pieces = []
        for _ in range(bucket.lanes):
            kept = network.keep(bucket.length)
            place = kept.hidden.device
            pieces.append(
                Again(
                    tokens=torch.zeros(bucket.length, dtype=torch.int64, device=place),
                    positions=torch.zeros(bucket.length, dtype=torch.int64, device=place),
                    rows=torch.full((bucket.rows,), bucket.length - 1, device=place),
                    kept=kept,
                    unseen=kept.hidden.new_zeros(bucket.length),
                )
            )
        return cls(tuple(pieces))

    @property
    def size_bytes(self) -> int:
        """What they take, but for a few numbers a row."""
        return sum(tensor.nbytes for piece in self.pieces for tensor in parts(piece.kept))

    def fill(self, pieces: Sequence[Again]) -> None:
        """Copy canvases in."""
        for mine, piece in zip(self.pieces, pieces, strict=True):
            length, count = len(piece.tokens), len(piece.rows)
            assert mine.unseen is not None, "a buffer is longer than its canvas"
            for buffer, numbers in (
                (mine.tokens[:length], piece.tokens),
                (mine.positions[:length], piece.positions),
                (mine.rows[:count], piece.rows),
            ):
                buffer.copy_(numbers, non_blocking=True)  # as `send` does
            mine.rows[count:] = len(mine.tokens) - 1
            mine.unseen[:length] = 0
            mine.unseen[length:] = -torch.inf
            mine.kept.keys[..., :length, :] = piece.kept.keys
            mine.kept.values[..., :length, :] = piece.kept.values

    def give(self, pieces: Sequence[Again]) -> None:
        """Copy what was computed out."""
        for mine, piece in zip(self.pieces, pieces, strict=True):
            rows = mine.rows[: len(piece.rows)]
            for new, old in zip(parts(mine.kept), parts(piece.kept), strict=True):
                old[..., rows, :] = new[..., rows, :]


def parts(kept: Kept) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give the tensors of what is kept; their last dimension but one is that of the rows."""
    return kept.keys, kept.values, kept.hidden


@dataclass(slots=True)
class Graphs:
    """Does what `compute` does for one network, by graphs where it can; for one thread."""

    capture: Capture
    most_bytes: int
    """Of all buffers together; those that were not used for the longest time go first."""
    device_type: str = "cuda"
    """Where its graphs run; a network that has moved elsewhere is computed without."""
    _ready: OrderedDict[Bucket, tuple[Buffers, Callable[[], None]]] = field(default_factory=OrderedDict)
    _refused: set[Bucket] = field(default_factory=set)

    @torch.inference_mode()
    def __call__(self, network: Network, pieces: Sequence[Again], layers: int | None = None) -> None:
        """Compute these rows again and keep them."""
        here = pieces[0].kept.hidden.device.type == self.device_type
        bucket = choose_bucket(pieces, layers) if here else None
        ready = bucket and self._find(network, bucket)
        if not ready:
            self._compute(network, pieces, layers)
            return
        buffers, replay = ready
        buffers.fill(pieces)
        replay()
        buffers.give(pieces)  # at once: the next graph to run may overwrite what this one left

    def _compute(self, network: Network, pieces: Sequence[Again], layers: int | None) -> None:
        try:
            compute(network, pieces, layers)
        except torch.OutOfMemoryError:
            if not self._ready:
                raise
        else:
            return
        log.warning("the device's memory is full: its CUDA graphs are given up")
        self._refused.update(self._ready)
        self._ready.clear()
        compute(network, pieces, layers)

    def warm_up(self, network: Network) -> None:
        """Capture the commonest shapes that a network's canvases can have."""
        for rows, context in COMMONEST:
            if context < 2 * network.max_tokens:
                self._find(network, Bucket(1, rows, context + rows))

    @torch.inference_mode()
    def _find(self, network: Network, bucket: Bucket) -> tuple[Buffers, Callable[[], None]] | None:
        if bucket in self._refused:
            return None
        if bucket in self._ready:
            self._ready.move_to_end(bucket)
            return self._ready[bucket]
        try:
            made = self._make(network, bucket)
        except RuntimeError as error:  # also that a device's memory is full
            log.warning("%s is computed without a CUDA graph (%s)", bucket, str(error).partition("\n")[0])
            made = None
        if made is None:
            self._refused.add(bucket)
            return None
        self._ready[bucket] = made
        return made

    def _make(self, network: Network, bucket: Bucket) -> tuple[Buffers, Callable[[], None]] | None:
        buffers = Buffers.make(network, bucket)
        if buffers.size_bytes > self.most_bytes:
            return None
        while self._ready and buffers.size_bytes + self._held_bytes() > self.most_bytes:
            self._ready.popitem(last=False)
        return buffers, self.capture(lambda: compute(network, buffers.pieces, bucket.layers))

    def _held_bytes(self) -> int:
        return sum(buffers.size_bytes for buffers, _ in self._ready.values())


@dataclass(slots=True)
class CudaCapture:
    """Captures steps into CUDA graphs that share one pool of memory."""

    _last: weakref.ref[torch.cuda.CUDAGraph] | None = None
    """The pool goes with the last graph that holds it, and then cannot be taken up again."""

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        """Run a step until the libraries under it have made what they need, then capture it."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        last = self._last and self._last()
        with torch.cuda.graph(graph, pool=last.pool() if last else None, capture_error_mode="thread_local"):
            step()
        self._last = weakref.ref(graph)
        return graph.replay


def compute_on(place: torch.device, network: Network) -> Compute:
    """Give what computes rows again fastest on a device; on CUDA the commonest shapes are captured now."""
    if place.type != "cuda":
        return compute
    graphs = Graphs(CudaCapture(), int(torch.cuda.get_device_properties(place).total_memory * MEMORY_SHARE))
    graphs.warm_up(network)
    return graphs
