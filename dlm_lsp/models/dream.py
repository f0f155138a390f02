"""The Dream family (Dream, Dream-Coder, DiffuCoder, DreamOn, the bundled model): config, forward pass, denoiser.

A Qwen2 body without the causal mask whose row i - 1 predicts token i (Dream, arXiv 2508.15487; `modeling_dream.py`).
In: config.json as a dict, weights by their Hugging Face names. Out: logits. Knows no file format, tokenizer or sampler.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Tokenizer, View, Vocabulary


@dataclass(frozen=True, slots=True)
class DreamConfig:
    """The keys of config.json that the forward pass reads, under their Hugging Face names."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool
    max_position_embeddings: int
    max_canvas_tokens: int
    """Ours: the longest canvas that training has shown it; RoPE does not carry a small model far beyond."""

    @property
    def head_size(self) -> int:
        """Numbers per attention head."""
        return self.hidden_size // self.num_attention_heads

    @classmethod
    def from_json(cls, config: dict[str, object]) -> "DreamConfig":
        """Read a parsed config.json; raise ModelError where a key is missing or the shape is not Dream's."""
        if config.get("hidden_act", "silu") != "silu":
            msg = f"config.json: hidden_act is {config['hidden_act']!r}; the Dream family has 'silu'"
            raise ModelError(msg)
        # Newer writers of config.json put theta into rope_parameters.
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        if not isinstance(rope, dict) or rope.get("rope_type", rope.get("type", "default")) != "default":
            msg = f"config.json: RoPE scaling {rope} is not supported"
            raise ModelError(msg)
        defaults: dict[str, object] = {
            "rms_norm_eps": 1e-6,
            "rope_theta": rope.get("rope_theta", 1e4),
            "tie_word_embeddings": False,
            "max_position_embeddings": 2048,
            "max_canvas_tokens": config.get("max_position_embeddings", 2048),
            "num_key_value_heads": config.get("num_attention_heads"),
        }
        wanted: dict[str, type] = {
            name: field.type for name, field in cls.__dataclass_fields__.items() if isinstance(field.type, type)
        }
        read: dict[str, object] = {}
        for name, kind in wanted.items():
            value = config.get(name, defaults.get(name))
            if value is None:
                raise ModelError(f"config.json: {name} is missing")
            number = isinstance(value, int | float) and math.isfinite(value) and (value > 0 or kind is bool)
            if not number or kind(value) != value:
                expected = "true or false" if kind is bool else f"a positive {kind.__name__}"
                raise ModelError(f"config.json: {name} is {value!r}, not {expected}")
            read[name] = kind(value)
        made = cls(**read)  # type: ignore[arg-type]
        heads, kv_heads = made.num_attention_heads, made.num_key_value_heads
        if made.hidden_size % (2 * heads) or heads % kv_heads:  # RoPE turns pairs of numbers
            msg = (
                f"config.json: {heads} heads and {kv_heads} key-value heads do not divide a hidden size of "
                f"{made.hidden_size} into even parts"
            )
            raise ModelError(msg)
        return made


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
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(self.weight.dtype)


def rotary(positions: Tensor, head_size: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Give cosine and sine of rotary position embedding, [B, L, head_size] each, from positions [B, L]."""
    exponent = torch.arange(0, head_size, 2, device=positions.device, dtype=torch.float32) / head_size
    angle = positions[..., None].float() * (1.0 / theta**exponent)
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos().to(dtype), angle.sin().to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # [B, heads, L, head_size]
    """Rotate the two halves of every head against each other."""
    first, second = x.chunk(2, dim=-1)
    return x * cos[:, None] + torch.cat([-second, first], dim=-1) * sin[:, None]


class Attention(nn.Module):
    """Grouped-query attention with biases on q, k, v and no causal mask."""

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        size, kv_size = config.hidden_size, config.num_key_value_heads * config.head_size
        self.q_proj = nn.Linear(size, size, bias=True)
        self.k_proj = nn.Linear(size, kv_size, bias=True)
        self.v_proj = nn.Linear(size, kv_size, bias=True)
        self.o_proj = nn.Linear(size, size, bias=False)
        self.head_size = config.head_size

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, visible: Tensor | None) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Attend; `visible` [B, 1, 1 or L, L] is True where a row may look."""
        batch, length, _ = x.shape
        q, k, v = (
            proj(x).view(batch, length, -1, self.head_size).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = functional.scaled_dot_product_attention(
            rotate(q, cos, sin), rotate(k, cos, sin), v, attn_mask=visible, enable_gqa=True
        )
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))
        return out


