"""What the families have in common: reading of numbers, norm, rotary positions, attention, and the denoiser around a network.

In: views, or rows of canvases that are to be computed again. Out: logits, and what is kept of a canvas. It knows no family's names
and configuration, no file and no sampler, and does not decide which rows are computed again (`cached` does).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Tokenizer, View, Vocabulary, send

T = TypeVar("T")


def read_numbers(
    kinds: Mapping[str, type], config: Mapping[str, object], defaults: Mapping[str, object]
) -> dict[str, Any]:
    """Read the keys of a config.json by the kind each must have; raise ModelError where one is missing or is no such number."""
    read: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = config.get(name, defaults.get(name))
        if value is None:
            raise ModelError(f"config.json: {name} is missing")
        number = isinstance(value, int | float) and math.isfinite(value) and (value > 0 or kind is bool)
        if not number or kind(value) != value:
            expected = "true or false" if kind is bool else f"a positive {kind.__name__}"
            raise ModelError(f"config.json: {name} is {value!r}, not {expected}")
        read[name] = kind(value)
    return read


def check_heads(width: int, heads: int, kv_heads: int) -> None:
    """Raise ModelError where a network cannot have these sizes."""
    if width % (2 * heads) or heads % kv_heads:  # RoPE turns pairs of numbers
        msg = f"config.json: {heads} heads and {kv_heads} key-value heads do not divide a hidden size of {width} into even parts"
        raise ModelError(msg)


class RMSNorm(nn.Module):
    """Root mean square norm, computed in float32 or better as Qwen2 does; gives the weight's format.

    The stream of residuals may be wider than the layers' weights: training keeps it in float32 beside bf16 layers.
    """

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Scale every row to unit mean square."""
        if x.dtype == self.weight.dtype:
            return functional.rms_norm(x, self.weight.shape, self.weight, self.eps)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(self.weight.dtype)


