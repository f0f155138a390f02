"""Layers in narrower numbers, as torch itself can multiply them on a GPU: for the benchmark, not for the server.

In: a network. Out: the same network, for a while with other linear layers in its body. It knows no family and measures nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

FP8_MOST = 448.0
"""The largest number of float8_e4m3fn."""


class Int8Weights(nn.Module):
    """Weights rounded to 255 steps a row; activations stay as they are."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        scale = layer.weight.abs().amax(1, keepdim=True) / 127  # [N, 1]
        self.weight = (layer.weight / scale).round().to(torch.int8)
        self.scale = scale[:, 0].contiguous()
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:  # [..., D] -> [..., N]
        """Multiply."""
        rows = x.reshape(-1, x.shape[-1])
        out: Tensor = torch.ops.aten._weight_int8pack_mm(rows, self.weight, self.scale)  # noqa: SLF001 torch has no public one
        out = out.view(*x.shape[:-1], -1)
        return out if self.bias is None else out + self.bias


class Fp8(nn.Module):
    """Weights in float8, a scale a row; activations are brought there row by row."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        scale = layer.weight.abs().amax(1, keepdim=True).float() / FP8_MOST  # [N, 1]
        self.weight = (layer.weight / scale).to(torch.float8_e4m3fn)
        self.scale = scale.t().contiguous()  # [1, N]
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:  # [..., D] -> [..., N]
        """Multiply."""
        rows = x.reshape(-1, x.shape[-1])
        scale = rows.abs().amax(1, keepdim=True).float().clamp_min(1e-12) / FP8_MOST  # [R, 1]
        narrow = (rows / scale).to(torch.float8_e4m3fn)
        out = torch._scaled_mm(narrow, self.weight.t(), scale, self.scale, out_dtype=torch.bfloat16)  # noqa: SLF001 torch has no public one
        out = out.to(x.dtype).view(*x.shape[:-1], -1)
        return out if self.bias is None else out + self.bias


FORMATS: dict[str, Callable[[nn.Linear], nn.Module]] = {"fp8": Fp8, "int8 weights": Int8Weights}


@contextmanager
def swapped(network: nn.Module, make: Callable[[nn.Linear], nn.Module]) -> Iterator[None]:
    """Put other layers into the body of a network for a while; what is tied to the embedding, or as wide, is left."""
    before: list[tuple[nn.Module, str, nn.Linear]] = []
    body = [module for module in network.modules() if isinstance(module, nn.ModuleList)]
    try:
        for parent in (module for blocks in body for module in blocks.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, nn.Linear):
                    before.append((parent, name, layer))
                    setattr(parent, name, make(layer))
        yield
    finally:
        for parent, name, layer in before:
            setattr(parent, name, layer)
