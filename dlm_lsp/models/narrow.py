"""Weights of 8 bits on a GPU: the layers' take half the memory that they take in bfloat16, and fp8 is multiplied as it is.

In: a network whose weights lie in main memory, the name of a number format, a device. Out: the same network on the device. Embedding,
norms and head stay in the format in which they were read. What a device cannot multiply is a RuntimeError that says why.
It knows no family (modules say under `together` what reads the same rows) and no file.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlm_lsp.models.packing import Maker, Packed, in_levels

FP8_MOST = 448.0
"""The largest number of float8_e4m3fn."""
FP8_MULTIPLE = 16
"""What the units that multiply it want sizes to be."""
LEAST = 1e-12
"""What a row's greatest number counts as at least: rows of zeros are divided by it."""
TOO_FAR = 0.06
"""Of a product's length: what a format may lose when it is tried."""


class Int8(nn.Module):
    """Weights rounded to 255 levels a row and widened for each product: rows that come stay as they are.

    It saves memory and no time: a product reads less than one in bfloat16, and then writes and reads what was widened.
    """

    levels: Tensor  # [N, D] int8
    scale: Tensor  # [N] float32
    bias: Tensor | None  # [N]

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:  # [N, D], [N]
        super().__init__()
        levels, scale = in_levels(weight.float())
        self.register_buffer("levels", levels)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:  # [..., D] -> [..., N]
        """Multiply."""
        out = functional.linear(x, self.levels.to(x.dtype)) * self.scale
        return (out if self.bias is None else out + self.bias).to(x.dtype)


class Fp8(nn.Module):
    """Weights in float8_e4m3fn with a scale a row, and so the rows that come; multiplied by the card's own units.

    Elsewhere, as on the CPU where a model goes for want of memory, the same numbers are multiplied after they were widened.
    """

    weight: Tensor  # [N, D] float8
    scale: Tensor  # [1, N] float32
    bias: Tensor | None  # [N]

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:  # [N, D], [N]
        super().__init__()
        narrow, scale = in_fp8(weight)
        self.register_buffer("weight", narrow)
        self.register_buffer("scale", scale.t().contiguous())
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:  # [..., D] -> [..., N]
        """Multiply."""
        rows, scale = in_fp8(x.flatten(0, -2))
        if rows.is_cuda:  # torch has no public name for it
            out = torch._scaled_mm(rows, self.weight.t(), scale, self.scale, out_dtype=torch.bfloat16)  # noqa: SLF001
        else:
            out = functional.linear(rows.float() * scale, self.weight.float() * self.scale.t())
        out = out.view(*x.shape[:-1], len(self.weight))
        return (out if self.bias is None else out + self.bias).to(x.dtype)


def in_fp8(rows: Tensor) -> tuple[Tensor, Tensor]:  # [R, D] -> [R, D] float8, [R, 1] float32
    """Bring every row to the range of float8; give it, and what it is to be multiplied by."""
    scale = rows.abs().amax(1, keepdim=True).float().clamp_min(LEAST) / FP8_MOST
    return (rows / scale).to(torch.float8_e4m3fn), scale


FP8 = "fp8"
NARROW: dict[str, Maker] = {"int8": Int8, FP8: Fp8}
"""By the names of the setting `dtype`."""


def narrow_weights(network: nn.Module, dtype: str, place: torch.device) -> None:
    """Bring a network to a device, its layers in a number format of 8 bits; raise RuntimeError where there is no such format."""
    make = NARROW[dtype]
    if why := find_fault(make, place):
        raise RuntimeError(why)
    sizes = {size for layer in find_body(network) if isinstance(layer, nn.Linear) for size in layer.weight.shape}
    if dtype == FP8 and any(size % FP8_MULTIPLE for size in sizes):
        raise RuntimeError(f"its layers' sizes are no multiples of {FP8_MULTIPLE}")
    replace_layers(network, make, place)
    network.to(place)


def find_body(network: nn.Module) -> list[nn.Module]:
    """Give all that is inside of a network's layers."""
    layers = [module for module in network.modules() if isinstance(module, nn.ModuleList)]
    return [module for each in layers for module in each.modules()]


def find_fault(make: Maker, place: torch.device) -> str:
    """Say why a device does not multiply so; nothing where it does, and comes out right."""
    generator = torch.Generator().manual_seed(0)
    weight, bias, x = (
        torch.randn(*shape, generator=generator).to(place, torch.bfloat16) for shape in ((64, 32), (64,), (1, 37, 32))
    )  # an odd number of rows, as a hole may have
    expected = functional.linear(x, weight, bias).float()
    try:
        found = make(weight, bias)(x).float()
        distance = float((found - expected).norm() / expected.norm())
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        return str(error).partition("\n")[0]
    return "" if distance <= TOO_FAR else "its products come out wrong"


def replace_layers(network: nn.Module, make: Maker, place: torch.device) -> None:
    """Make the layers of a network narrow on a device, one after another: no more than one of them lies there at full width."""
    for module in find_body(network):
        for name, parts in getattr(module, "together", {}).items():
            layers = [layer.to(place) for layer in map(module.get_submodule, parts) if isinstance(layer, nn.Linear)]
            setattr(module, name, Packed(layers, make))
            for part in parts:
                delattr(module, part)
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(module, name, Packed([layer.to(place)], make))
