"""The Dream family (Dream, Dream-Coder, DiffuCoder, DreamOn, the bundled model): config, forward pass.

A Qwen2 body without the causal mask whose row i - 1 predicts token i (Dream, arXiv 2508.15487; `modeling_dream.py`).
In: config.json as a dict, weights by their Hugging Face names. Out: logits. Knows no file format, tokenizer or sampler.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlm_lsp.errors import ModelError
from dlm_lsp.models.packing import Packed
from dlm_lsp.models.transformer import (
    Beside,
    Kept,
    RMSNorm,
    attend,
    check_heads,
    read_numbers,
    room,
    rotary,
)


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
        kinds = {name: field.type for name, field in cls.__dataclass_fields__.items() if isinstance(field.type, type)}
        made = cls(**read_numbers(kinds, config, defaults))
        check_heads(made.hidden_size, made.num_attention_heads, made.num_key_value_heads)
        return made


class Attention(nn.Module):
    """Grouped-query attention with biases on q, k, v and no causal mask."""

    together: ClassVar = {"qkv": ("q_proj", "k_proj", "v_proj")}

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        self.qkv: Packed | None = None
        size, kv_size = config.hidden_size, config.num_key_value_heads * config.head_size
        self.q_proj = nn.Linear(size, size, bias=True)
        self.k_proj = nn.Linear(size, kv_size, bias=True)
        self.v_proj = nn.Linear(size, kv_size, bias=True)
        self.o_proj = nn.Linear(size, size, bias=False)
        self.head_size = config.head_size

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, visible: Tensor | None, beside: Sequence[Beside] = ()
    ) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Attend; `visible` [B, 1, 1 or L, L] is True where a row may look."""
        batch, length, _ = x.shape
        parts = self.qkv.apart(x) if self.qkv else (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        q, k, v = (part.view(batch, length, -1, self.head_size).transpose(1, 2) for part in parts)
        mixed = attend(q, k, v, cos, sin, visible=visible, beside=beside)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))
        return out


class Mlp(nn.Module):
    """SwiGLU without biases."""

    together: ClassVar = {"gate_up": ("gate_proj", "up_proj")}

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        self.gate_up: Packed | None = None
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Gate, widen, narrow."""
        gate, up = self.gate_up.apart(x) if self.gate_up else (self.gate_proj(x), self.up_proj(x))
        out: Tensor = self.down_proj(functional.silu(gate) * up)
        return out


class Layer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, config: DreamConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = Mlp(config)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, visible: Tensor | None, beside: Sequence[Beside] = ()
    ) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Attend, then transform each row."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, visible, beside)
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

    @property
    def max_tokens(self) -> int:
        """The longest canvas it was trained for."""
        return self.config.max_canvas_tokens

    @property
    def layer_count(self) -> int:
        """How many layers it has."""
        return self.config.num_hidden_layers

    def keep(self, length: int) -> Kept:
        """Make room for what is kept of a canvas of so many rows."""
        heads, head_size = self.config.num_key_value_heads, self.config.head_size
        return room(self.layer_count, heads, head_size, length, self.model.embed_tokens.weight)

    def turn(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Give cosine and sine of positions [B, L]."""
        return rotary(positions, self.config.head_size, self.config.rope_theta, self.model.norm.weight.dtype)

    def hidden(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        visible: Tensor | None = None,
        layers: int | None = None,
        beside: Sequence[Sequence[Beside]] = (),
    ) -> Tensor:
        """Give the last hidden states [B, L, D] of tokens [B, L]; `visible` [B, 1, 1 or L, L] limits attention.

        `layers` runs only so many of the first ones; `beside` holds, layer by layer, what `attend` takes.
        """
        x = self.model.embed_tokens(tokens)
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        cos, sin = self.turn(positions)
        for number, layer in enumerate(islice(self.model.layers, layers)):
            x = layer(x, cos, sin, visible, beside[number] if beside else ())
        out: Tensor = self.model.norm(x)
        return out

    def head(self, hidden: Tensor) -> Tensor:  # [N, D] -> [N, V]
        """Give the logits of hidden states."""
        out: Tensor = self.lm_head(hidden)
        return out

    def speakers(self, rows: Tensor) -> Tensor:  # [R] -> [R]
        """Give the rows of the network that speak about the tokens at `rows`.

        Dream's head at i - 1 speaks about token i; token 0 has no row before it and keeps its own.
        """
        return (rows - 1).clamp_min(0)

    def forward(self, tokens: Tensor) -> Tensor:  # [B, L] -> [B, L, V]
        """Give the logits as the authors' model returns them: before the shift."""
        out: Tensor = self.lm_head(self.hidden(tokens))
        return out
