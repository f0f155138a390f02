"""The seam between sampling and models: what a denoiser is asked, and what it promises.

Knows torch and nothing else: no checkpoint format, no sampler, no text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The ids that decoding must know of a checkpoint.

    A committed `delete_id` takes its own slot away and a committed `expand_id` becomes two masks (DreamOn,
    arXiv 2602.01326); None where the checkpoint was not trained with them.
    """

    size: int
    """Number of logit columns V; may exceed the tokenizer's ids."""
    mask_id: int
    forbidden: Tensor  # [V] bool, ids that no decode may commit: mask, pad, specials, surplus rows
    expand_id: int | None = None
    delete_id: int | None = None
    banned: Tensor = field(init=False)  # [B] int64
    """What is forbidden by number; expand and delete are never among them."""

    def __post_init__(self) -> None:
        ids = [k for k in self.forbidden.nonzero().flatten().tolist() if k not in {self.expand_id, self.delete_id}]
        object.__setattr__(self, "banned", torch.tensor(ids, dtype=torch.int64))


class Tokenizer(Protocol):
    """Text to ids and back; special tokens in a text are plain text to it."""

    def encode(self, text: str) -> list[int]:
        """Give the ids of `text`; no special token is added or recognised."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Give the text of `ids`; special tokens vanish, bytes that are no UTF-8 become U+FFFD."""
        ...

    def piece_texts(self) -> list[str]:
        """Give the text of every id, empty for special tokens."""
        ...

    def special_id(self, name: str) -> int | None:
        """Give the id of a special token by the name between its marks ('path', 'sep', 'endoftext'), or None."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """One canvas a denoiser is asked about.

    `positions` default to 0…L-1. `visible[i, j]` says whether the row that answers about token i may attend to token j: in the
    Dream family that row is i - 1, and its rule goes with it. Every row must see some token; None lets all see all.
    """

    tokens: Tensor  # [L] int64
    rows: Tensor  # [R] int64, the places whose token is wanted, ascending
    positions: Tensor | None = None  # [L] int64
    visible: Tensor | None = None  # [L, L] bool
    lane: int | None = 0
    """Which of the canvases that are decoded together this one is: what a cache finds its keys and values by. None is asked about once,
    and no cache remembers it."""
    focus: Tensor | None = None  # [L] bool
    """The rows that are decided now, such as a block; None is all rows wanted. A denoiser with a cache may answer the others
    with zeros."""
    read: Tensor | None = None  # [R] bool
    """Which of the answers are read, None is all. A denoiser may give zeros for the others: the head is not free."""


def send(numbers: Tensor, place: torch.device) -> Tensor:
    """Copy numbers of the host to a device, behind what that still has to do and without waiting for it.

    Main memory that is not pinned is read before CUDA returns, so it may be written at once. Metal reads it later.
    """
    return numbers.to(place, non_blocking=place.type != "mps")


class Denoiser(Protocol):
    """A masked-diffusion model.

    Promises: row i of an answer is about the token at `rows[i]` (the shift of the Dream family is inside);
    answers are float32 on the CPU's or the model's device, without gradient; only the rows wanted are computed;
    a view's answer does not depend on its neighbours in the call but for rounding, which is coarse in `bfloat16` and the int8s; same input,
    same output.
    """

    @property
    def vocabulary(self) -> Vocabulary:
        """The ids that decoding must know."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's tokenizer."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest canvas the model was trained for."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, for people: 'cpu', 'cuda:0', 'mps'."""
        ...

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Give the logits of each view's rows, one [R, V] float32 tensor per view."""
        ...