def rotary(positions: Tensor, head_size: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Give cosine and sine of rotary position embedding, [B, L, head_size] each, from positions [B, L].

    The sine's first half is negative: so the halves of a head are turned against each other.
    """
    exponent = torch.arange(0, head_size, 2, device=positions.device, dtype=torch.float32) / head_size
    angle = positions[..., None].float() * (1.0 / theta**exponent)
    cos, sin = angle.cos().to(dtype), angle.sin().to(dtype)
    return torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # [B, heads, L, head_size]
    """Rotate the two halves of every head against each other; wider angles are followed, then the format is as it was."""
    swapped = x.roll(x.shape[-1] // 2, dims=-1)
    return torch.addcmul(x * cos[:, None], swapped, sin[:, None]).to(x.dtype)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one canvas: of each row, what it was when it was computed last. G key-value heads of S numbers."""

    keys: Tensor  # [layers, 1, G, L, S], before they are rotated: a row may move
    values: Tensor  # [layers, 1, G, L, S]
    hidden: Tensor  # [L, D], after the last norm


@dataclass(frozen=True, slots=True)
class Again:
    """Rows of a canvas that are computed again: they see all of its rows, the others as they were kept."""

    tokens: Tensor  # [L] int64
    positions: Tensor  # [L] int64
    rows: Tensor  # [R] int64
    kept: Kept
    """Computing writes into it."""
    unseen: Tensor | None = None  # [L]
    """Minus infinity for places that no row sees, else 0, in the network's number format; None where all are seen."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What the rows that one layer computes again find of their canvas there."""

    rows: Tensor  # [R] int64
    keys: Tensor  # [1, G, L, S]
    values: Tensor  # [1, G, L, S]
    cos: Tensor  # [1, L, S], of all rows
    sin: Tensor  # [1, L, S]
    unseen: Tensor | None  # [L]


def attend(
    q: Tensor,  # [B, heads, L, S]
    k: Tensor,  # [B, G, L, S]
    v: Tensor,  # [B, G, L, S]
    cos: Tensor,  # [B, L, S]
    sin: Tensor,  # [B, L, S]
    *,
    visible: Tensor | None,  # [B, 1, 1 or L, L] bool
    beside: Sequence[Beside] = (),
) -> Tensor:  # [B, heads, L, S]
    """Rotate and attend. With `beside`, L are the computed rows of all those canvases one after another, each with its own rows."""
    q = rotate(q, cos, sin)
    if not beside:
        return functional.scaled_dot_product_attention(q, rotate(k, cos, sin), v, attn_mask=visible, enable_gqa=True)
    counts = [len(here.rows) for here in beside]
    mixed = []
    for here, asking, keys, values in zip(beside, *(torch.split(x, counts, dim=2) for x in (q, k, v)), strict=True):
        here.keys.index_copy_(2, here.rows, keys)
        here.values.index_copy_(2, here.rows, values)
        turned = rotate(here.keys, here.cos, here.sin)
        if here.unseen is None:
            mixed.append(functional.scaled_dot_product_attention(asking, turned, here.values, enable_gqa=True))
        else:  # CUDA's kernels with a mask know no shared keys: heads that share them stand as rows of one
            shape, (_, groups, _, size) = asking.shape, turned.shape
            grouped = asking.reshape(1, groups, -1, size)
            mixed.append(
                functional.scaled_dot_product_attention(
                    grouped, turned, here.values, attn_mask=here.unseen[None]
                ).reshape(shape)
            )
    return torch.cat(mixed, dim=2)


class Network(Protocol):
    """A family's network, as its denoiser needs it: an `nn.Module`."""

    @property
    def max_tokens(self) -> int:
        """The longest canvas it was trained for."""
        ...

    @property
    def layer_count(self) -> int:
        """How many layers it has."""
        ...

    def keep(self, length: int) -> Kept:
        """Make room for what is kept of a canvas of so many rows."""
        ...

    def turn(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Give cosine and sine, [B, L, S] each, of positions [B, L]."""
        ...

    def hidden(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        visible: Tensor | None = None,
        layers: int | None = None,
        beside: Sequence[Sequence[Beside]] = (),
    ) -> Tensor:
        """Give the last hidden states [B, L, D] of tokens [B, L], after so many layers.

        `visible` [B, 1, 1 or L, L] limits attention; `beside` holds, layer by layer, what `attend` takes.
        """
        ...

    def head(self, hidden: Tensor) -> Tensor:  # [N, D] -> [N, V]
        """Give the logits of hidden states."""
        ...

    def speakers(self, rows: Tensor) -> Tensor:  # [R] int64 -> [R] int64
        """Give the rows of the network that speak about the tokens at `rows`."""
        ...

    def eval(self) -> Self:
        """Switch to inference."""
        ...

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Switch gradients on or off."""
        ...

    def parameters(self) -> Iterator[Tensor]:
        """Give the weights."""
        ...

    def to(self, device: str) -> Self:
        """Move the weights."""
        ...


def room(layers: int, heads: int, head_size: int, length: int, like: Tensor) -> Kept:
    """Make room for a canvas of `length` rows in the number format and on the device of the embedding [V, D] `like`."""
    shape = (layers, 1, heads, length, head_size)
    return Kept(like.new_zeros(shape), like.new_zeros(shape), like.new_zeros(length, like.shape[1]))


BUCKET_TOKENS = 64
"""Batches are padded to a multiple of this, so that few shapes occur."""


def compute(network: Network, pieces: Sequence[Again], layers: int | None = None) -> None:
    """Compute these rows again, at least one a canvas, in one go through so many layers, and keep them."""
    place = pieces[0].kept.hidden.device
    rows = [send(piece.rows, place) for piece in pieces]
    turns = [network.turn(send(piece.positions, place)[None]) for piece in pieces]
    beside = [
        [
            Beside(here, piece.kept.keys[layer], piece.kept.values[layer], cos, sin, piece.unseen)
            for piece, here, (cos, sin) in zip(pieces, rows, turns, strict=True)
        ]
        for layer in range(len(pieces[0].kept.keys))
    ]
    tokens = send(torch.cat([piece.tokens[piece.rows] for piece in pieces]), place)
    positions = send(torch.cat([piece.positions[piece.rows] for piece in pieces]), place)
    hidden = network.hidden(tokens[None], positions[None], None, layers, beside)[0]
    for piece, here, new in zip(pieces, rows, torch.split(hidden, [len(here) for here in rows]), strict=True):
        piece.kept.hidden[here] = new


Compute = Callable[[Network, Sequence[Again], int | None], None]
"""Does what `compute` does."""


def in_halves(work: Callable[[Sequence[T]], list[Tensor]], several: Sequence[T]) -> list[Tensor]:
    """Do some work on all at once, or half by half where the device's memory is too small for that."""
    try:
        return work(several)
    except torch.OutOfMemoryError:
        if len(several) < 2:
            raise
    # Not before the error is gone, whose traceback holds the tensors of what failed.
    middle = len(several) // 2
    return in_halves(work, several[:middle]) + in_halves(work, several[middle:])


class NetworkDenoiser:
    """A network that answers `View`s; see `models.denoiser.Denoiser` for what it promises.

    It can also compute rows of canvases again beside what was kept of the others, which is what caches are made of.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        layers: int | None = None,
        compute_rows: Compute = compute,
        *,
        computes_all: bool = False,
        dtype: str = "",
    ) -> None:
        self._network = network.eval().requires_grad_(requires_grad=False)
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer
        self._layers = layers
        self._compute = compute_rows
        self._computes_all = computes_all
        """Whether whole canvases are computed so too, if no attention rule is asked for."""
        self._dtype = dtype

    @property
    def layers(self) -> int:
        """How many layers are run."""
        return self._layers or self._network.layer_count

    def skip_above(self, layers: int) -> "NetworkDenoiser":
        """Give a cheaper denoiser over the same weights, in which the head reads the rows after so many layers."""
        return NetworkDenoiser(
            self._network,
            self._vocabulary,
            self._tokenizer,
            layers,
            self._compute,
            computes_all=self._computes_all,
            dtype=self._dtype,
        )

    @property
    def vocabulary(self) -> Vocabulary:
        """The ids that decoding must know."""
        return self._vocabulary

    @property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's tokenizer."""
        return self._tokenizer

    @property
    def max_tokens(self) -> int:
        """The longest canvas the model was trained for."""
        return self._network.max_tokens

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._place)

    @property
    def dtype(self) -> str:
        """The number format in which it computes, for people."""
        return self._dtype or str(next(self._network.parameters()).dtype).removeprefix("torch.")

    @property
    def _place(self) -> torch.device:
        return next(self._network.parameters()).device

    @torch.inference_mode()
    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Give the logits [R, V] of each view's rows."""
        return in_halves(self._predict, views)

    def _predict(self, views: Sequence[View]) -> list[Tensor]:
        if not views:
            return []
        if self._computes_all and all(view.visible is None for view in views):
            pieces = [self._whole(view) for view in views]
            self._compute(self._network, pieces, self._layers)
            return self._read([piece.kept.hidden for piece in pieces], views)
        tokens, positions, visible = pack([self._behind(view) for view in views])
        hidden = self._network.hidden(
            send(tokens, self._place),
            send(positions, self._place),
            None if visible is None else send(visible, self._place),
            self._layers,
        )
        return self._read(list(hidden), views)

    def move_to_cpu(self) -> None:
        """Leave the device for good, for the denoisers of fewer layers too; what was kept there is of no use any more."""
        self._network.to("cpu")
        self._compute = compute  # graphs would hold memory there

    def speakers(self, rows: Tensor) -> Tensor:  # [R] int64 -> [R] int64
        """Give the rows of the network that speak about the tokens at `rows`."""
        return self._network.speakers(rows)

    def keep(self, length: int) -> Kept:
        """Make room for what is kept of a canvas of so many rows."""
        return self._network.keep(length)

    @torch.inference_mode()
    def compute_again(self, pieces: Sequence[Again]) -> None:
        """Compute these rows again and keep them; each canvas sees only itself, and no lengths need to agree."""
        pieces = [piece for piece in pieces if len(piece.rows)]
        in_halves(self._compute_rows, pieces)

    def _compute_rows(self, pieces: Sequence[Again]) -> list[Tensor]:
        if pieces:
            self._compute(self._network, pieces, self._layers)
        return []

    @torch.inference_mode()
    def read(self, kept: Sequence[Kept], views: Sequence[View]) -> list[Tensor]:
        """Give the logits [R, V] of each view's rows from what is kept of its canvas."""
        return self._read([each.hidden for each in kept], views)

    def _whole(self, view: View) -> Again:
        """Ask for all rows of a canvas."""
        everything = torch.arange(len(view.tokens))
        positions = everything if view.positions is None else view.positions
        return Again(view.tokens, positions, everything, self.keep(len(view.tokens)))

    def _behind(self, view: View) -> View:
        """Move an attention rule to the rows that answer; a row that answers about no token keeps its own."""
        if view.visible is None:
            return view
        moved = view.visible.clone()
        tokens = torch.arange(1, len(moved))  # without the first, whose row may be the second's too
        moved[self._network.speakers(tokens)] = view.visible[tokens]
        return replace(view, visible=moved)

    def _read(self, hidden: Sequence[Tensor], views: Sequence[View]) -> list[Tensor]:
        """Give the logits [R, V] of each view's rows from its hidden states [L, D], all in one go through the head."""
        if not views:
            return []
        rows = [view.rows if view.read is None else view.rows[view.read] for view in views]
        picked = torch.cat(
            [each[send(self._network.speakers(here), each.device)] for each, here in zip(hidden, rows, strict=True)]
        )
        logits = torch.split(self._network.head(picked).float(), [len(here) for here in rows])
        return [_widen(said, view.read) for said, view in zip(logits, views, strict=True)]


def _widen(logits: Tensor, read: Tensor | None) -> Tensor:  # [read rows, V], [R] bool -> [R, V]
    """Put zeros where nobody reads."""
    if read is None or len(logits) == len(read):
        return logits
    rows = send(read.nonzero().flatten(), logits.device)  # found here: where a device is asked for them, the host waits
    return logits.new_zeros(len(read), logits.shape[1]).index_copy_(0, rows, logits)


def pack(views: Sequence[View]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Batch views of several lengths: tokens [B, L], positions [B, L], visible [B, 1, 1 or L, L] or None.

    Views of one length without an attention rule keep it and need no mask, the fastest path; without a rule all rows of a
    view see the same, and one row of mask is enough.
    """
    ruled = any(view.visible is not None for view in views)
    if len({len(view.tokens) for view in views}) == 1 and not ruled:
        length = len(views[0].tokens)
        visible = None
    else:
        longest = max(len(view.tokens) for view in views)
        length = -(-longest // BUCKET_TOKENS) * BUCKET_TOKENS
        visible = torch.zeros(len(views), 1, length if ruled else 1, length, dtype=torch.bool)
    tokens = torch.zeros(len(views), length, dtype=torch.int64)
    positions = torch.arange(length).repeat(len(views), 1)
    for b, view in enumerate(views):
        size = len(view.tokens)
        tokens[b, :size] = view.tokens
        if view.positions is not None:
            positions[b, :size] = view.positions
        if visible is not None:
            visible[b, 0, :size, :size] = True if view.visible is None else view.visible
            visible[b, 0, size:, 0] = True  # a padding row must see something, or its softmax is not a number
    return tokens, positions, visible