class Mlp(nn.Module):
    """SwiGLU without biases."""

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Gate, widen, narrow."""
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, visible: Tensor | None) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Attend, then transform each row."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, visible)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class DreamBody(nn.Module):
    """Embedding, layers and last norm: the checkpoint's `model.` part."""

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class DreamModel(nn.Module):
    """The whole network; parameter names are the checkpoint's."""

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        self.config = config
        self.model = DreamBody(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def hidden(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        visible: Tensor | None = None,
        layers: int | None = None,
    ) -> Tensor:
        """Give the last hidden states [B, L, D] of tokens [B, L]; `visible` [B, 1, 1 or L, L] limits attention.

        `layers` runs only so many of the first ones.
        """
        x = self.model.embed_tokens(tokens)
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        cos, sin = rotary(positions, self.config.head_size, self.config.rope_theta, self.model.norm.weight.dtype)
        for layer in islice(self.model.layers, layers):
            x = layer(x, cos, sin, visible)
        out: Tensor = self.model.norm(x)
        return out

    def forward(self, tokens: Tensor) -> Tensor:  # [B, L] -> [B, L, V]
        """Give the logits as the authors' model returns them: before the shift."""
        out: Tensor = self.lm_head(self.hidden(tokens))
        return out


BUCKET_TOKENS = 64
"""Batches are padded to a multiple of this, so that few shapes occur."""


class DreamDenoiser:
    """A Dream-shaped network that answers `View`s; see `models.denoiser.Denoiser` for what it promises."""

    def __init__(
        self, network: DreamModel, vocabulary: Vocabulary, tokenizer: Tokenizer, layers: int | None = None
    ) -> None:
        self._network = network.eval().requires_grad_(requires_grad=False)
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer
        self._layers = layers

    @property
    def layers(self) -> int:
        """How many layers are run."""
        return self._layers or self._network.config.num_hidden_layers

    def skip_above(self, layers: int) -> "DreamDenoiser":
        """Give a cheaper denoiser over the same weights, in which the head reads the rows after so many layers."""
        return DreamDenoiser(self._network, self._vocabulary, self._tokenizer, layers)

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
        return self._network.config.max_canvas_tokens

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._network.lm_head.weight.device)

    @torch.inference_mode()
    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Give the logits [R, V] of each view's rows, shifted so that row i is about token i."""
        if not views:
            return []
        device = self._network.lm_head.weight.device
        tokens, positions, visible = pack([behind(view) for view in views])
        hidden = self._network.hidden(
            tokens.to(device),
            positions.to(device),
            None if visible is None else visible.to(device),
            self._layers,
        )
        # Dream's head at i - 1 speaks about token i; token 0 has no row before it and keeps its own.
        picked = torch.cat([hidden[b, (view.rows - 1).clamp_min(0)] for b, view in enumerate(views)])
        logits: Tensor = self._network.lm_head(picked).float()
        return list(torch.split(logits, [len(view.rows) for view in views]))


def behind(view: View) -> View:
    """Move an attention rule to the rows that answer; the last row answers about nothing and keeps its own."""
    if view.visible is None:
        return view
    return replace(view, visible=torch.cat([view.visible[1:], view.visible[-1:]]))


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
