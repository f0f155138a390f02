"""Linear layers as this machine's CPU multiplies them fastest: made once, when the weights are there.

In: a network with its weights, the name of a number format. Out: the same network, in which layers that read the same rows are one and
weights lie as a kernel wants them. The kernels are no part of torch's public interface: where one is missing, fails or is wrong,
torch's plain product is taken, slower and with the same answers. It knows no family (modules say under `together` what can be one)
and does not decide about formats (`formats` does).
"""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

Product = Callable[[Tensor], Tensor]
"""Multiplies rows [..., D] by a weight and adds a bias: [..., N]."""

Maker = Callable[[Tensor, Tensor | None], Product]
"""Makes that of a weight [N, D] and a bias [N]."""


class Packed(nn.Module):
    """Linear layers over the same rows, as one product."""

    def __init__(self, layers: Sequence[nn.Linear], make: Maker) -> None:
        super().__init__()
        self.sizes = [layer.out_features for layer in layers]
        biases: list[Tensor] = [layer.bias for layer in layers if layer.bias is not None]
        assert len(biases) in {0, len(layers)}, "layers that become one all have biases, or none has"
        weights: list[Tensor] = [layer.weight for layer in layers]
        with torch.no_grad():
            self.product = make(torch.cat(weights), torch.cat(biases) if biases else None)

    def forward(self, x: Tensor) -> Tensor:  # [..., D] -> [..., N]
        """Give what the layers give, side by side."""
        return self.product(x)

    def apart(self, x: Tensor) -> tuple[Tensor, ...]:  # [..., D] -> [..., N] each
        """Give what each of the layers gives."""
        return torch.split(self.product(x), self.sizes, dim=-1)


def plain(weight: Tensor, bias: Tensor | None) -> Product:
    """Leave the weight as it is."""
    return lambda x: functional.linear(x, weight, bias)


def ordered(weight: Tensor, bias: Tensor | None) -> Product:
    """Put the numbers of the weight into the order in which oneDNN's kernels read them."""
    kernels = torch.ops.mkldnn
    inside = kernels._reorder_linear_weight(weight.contiguous())  # noqa: SLF001
    multiply = kernels._linear_pointwise.default  # noqa: SLF001
    return lambda x: multiply(x, inside, bias, "none", [], "")


def int8(weight: Tensor, bias: Tensor | None) -> Product:
    """Round every row of the weight to 255 levels, and all rows that come, together, to 256 (128 where more could overflow).

    A weight that was stored so, as the bundled model's are, loses nothing.
    """
    levels, scale = in_levels(weight)
    before = torch.backends.quantized.engine
    try:
        torch.backends.quantized.engine = next(
            name for name in ("onednn", "fbgemm", "qnnpack") if name in torch.backends.quantized.supported_engines
        )
        with warnings.catch_warnings(action="ignore"):  # torch will drop this type one day; nobody here can help it
            make = torch._make_per_channel_quantized_tensor  # noqa: SLF001
            typed = make(levels, scale.double(), torch.zeros(len(scale), dtype=torch.int64), 0)
            inside = torch.ops.quantized.linear_prepack(typed, bias)
    finally:
        torch.backends.quantized.engine = before
    wide = getattr(torch.cpu, "_is_vnni_supported", bool)()  # sums pairs of products in 32 bits, not in 16
    multiply = torch.ops.quantized.linear_dynamic.default
    return lambda x: multiply(x, inside, not wide)


def in_levels(weight: Tensor) -> tuple[Tensor, Tensor]:  # [N, D] -> [N, D] int8, [N]
    """Round every row of a weight to 255 levels; give them and how far apart they are."""
    scale = (weight.abs().amax(1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    return (weight / scale[:, None]).round().to(torch.int8), scale


def usable(make: Maker, dtype: torch.dtype) -> bool:
    """Whether a kernel is there and multiplies: an int8 product is allowed a hundredth, any other what the format rounds."""
    generator = torch.Generator().manual_seed(0)
    weight, bias, x = (torch.randn(*shape, generator=generator).to(dtype) for shape in ((64, 32), (64,), (1, 5, 32)))
    expected = plain(weight, bias)(x).double()
    try:
        found = make(weight, bias)(x).double()
    except (RuntimeError, AttributeError, NotImplementedError, StopIteration, TypeError):
        return False
    allowed = 0.03 if make is int8 else 8 * torch.finfo(dtype).eps
    return found.shape == expected.shape and bool((found - expected).norm() <= allowed * expected.norm())


def pack_weights(network: nn.Module, dtype: str) -> str:
    """Replace the linear layers of a network on the CPU; give the format in which it runs. Where memory ends, the rest stays as it was.

    With `int8` those are rounded that become one, which read normed rows: what comes to the others has single numbers so much
    greater than the rest that 256 levels do not do (on the bundled model, measured: twenty times the divergence).
    """
    precise = ordered if usable(ordered, next(network.parameters()).dtype) else plain
    coarse = int8 if dtype == "int8" and usable(int8, torch.float32) else precise
    for module in list(network.modules()):
        try:
            for name, parts in getattr(module, "together", {}).items():
                layers = [layer for layer in map(module.get_submodule, parts) if isinstance(layer, nn.Linear)]
                setattr(module, name, Packed(layers, coarse))
                for part in parts:
                    delattr(module, part)
            for name, layer in list(module.named_children()):
                if isinstance(layer, nn.Linear):
                    setattr(module, name, Packed([layer], precise))
        except RuntimeError:  # how torch says that it gets no memory
            break
    return "int8" if coarse is int8 else str(next(network.parameters()).dtype).removeprefix("torch.")
