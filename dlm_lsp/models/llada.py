"""The LLaDA family (LLaDA-8B and what is built on it): config, forward pass.

A Llama body without the causal mask whose row i predicts token i itself (LLaDA, arXiv 2502.09992; `modeling_llada.py`, which
descends from OLMo). In: config.json as a dict, weights by their Hugging Face names. Out: logits. Knows no file format, tokenizer
or sampler.
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
from dlm_lsp.models.transformer import Beside, Kept, RMSNorm, attend, check_heads, read_numbers, room, rotary

ONLY: dict[str, tuple[object, ...]] = {
    "block_type": ("llama",),
    "block_group_size": (1,),
    "activation_type": ("silu",),
    "layer_norm_type": ("rms",),
    "layer_norm_with_affine": (True,),
    "bias_for_layer_norm": (False, None),
    "attention_layer_norm": (False,),
    "input_emb_norm": (False,),
    "rope": (True,),
    "alibi": (False,),
    "clip_qkv": (None,),
    "multi_query_attention": (None, False),
    "scale_logits": (False,),
}
"""OLMo's code has more layouts than any LLaDA was trained in; the first is what is meant where config.json says nothing."""


@dataclass(frozen=True, slots=True)
class LladaConfig:
    """The keys of config.json that the forward pass reads, under their names there."""

    vocab_size: int
    d_model: int
    mlp_hidden_size: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    rms_norm_eps: float
    rope_theta: float
    rope_full_precision: bool
    """Whether rows are turned in float32 whatever the number format of the weights."""
    weight_tying: bool
    include_bias: bool
    include_qkv_bias: bool
    max_sequence_length: int

    @property
    def head_size(self) -> int:
        """Numbers per attention head."""
        return self.d_model // self.n_heads

    @classmethod
    def from_json(cls, config: dict[str, object]) -> "LladaConfig":
        """Read a parsed config.json; raise ModelError where a key is missing or the layout is not LLaDA's."""
        for name, allowed in ONLY.items():
            if config.get(name, allowed[0]) not in allowed:
                raise ModelError(f"config.json: {name} is {config[name]!r}; the LLaDA family has {allowed[0]!r}")
        if config.get("embedding_size") not in (None, config.get("vocab_size")):
            raise ModelError(
                f"config.json: embedding_size is {config['embedding_size']!r}, vocab_size {config.get('vocab_size')!r}; "
                "only models in which both are the same are supported"
            )
        defaults: dict[str, object] = {
            "n_kv_heads": config.get("n_heads"),
            "rms_norm_eps": 1e-5,
            "rope_theta": 1e4,
            "rope_full_precision": True,
            "weight_tying": False,
            "include_bias": False,
            "include_qkv_bias": False,
            "max_sequence_length": 4096,
        }
        config = {name: value for name, value in config.items() if value is not None}  # null means the default
        width, ratio = config.get("d_model"), config.get("mlp_ratio", 4)
        if isinstance(width, int) and isinstance(ratio, int):
            defaults["mlp_hidden_size"] = width * ratio
        kinds = {name: field.type for name, field in cls.__dataclass_fields__.items() if isinstance(field.type, type)}
        made = cls(**read_numbers(kinds, config, defaults))
        check_heads(made.d_model, made.n_heads, made.n_kv_heads)
        return made


