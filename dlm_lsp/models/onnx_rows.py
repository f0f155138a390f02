"""The rows of a hole by ONNX Runtime, an optional extra: int8 products, and all that stands between them as one call. CPU only.

In: what `transformer.compute` takes, and a network of the Dream family with its weights as they were read. Out: the same as from
`compute`, but for rounding. The graph is made of the weights when a model is loaded, and no file is written. Knows no rule of caching,
no sampler and no text.

Products round every weight's row to 255 levels, and the rows that come, together, to 256. What comes to `o_proj` and `down_proj` has
not been normed, and single rows of it are far greater than the others: there each row is divided by its greatest number first. On the
bundled model that takes the divergence from float32 from 0.009 to 0.001 nats a masked row.

Where the package is missing or too old, or its kernels fail or are wrong on this CPU, `run_by_onnx` raises RuntimeError.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlm_lsp.models.dream import DreamModel, Layer
from dlm_lsp.models.packing import Packed, Product, in_levels
from dlm_lsp.models.transformer import Again, Network, compute

NAME = "onnx-int8"
"""As a number format, in the setting `dtype`."""
OURS = frozenset({"DynamicQuantizeMatMul", "RotaryEmbedding"})
"""Operations of ONNX Runtime that no standard knows in this form."""
OPERATIONS, OWN_OPERATIONS, FILE_VERSION = 17, 1, 9
"""Versions of the standard that are written: those that runtimes since 2023 read."""
OVERFLOW_SIZE, CHECKED_ROWS = 64, 8
"""What is computed once while a model is loaded, to see whether it comes out right."""
THREADS_NUMBERS = 100_000_000
"""Of a network of fewer numbers every step is one thread's work: a second one takes longer to wake than an operation takes."""
MAX_LAYERS = 128
"""What it takes to get a graph ready grows faster than its layers do: with 700 of them, however small, it takes minutes."""
TOO_FAR = 0.1
"""Of the exact hidden states' length."""

Run = Callable[[Mapping[str, Tensor]], list[Tensor]]
"""Runs a graph."""


class Graph:
    """A graph while it is written: operations, and the weights that they read, by names."""

    def __init__(self) -> None:
        import onnx

        self._onnx = onnx
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._numbers = 0

    def weight(self, tensor: Tensor) -> str:
        """Add numbers."""
        name = f"weight {len(self._weights)}"
        self._numbers += tensor.numel()
        self._weights.append(self._onnx.numpy_helper.from_array(tensor.detach().contiguous().numpy(), name))
        return name

    def several(self, operation: str, count: int, *inputs: str, **options: object) -> list[str]:
        """Add an operation with so many results."""
        names = [f"{operation} {len(self._nodes)} {k}" for k in range(count)]
        domain = "com.microsoft" if operation in OURS else ""
        self._nodes.append(self._onnx.helper.make_node(operation, inputs, names, domain=domain, **options))
        return names

    def one(self, operation: str, *inputs: str, **options: object) -> str:
        """Add an operation with one result."""
        return self.several(operation, 1, *inputs, **options)[0]

    def shaped(self, x: str, *shape: int) -> str:
        """Give the same numbers in another shape."""
        return self.one("Reshape", x, self.weight(torch.tensor(shape)))

    def product(self, x: str, weight: Tensor, bias: Tensor | None = None) -> str:  # [N, D], [N]
        """Multiply rows by a weight, both rounded to int8, and add a bias."""
        levels, scale = in_levels(weight)
        inputs = [x, self.weight(levels.T), self.weight(scale), self.weight(torch.zeros(len(scale), dtype=torch.int8))]
        return self.one("DynamicQuantizeMatMul", *inputs, *([] if bias is None else [self.weight(bias)]))

    def product_of_unequal(self, x: str, weight: Tensor) -> str:  # [N, D]
        """Do the same for rows of which some are far greater than others."""
        greatest = self.one("ReduceMax", self.one("Abs", x), axes=[-1])
        greatest = self.one("Max", greatest, self.weight(torch.tensor(torch.finfo(torch.float32).tiny)))
        return self.one("Mul", self.product(self.one("Div", x, greatest), weight), greatest)

    def run(self, inputs: dict[str, tuple[torch.dtype, Sequence[str | int]]], outputs: Sequence[str]) -> Run:
        """Give what runs it, by as many threads as torch takes if it is large."""
        import onnxruntime

        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        kind_of = {torch.float32: kinds.FLOAT, torch.int64: kinds.INT64}
        given = [helper.make_tensor_value_info(name, kind_of[kind], shape) for name, (kind, shape) in inputs.items()]
        wanted = [helper.make_tensor_value_info(name, kinds.FLOAT, None) for name in outputs]
        versions = [helper.make_opsetid("", OPERATIONS), helper.make_opsetid("com.microsoft", OWN_OPERATIONS)]
        graph = helper.make_graph(self._nodes, "rows", given, wanted, self._weights)
        model = helper.make_model(graph, opset_imports=versions, ir_version=FILE_VERSION)
        onnxruntime.disable_telemetry_events()  # its builds for Windows write them
        options = onnxruntime.SessionOptions()
        is_large = self._numbers > THREADS_NUMBERS
        options.intra_op_num_threads = torch.get_num_threads() if is_large else 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # between two steps it has to wait
        made = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

        def run(given: Mapping[str, Tensor]) -> list[Tensor]:
            try:
                found = made.run(list(outputs), {name: tensor.numpy() for name, tensor in given.items()})
            except Exception as error:  # as `run_by_onnx` does: a lack of memory, above all
                raise RuntimeError(str(error).partition("\n")[0]) from error
            return [torch.from_numpy(array) for array in found]

        return run


