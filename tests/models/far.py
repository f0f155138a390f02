"""A device for tests that have none: its numbers lie in main memory, and what the host waits for is written down.

A tensor there says that it is on `meta`, where torch has no numbers, so that nothing runs by mistake without being seen here. The host
waits where it wants a number, brings a tensor back, or gives an operation tensors of both sides; it does not where it sends one and says
that it need not arrive at once.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

COPIES = {"aten::to", "aten::_to_copy", "aten::copy_"}
NUMBERS = {"aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero"}
SHAPES = {"aten::nonzero", "aten::unique", "aten::_unique2", "aten::masked_select"}


class FarTensor(Tensor):
    """A tensor on the device."""

    inside: Tensor

    @staticmethod
    def __new__(cls, inside: Tensor) -> Self:
        """Put numbers there."""
        shape: dict[str, Any] = {"strides": inside.stride(), "storage_offset": inside.storage_offset()}
        made = Tensor._make_wrapper_subclass(cls, inside.shape, dtype=inside.dtype, device="meta", **shape)
        made.inside = inside
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, *_: Any) -> Any:
        """Nothing is done where nobody looks."""
        raise AssertionError(f"{func} outside of the device")


def move(network: nn.Module) -> None:
    """Bring the weights of a network to the device."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            setattr(module, name, FarTensor(parameter.data))


class Far(TorchDispatchMode):
    """The device while it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        """The operations for which the host has waited."""
        self.sent = 0
        """How often it has sent something without waiting."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = dict(kwargs or {}), func._schema.name
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        far = any(isinstance(each, FarTensor) for each in tensors)
        near = any(not isinstance(each, FarTensor) and each.ndim for each in tensors)
        to = kwargs.pop("device", None)
        there = far if to is None else torch.device(to).type == "meta"
        if name in COPIES and (near and there) and (kwargs.get("non_blocking") or args[2:3] == (True,)):
            self.sent += 1
        elif (far and (name in NUMBERS | SHAPES or not there)) or (near and there):
            self.waits.append(name)
        bare = {} if to is None else {"device": torch.device("cpu")}
        out = func(*tree_map(_look_inside, args), **tree_map(_look_inside, kwargs), **bare)
        if func._schema.is_mutable and isinstance(args[0], FarTensor):
            return args[0]
        return tree_map(lambda each: FarTensor(each) if there and isinstance(each, Tensor) else each, out)


def _look_inside(each: Any) -> Any:
    return each.inside if isinstance(each, FarTensor) else each