class Block(nn.Module):
    """One pre-norm transformer layer: attention, then SwiGLU."""

    together: ClassVar = {"qkv": ("q_proj", "k_proj", "v_proj"), "gate_up": ("ff_proj", "up_proj")}

    def __init__(self, config: LladaConfig) -> None:
        super().__init__()
        self.qkv: Packed | None = None
        self.gate_up: Packed | None = None
        size, kv_size = config.d_model, config.n_kv_heads * config.head_size
        bias, qkv_bias = config.include_bias, config.include_bias or config.include_qkv_bias
        self.attn_norm = RMSNorm(size, config.rms_norm_eps)
        self.q_proj = nn.Linear(size, size, bias=qkv_bias)
        self.k_proj = nn.Linear(size, kv_size, bias=qkv_bias)
        self.v_proj = nn.Linear(size, kv_size, bias=qkv_bias)
        self.attn_out = nn.Linear(size, size, bias=bias)
        self.ff_norm = RMSNorm(size, config.rms_norm_eps)
        self.ff_proj = nn.Linear(size, config.mlp_hidden_size, bias=bias)
        self.up_proj = nn.Linear(size, config.mlp_hidden_size, bias=bias)
        self.ff_out = nn.Linear(config.mlp_hidden_size, size, bias=bias)
        self.head_size = config.head_size

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, visible: Tensor | None, beside: Sequence[Beside] = ()
    ) -> Tensor:  # [B, L, D] -> [B, L, D]
        """Attend, then transform each row."""
        batch, length, _ = x.shape
        normed = self.attn_norm(x)
        parts = self.qkv.apart(normed) if self.qkv else (self.q_proj(normed), self.k_proj(normed), self.v_proj(normed))
        q, k, v = (part.view(batch, length, -1, self.head_size).transpose(1, 2) for part in parts)
        mixed = attend(q, k, v, cos, sin, visible=visible, beside=beside)
        x = x + self.attn_out(mixed.transpose(1, 2).reshape(batch, length, -1))
        normed = self.ff_norm(x)
        gate, up = self.gate_up.apart(normed) if self.gate_up else (self.ff_proj(normed), self.up_proj(normed))
        out: Tensor = x + self.ff_out(functional.silu(gate) * up)
        return out


class LladaBody(nn.Module):
    """The checkpoint's `model.` part: everything hangs under one dictionary named `transformer`, the head too."""

    def __init__(self, config: LladaConfig) -> None:
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocab_size, config.d_model),
                "blocks": nn.ModuleList(Block(config) for _ in range(config.n_layers)),
                "ln_f": RMSNorm(config.d_model, config.rms_norm_eps),
            }
        )
        if not config.weight_tying:
            self.transformer["ff_out"] = nn.Linear(config.d_model, config.vocab_size, bias=config.include_bias)


class LladaModel(nn.Module):
    """The whole network; parameter names are the checkpoint's."""

    def __init__(self, config: LladaConfig) -> None:
        super().__init__()
        self.config = config
        self.model = LladaBody(config)

    @property
    def max_tokens(self) -> int:
        """The longest canvas it was trained for."""
        return self.config.max_sequence_length

    @property
    def layer_count(self) -> int:
        """How many layers it has."""
        return self.config.n_layers

    @property
    def _embedding(self) -> Tensor:  # [V, D]
        weight = self.model.transformer["wte"].weight
        assert isinstance(weight, Tensor), "an embedding's weight is a tensor"
        return weight

    def keep(self, length: int) -> Kept:
        """Make room for what is kept of a canvas of so many rows."""
        return room(self.layer_count, self.config.n_kv_heads, self.config.head_size, length, self._embedding)

    def turn(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Give cosine and sine of positions [B, L]."""
        dtype = self._embedding.dtype
        if self.config.rope_full_precision:
            dtype = torch.promote_types(dtype, torch.float32)
        return rotary(positions, self.config.head_size, self.config.rope_theta, dtype)

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
        parts = self.model.transformer
        x = parts["wte"](tokens)
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        cos, sin = self.turn(positions)
        blocks = parts["blocks"]
        assert isinstance(blocks, nn.ModuleList), "the layers are a list"
        for number, block in enumerate(islice(blocks, layers)):
            x = block(x, cos, sin, visible, beside[number] if beside else ())
        out: Tensor = parts["ln_f"](x)
        return out

    def head(self, hidden: Tensor) -> Tensor:  # [N, D] -> [N, V]
        """Give the logits of hidden states."""
        if self.config.weight_tying:
            return functional.linear(hidden, self._embedding)
        out: Tensor = self.model.transformer["ff_out"](hidden)
        return out

    def speakers(self, rows: Tensor) -> Tensor:  # [R] -> [R]
        """Give the rows of the network that speak about the tokens at `rows`: those themselves."""
        return rows

    def forward(self, tokens: Tensor) -> Tensor:  # [B, L] -> [B, L, V]
        """Give the logits of all rows."""
        return self.head(self.hidden(tokens))