@dataclass(frozen=True, slots=True)
class OnnxRows:
    """Does what `compute` does, for one network."""

    network: DreamModel
    run: Run

    def __call__(self, network: Network, pieces: Sequence[Again], layers: int | None = None) -> None:
        """Compute these rows again and keep them, canvas by canvas; the graph has all layers, fewer are computed without it."""
        if layers is not None:
            compute(network, pieces, layers)
            return
        for piece in pieces:
            self._compute(piece)

    def _compute(self, piece: Again) -> None:
        assert piece.unseen is None, "only a buffer of a CUDA graph is longer than its canvas"
        rows, kept = piece.rows, piece.kept
        _, _, heads, length, head_size = kept.keys.shape
        cos, sin = self.network.turn(piece.positions[None])
        places = torch.zeros(1, heads, len(rows), 3, dtype=torch.int64)
        places[..., 1] = torch.arange(heads)[:, None]
        places[..., 2] = rows
        given = {
            "x": self.network.model.embed_tokens(piece.tokens[rows]),
            "rows": rows[None],
            "everything": torch.arange(length)[None],
            "places": places,
            "cos": cos[0, :, head_size // 2 :].contiguous(),
            "sin": sin[0, :, head_size // 2 :].contiguous(),
        }
        for number, (keys, values) in enumerate(zip(kept.keys, kept.values, strict=True)):
            given |= {f"keys {number}": keys, f"values {number}": values}
        hidden, keys, values = self.run(given)
        kept.hidden.index_copy_(0, rows, hidden)
        kept.keys[:, 0].index_copy_(2, rows, keys)
        kept.values[:, 0].index_copy_(2, rows, values)


def run_by_onnx(network: nn.Module) -> OnnxRows:
    """Give what computes a network's rows, and make its head such a product too; RuntimeError where that cannot be had.

    Its weights are there, in float32, and not packed yet.
    """
    if not isinstance(network, DreamModel):
        raise RuntimeError("only for networks of the Dream family")  # noqa: TRY004 as for any other reason
    if len(network.model.layers) > MAX_LAYERS:
        raise RuntimeError(f"only for networks of at most {MAX_LAYERS} layers")
    try:
        check_overflow()
        rows = OnnxRows(network, write_layers(network))
        check_rows(rows)
        setattr(network, "lm_head", Packed([network.lm_head], int8_product))  # noqa: B010 another type, as packing does
    except ImportError as error:
        raise RuntimeError(f"it needs more packages, pip install 'dlm-lsp[onnx]': {error}") from error
    except Exception as error:  # ONNX Runtime's own errors have no class in common
        raise RuntimeError(str(error).partition("\n")[0]) from error
    return rows


def check_overflow() -> None:
    """Raise RuntimeError where products are summed in 16 bits, as on CPUs without instructions for it: large sums come out small."""
    ones = torch.ones(OVERFLOW_SIZE, OVERFLOW_SIZE)
    if not torch.allclose(int8_product(ones)(ones), ones.sum(1), rtol=0.01):
        raise RuntimeError("its int8 products overflow on this CPU")


@torch.inference_mode()
def check_rows(rows: OnnxRows) -> None:
    """Raise RuntimeError where a small canvas comes out otherwise than by `compute`."""
    everything = torch.arange(CHECKED_ROWS)
    found = []
    for work in (compute, rows):
        kept = rows.network.keep(CHECKED_ROWS)
        work(rows.network, [Again(everything, everything, everything, kept)])
        found.append(kept.hidden)
    if not (found[0] - found[1]).norm() <= TOO_FAR * found[0].norm():  # not so where it is no number
        raise RuntimeError("it computes something else on this CPU")


def write_layers(network: DreamModel) -> Run:
    """Write all layers and the last norm: from embedded rows and what is kept, to hidden states, keys and values of these rows."""
    config, graph = network.config, Graph()
    heads, kv_heads, head_size = config.num_attention_heads, config.num_key_value_heads, config.head_size

    def normed(x: str, weight: Tensor) -> str:
        return graph.one("SimplifiedLayerNormalization", x, graph.weight(weight), epsilon=config.rms_norm_eps)

    def parts(x: str, *counts: int) -> list[str]:
        return graph.several("Split", len(counts), x, graph.weight(torch.tensor(counts)), axis=1)

    kept_shape = (torch.float32, (1, kv_heads, "L", head_size))
    inputs: dict[str, tuple[torch.dtype, Sequence[str | int]]] = {
        "x": (torch.float32, ("R", config.hidden_size)),
        "rows": (torch.int64, (1, "R")),
        "everything": (torch.int64, (1, "L")),
        "places": (torch.int64, (1, kv_heads, "R", 3)),
        "cos": (torch.float32, ("L", head_size // 2)),
        "sin": (torch.float32, ("L", head_size // 2)),
    }
    new_keys, new_values = [], []
    x = "x"  # [R, D]
    for number, layer in enumerate(network.model.layers):
        assert isinstance(layer, Layer), "the layers are Dream's"
        here = layer.self_attn
        weight = torch.cat([part.weight for part in (here.q_proj, here.k_proj, here.v_proj)])
        bias = torch.cat([part.bias for part in (here.q_proj, here.k_proj, here.v_proj)])
        qkv = graph.product(normed(x, layer.input_layernorm.weight), weight, bias)
        qkv = graph.shaped(qkv, 1, -1, heads + 2 * kv_heads, head_size)
        qk, v = parts(graph.one("Transpose", qkv, perm=[0, 2, 1, 3]), heads + kv_heads, kv_heads)  # [1, heads, R, S]
        q, k = parts(graph.one("RotaryEmbedding", qk, "rows", "cos", "sin"), heads, kv_heads)
        inputs |= {f"keys {number}": kept_shape, f"values {number}": kept_shape}
        keys = graph.one("RotaryEmbedding", f"keys {number}", "everything", "cos", "sin")
        keys = graph.one("Transpose", graph.one("ScatterND", keys, "places", k), perm=[0, 1, 3, 2])
        values = graph.one("ScatterND", f"values {number}", "places", v)
        # Heads that share keys stand as rows of one.
        scores = graph.one("MatMul", graph.shaped(q, 1, kv_heads, -1, head_size), keys)
        scores = graph.one("Mul", scores, graph.weight(torch.tensor(head_size**-0.5)))
        mixed = graph.shaped(graph.one("MatMul", graph.one("Softmax", scores), values), heads, -1, head_size)
        mixed = graph.shaped(graph.one("Transpose", mixed, perm=[1, 0, 2]), -1, heads * head_size)
        x = graph.one("Add", x, graph.product_of_unequal(mixed, here.o_proj.weight))
        weight = torch.cat([layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight])
        wide = graph.product(normed(x, layer.post_attention_layernorm.weight), weight)
        gate, up = parts(wide, config.intermediate_size, config.intermediate_size)
        gated = graph.one("Mul", graph.one("Mul", gate, graph.one("Sigmoid", gate)), up)
        x = graph.one("Add", x, graph.product_of_unequal(gated, layer.mlp.down_proj.weight))
        new_keys.append(parts(qk, heads, kv_heads)[1])
        new_values.append(v)
    outputs = [
        normed(x, network.model.norm.weight),
        graph.one("Concat", *new_keys, axis=0),
        graph.one("Concat", *new_values, axis=0),
    ]
    return graph.run(inputs, outputs)


def int8_product(weight: Tensor, bias: Tensor | None = None) -> Product:  # [N, D], [N]
    """Make one product by itself; what `packing` calls a Maker."""
    graph = Graph()
    run = graph.run({"x": (torch.float32, ("R", weight.shape[1]))}, [graph.product("x", weight, bias)])

    def multiply(x: Tensor) -> Tensor:  # [..., D] -> [..., N]
        [found] = run({"x": x.reshape(-1, x.shape[-1])})
        return found.view(*x.shape[:-1], len(weight))

    return multiply
