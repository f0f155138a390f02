"""What a machine allows: how fast it multiplies a model's matrices and copies memory, and what an answer must cost at least.

    python -m benchmarks.roofline --model nano         # a few seconds; prints two tables

In: the config.json of a checkpoint, a device. Out: measured rates, and limits in milliseconds. It runs no model and reads no weights.

A call that computes R rows of a canvas of L, A of which go through the head, needs at least

    FLOPs   2 R N P  +  4 R L D N  +  2 A D V         with P = 2 D² + 2 D G + 3 D F, the weights of a layer
    bytes   b (N P + D V)  +  2 b L G N  +  8 b R D N   weights, keys and values of the canvas, eight passes over the rows a layer

for N layers, width D, key-value width G, inner width F, vocabulary V and b bytes a number. Its limit is the longer of the times that
the FLOPs take at the measured rate for matrices of the model's own sizes at R rows, and the bytes at the measured rate of copying. No
launches, no norms, no sampling: a bound, not a forecast. Copying is measured on as many bytes as the weights have. Where context is kept, R is the hole; else, and in the first call of a
window that was never seen, R is L. A is half of the hole: so many of its tokens are open on average.
"""

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dlm_lsp.models.folders import CONFIG, find, read_json

BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}
"""Of a number, in the formats that are measured."""
MAX_COPY_BYTES = 2**30
"""What is copied is as large as the weights, so that it lies in a cache where they do, but not larger than this."""
MEASURE_S = 0.1
"""For each product, at least; the fastest run counts."""
HOLES, CANVASES = (8, 16, 32, 64, 128), (256, 512, 1024, 2048)


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network, as far as its cost depends on them."""

    layers: int
    width: int
    kv_width: int
    inner_width: int
    vocabulary: int

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> "Shape":
        """Read a config.json of the Dream or the LLaDA family."""
        dream = ("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "intermediate_size")
        llada = ("n_layers", "d_model", "n_heads", "n_kv_heads", "mlp_hidden_size")
        names = llada if config["model_type"] == "llada" else dream
        layers, width, heads, kv_heads, inner = (config.get(name) for name in names)
        return cls(layers, width, width // heads * (kv_heads or heads), inner, config["vocab_size"])

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of a layer's products, those that go together packed into one."""
        width, inner = self.width, self.inner_width
        return ((width, width + 2 * self.kv_width), (width, width), (width, 2 * inner), (inner, width))

    @property
    def layer_weights(self) -> int:
        """Of one layer."""
        return sum(inputs * outputs for inputs, outputs in self.matrices)

    def flops(self, rows: int, canvas: int, asked: int) -> float:
        """Count the additions and multiplications of a call."""
        body = 2 * rows * self.layers * self.layer_weights
        return body + 4 * rows * canvas * self.width * self.layers + 2 * asked * self.width * self.vocabulary

    @property
    def weights(self) -> int:
        """All that a call reads."""
        return self.layers * self.layer_weights + self.width * self.vocabulary

    def bytes(self, rows: int, canvas: int, number_bytes: int) -> float:
        """Count the bytes that a call moves."""
        kept = 2 * canvas * self.kv_width * self.layers
        return number_bytes * (self.weights + kept + 8 * rows * self.width * self.layers)


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured of a machine."""

    gflops: dict[str, dict[int, float]]
    """By number format and rows: of a layer's products, 1e9 a second."""
    copy_gb_per_s: dict[str, float]
    """By number format: bytes read and written, 1e9 a second."""

    def call_ms(self, shape: Shape, number: str, *, rows: int, canvas: int, asked: int) -> float:
        """Give the limit of a call, at the rate of the number of rows that was measured and is nearest."""
        measured = self.gflops[number]
        rate = measured[min(measured, key=lambda known: abs(math.log(known / rows)))]
        compute_s = shape.flops(rows, canvas, asked) / (rate * 1e9)
        move_s = shape.bytes(rows, canvas, BYTES[number]) / (self.copy_gb_per_s[number] * 1e9)
        return 1000 * max(compute_s, move_s)

    def answer_ms(self, shape: Shape, number: str, *, calls: int, hole: int, canvas: int, cold: bool) -> float:
        """Give the limit of an answer of so many calls over kept context, which a cold one computes in its first."""
        asked = -(-hole // 2)
        step = self.call_ms(shape, number, rows=hole, canvas=canvas, asked=asked)
        first = self.call_ms(shape, number, rows=canvas if cold else hole, canvas=canvas, asked=asked)
        return first + (calls - 1) * step


def shape_of(model: str) -> Shape:
    """Read the sizes of a model by its name or folder."""
    return Shape.from_json(read_json(find(model) / CONFIG))


def measure(shape: Shape, rows: Sequence[int], device: str = "cpu", threads: int = 0) -> Rates:
    """Measure the machine; formats that it cannot multiply are left out."""
    if threads:
        torch.set_num_threads(threads)
    gflops: dict[str, dict[int, float]] = {}
    for number in BYTES:
        for count in rows:
            try:
                spent = sum(seconds(*product(number, count, sizes, device)) for sizes in shape.matrices)
            except RuntimeError:  # no such product here, or not of so few rows
                continue
            gflops.setdefault(number, {})[count] = round(2 * count * shape.layer_weights / spent / 1e9, 1)
    return Rates(gflops, {number: copy_rate(shape.weights * BYTES[number], device) for number in gflops})


def copy_rate(size_bytes: int, device: str) -> float:
    """Measure how fast half of so many bytes are copied to the other half."""
    source = torch.zeros(min(size_bytes, MAX_COPY_BYTES) // 2, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return round(2 * len(source) / seconds(lambda: target.copy_(source), device) / 1e9, 1)


def product(number: str, rows: int, sizes: tuple[int, int], device: str) -> tuple[Callable[[], object], str]:
    """Make a product of activations [rows, inputs] and a weight [outputs, inputs], as a layer has it."""
    inputs, outputs = sizes
    if number == "int8":
        x = torch.randint(-127, 127, (rows, inputs), dtype=torch.int8, device=device)
        weight = torch.randint(-127, 127, (outputs, inputs), dtype=torch.int8, device=device)
        return lambda: torch._int_mm(x, weight.t()), device  # noqa: SLF001 torch has no public one
    dtype = getattr(torch, number)
    wide, wide_weight = (torch.randn(size, inputs, dtype=dtype, device=device) for size in (rows, outputs))
    return lambda: torch.nn.functional.linear(wide, wide_weight), device


@torch.inference_mode()
def seconds(run: Callable[[], object], device: str) -> float:
    """Give the shortest of many runs."""
    begin, best = time.perf_counter(), math.inf
    run()
    while time.perf_counter() - begin < MEASURE_S or best == math.inf:
        wait(device)
        start = time.perf_counter()
        run()
        wait(device)
        best = min(best, time.perf_counter() - start)
    return best


def wait(device: str) -> None:
    """Wait for what was only sent to the device."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def as_table(shape: Shape, rates: Rates) -> str:
    """Lay out the rates, and the limits of a call over kept context and of one over the whole canvas."""
    rows = sorted({count for measured in rates.gflops.values() for count in measured})
    lines = [
        "Products of the model's own sizes, GFLOP/s by rows; copying of as many bytes as its weights have, GB/s read and written.",
        "",
        "| format | " + " | ".join(map(str, rows)) + " | copying |",
        "| --- |" + " --- |" * (len(rows) + 1),
    ]
    for number, measured in rates.gflops.items():
        cells = [*(str(measured.get(count, "")) for count in rows), str(rates.copy_gb_per_s[number])]
        lines.append(f"| {number} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Limit of a model call, ms: the rows of the hole alone, context kept (hole 32) — and all rows of the canvas.",
        "",
        "| canvas | " + " | ".join(rates.gflops) + " |",
        "| --- |" + " --- |" * len(rates.gflops),
    ]
    for canvas in (count for count in rows if count >= CANVASES[0]):
        limits = [
            [rates.call_ms(shape, number, rows=count, canvas=canvas, asked=16) for count in (32, canvas)]
            for number in rates.gflops
        ]
        lines.append(f"| {canvas} | " + " | ".join(f"{hole:.2f} — {whole:.1f}" for hole, whole in limits) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="nano")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves it to PyTorch")
    options = parser.parse_args()
    shape = shape_of(options.model)
    print(as_table(shape, measure(shape, (*HOLES, *CANVASES), options.device, options.threads)))


if __name__ == "__main__":
    main()
