"""Runs the published code of others at the same shapes with random weights, beside ours: milliseconds a call, nothing else.

In: the folder of a checkout that whoever calls has fetched and trusts: its modules are imported and run, as nothing else of a stranger's
is in this project. Out: rows for `benchmarks.gpu`. It needs transformers, which those modules import; where something is missing, or
the code does not run with the versions that are here, that becomes a note.
"""

import importlib
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from benchmarks.gpu import Bench

MODELING = "modeling_dream.py"


def run_peer(name: str, folder: Path, bench: "Bench") -> None:
    """Measure a call over all rows, and one over a block where the code has a cache for both sides of it."""
    found = sorted(folder.rglob(MODELING), key=lambda path: len(path.parts))
    if not found:
        raise ImportError(f"there is no {MODELING} under {folder}")
    modeling = import_from(found[0].parent, f"peer_{name.lower().replace('-', '_')}")
    network = make_peer(modeling, dict(bench.config), bench.device)
    hole = bench.sizes.holes[0]
    for canvas in bench.sizes.canvases:
        view = bench.question(canvas, hole)
        tokens = view.tokens[None].to(bench.device)
        place = slice(int(view.rows[0]), int(view.rows[-1]) + 1)
        what = {"canvas": canvas, "hole": hole}
        ms = bench.ms(lambda: network(tokens, "full").logits)  # noqa: B023 used at once
        bench.add("peer", ms, what="all rows, all logits", **what)
        if "dual_cache" not in type(network).forward.__code__.co_varnames:
            continue
        kept = network(tokens, "full", None, use_cache=True).past_key_values
        changed = torch.zeros_like(tokens, dtype=torch.bool)
        changed[:, place] = True

        def block() -> object:
            return network(
                tokens[:, place],  # noqa: B023
                "full",
                None,
                past_key_values=kept,  # noqa: B023
                use_cache=True,
                dual_cache=True,
                replace_position=changed,  # noqa: B023
            ).logits

        bench.add("peer", bench.ms(block), what="the block over its dual cache", **what)


def import_from(folder: Path, name: str) -> types.ModuleType:
    """Import the modeling file of a folder as a module of a package of its own, so that its relative imports work."""
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    return importlib.import_module(f"{name}.{MODELING.removesuffix('.py')}")


def make_peer(modeling: Any, config: dict[str, Any], device: str) -> Any:
    """Make the peer's network of a shape, with random weights on the device."""
    mine = {key: value for key, value in config.items() if key not in {"model_type", "max_canvas_tokens"}}
    their = modeling.DreamConfig(
        **mine,
        hidden_act="silu",
        max_position_embeddings=8192,
        rope_theta=1e6,
        rms_norm_eps=1e-6,
        use_cache=False,
        pad_token_id=0,
    )
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    ROPE_INIT_FUNCTIONS.setdefault("default", plain_rotation)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device.startswith("cuda") else torch.float32)
    try:
        with torch.device(device):
            network = modeling.DreamModel(their)
    finally:
        torch.set_default_dtype(before)
    return network.eval().requires_grad_(requires_grad=False)


def plain_rotation(config: Any, device: Any = None, **_: Any) -> tuple[torch.Tensor, float]:
    """Give the frequencies of rotary positions: transformers 5 has no entry for them any more, under which these modules look."""
    size = config.hidden_size // config.num_attention_heads
    exponent = torch.arange(0, size, 2, device=device, dtype=torch.float32) / size  # [S / 2]
    return 1.0 / config.rope_theta**exponent, 1.0
