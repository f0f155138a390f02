"""Trains a Dream-shaped model on the token stream, for as many minutes as it is given.

In: data/ (stream and tokenizer), a config.json, a recipe. Out: a run folder with state.pt (everything needed to go on),
trunk.pt (the last state before the learning rate fell: what a longer run starts from) and history.jsonl.

    python -m training.train --size small --sweep          # which speed this machine can go
    python -m training.train --size small --minutes 25     # goes on where the run's state.pt stopped

Reads from top to bottom. The schedule follows *time*, not steps: a run of any length, on any machine, ends annealed.
Batches are a pure function of (seed, step), so a resumed run sees what an uninterrupted one would have seen. Needs torch and numpy,
and nothing else: the same command runs on a CUDA GPU or on one core.
"""

import argparse
import ctypes
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dlm_lsp.models.dream import DreamConfig, DreamModel

from . import stream as streams
from .bpe import load
from .corrupt import Canvases, Sampler
from .feed import Feed
from .recipe import SIZES, Attention, Recipe, read_recipe

OUTPUTS = ("o_proj.weight", "down_proj.weight")
"""The matrices that write what a layer adds to the stream of residuals."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How a machine works through a batch; what is learned does not depend on it."""

    micro_tokens: int = 16384  # go through the model at a time
    compiled: bool = False


# ---------------------------------------------------------------------------------------------------- the model


def initialised(config: DreamConfig, seed: int) -> DreamModel:
    """Fresh weights: small, and every layer starts as the identity."""
    torch.manual_seed(seed)
    network = DreamModel(config)
    for name, weight in network.named_parameters():
        if name.endswith((*OUTPUTS, ".bias")):
            nn.init.zeros_(weight)
        elif weight.ndim == 2:
            nn.init.normal_(weight, std=0.02 if "embed" in name else 0.5 * weight.shape[1] ** -0.5)
    return network


def plain_attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, *, enable_gqa: bool = False
) -> Tensor:  # [B, heads, L, head_size] -> the same
    """Attention spelled out: on the CPU its backward pass is faster than the fused kernel's."""
    if enable_gqa:
        k, v = (each.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for each in (k, v))
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    mixed: Tensor = scores.softmax(-1).to(v.dtype) @ v
    return mixed


def split_attention(holes: Tensor) -> Tensor:  # [B, L] -> [B, 1, L, L]
    """Who may look where when context rows must not see holes.

    The row before a hole predicts its first token: it sees the hole, and so the rest of the context must not see it either.
    """
    active = holes | torch.cat([holes[:, 1:], holes[:, -1:]], dim=1)
    return (active[:, :, None] | ~active[:, None, :])[:, None]


def causal_attention(length: int, device: torch.device) -> Tensor:  # [1, 1, L, L]
    """Who may look where when a canvas is read from left to right."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()[None, None]


def grouped_attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, *, enable_gqa: bool = False
) -> Tensor:  # [B, heads, L, head_size] -> the same
    """The fused kernel with keys and values repeated, because with groups and a mask torch falls back to a slow one."""
    if enable_gqa:
        k, v = (each.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for each in (k, v))
    return fused_attention(q.to(v.dtype), k.to(v.dtype), v, attn_mask=attn_mask)


fused_attention = functional.scaled_dot_product_attention


class Loss(nn.Module):
    """Cross-entropy of the hidden places; a module, so that it can be called with other weights."""

    def __init__(self, network: DreamModel) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        tokens: Tensor,  # [B, L]
        places: Tensor,  # [H], rows of the flattened batch that stand in front of a hidden place
        wanted: Tensor,  # [H]
        weights: Tensor,  # [H], their sum is 1 over the whole batch
        *,
        visible: Tensor | None = None,  # [B, 1, L, L]
        z_loss: float = 0.0,
    ) -> tuple[Tensor, Tensor]:
        """Give the training loss and the plain -log p, weighted."""
        # Only the rows that are needed go through the head, the dearest layer.
        rows = self.network.hidden(tokens, visible=visible).flatten(0, 1)[places]
        logits = functional.linear(rows, self.network.lm_head.weight.to(rows.dtype)).float()
        scale = logits.logsumexp(-1)
        nats = scale - logits.gather(1, wanted[:, None])[:, 0]
        plain = (weights * nats).sum()
        return plain + z_loss * (weights * scale.square()).sum(), plain.detach()


def loss_of(
    loss: Loss,
    canvases: Canvases,
    device: torch.device,
    z_loss: float = 0.0,
    *,
    attention: Attention = "full",
    total: float | None = None,
    narrow: bool = True,
) -> tuple[Tensor, Tensor]:
    """The training loss and the plain nats per hidden token of canvases, which are all or a part of a batch of weight `total`.

    `narrow` layers work in bf16 with float32 weights kept behind (gradients arrive in float32). The embedding stays in float32,
    and with it the stream of residuals: in bf16 it is lost under what the layers add.
    """
    length = canvases.inputs.shape[1]
    row, column = np.nonzero(canvases.weights[:, 1:])  # row i - 1 predicts token i
    weights = canvases.weights[row, column + 1]
    weights = weights / (weights.sum() if total is None else total)
    arrays = (canvases.inputs, row * length + column, canvases.targets[row, column + 1], weights)
    batch = [torch.from_numpy(array).to(device, non_blocking=True) for array in arrays]
    visible = None
    if attention == "split":
        visible = split_attention(torch.from_numpy(canvases.holes).to(device))
    elif attention == "causal":
        visible = causal_attention(length, device)
    more = {"visible": visible, "z_loss": z_loss}
    value: tuple[Tensor, Tensor]
    if device.type == "cuda":
        with torch.autocast("cuda", torch.bfloat16):
            value = loss(*batch, **more)
        return value
    if not narrow:
        value = loss(*batch, **more)
        return value
    weights_of_layers = {
        name: weight if "embed_tokens" in name else weight.to(torch.bfloat16)
        for name, weight in loss.named_parameters()
    }
    value = torch.func.functional_call(loss, weights_of_layers, tuple(batch), more)
    return value


# ------------------------------------------------------------------------------------------------ the optimiser


def orthogonalised(gradients: Tensor) -> Tensor:  # [N, rows, columns] -> the same
    """Five Newton-Schulz steps towards the nearest orthogonal matrix (Muon, Jordan et al. 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = gradients.shape[-2] > gradients.shape[-1]
    x = gradients.to(torch.bfloat16)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    nearest: Tensor = x.mT if tall else x
    return nearest.to(gradients.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum whose every update is orthogonal, for the layers' matrices; equal shapes are done in one go."""

    def __init__(self, weights: list[nn.Parameter], lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        shapes = sorted({tuple(weight.shape) for weight in weights})
        groups = [{"params": [weight for weight in weights if tuple(weight.shape) == shape]} for shape in shapes]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update."""
        del closure
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            updates = []
            for weight in group["params"]:
                memory = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                memory.lerp_(weight.grad, 1 - momentum)
                updates.append(weight.grad.lerp(memory, momentum))  # Nesterov
            rows, columns = updates[0].shape
            for weight, update in zip(group["params"], orthogonalised(torch.stack(updates)), strict=True):
                weight.mul_(1 - rate * group["weight_decay"])
                weight.add_(update, alpha=-rate * math.sqrt(max(1, rows / columns)))


def optimisers_of(network: DreamModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for embedding, norms and biases; base rates, the schedule scales them."""
    outputs: list[nn.Parameter] = []
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, weight in network.named_parameters():
        if name.endswith(OUTPUTS):
            outputs.append(weight)
        elif weight.ndim == 2 and weight.shape[0] != network.config.vocab_size:
            matrices.append(weight)
        else:
            others.append(weight)
    rate, decay = recipe.muon_rate, recipe.weight_decay
    return [
        torch.optim.AdamW(others, recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
        Muon(matrices, rate, decay),
        Muon(outputs, rate * recipe.output_share, decay / recipe.output_share),  # the product of both is what decays
    ]


def rate_at(recipe: Recipe, step: int, share: float) -> float:
    """Factor of the learning rates after `share` of the time: up, level, down to 0."""
    return min(1.0, (step + 1) / recipe.warmup_steps) * min(1.0, (1 - share) / recipe.decay_share)


def take_step(
    loss: Loss,
    optimisers: list[torch.optim.Optimizer],
    base_rates: list[list[float]],
    parts: list[Canvases],
    device: torch.device,
    *,
    factor: float,
    z_loss: float,
    attention: Attention = "full",
    narrow: bool = True,
) -> float:
    """One update by the batch that `parts` make up, at `factor` of the base rates; gives its plain nats per hidden token."""
    total = float(sum(part.weights[:, 1:].sum() for part in parts))
    nats = torch.zeros((), device=device)
    for part in parts:
        objective, plain = loss_of(loss, part, device, z_loss, attention=attention, total=total, narrow=narrow)
        objective.backward()  # type: ignore[no-untyped-call]
        nats += plain
    for optimiser, rates in zip(optimisers, base_rates, strict=True):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * factor
    nn.utils.clip_grad_norm_(optimisers[0].param_groups[0]["params"], 1.0)
    for optimiser in optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return float(nats)


def rates_of(optimisers: list[torch.optim.Optimizer]) -> list[list[float]]:
    """The base rates of fresh optimisers."""
    return [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]


# ------------------------------------------------------------------------------------------------ state on disk


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    warmed_from: int = 0
    """The step at which the optimisers started with empty memories."""


def save_state(
    path: Path, network: DreamModel, optimisers: list[torch.optim.Optimizer], progress: Progress, recipe: Recipe
) -> None:
    """Write everything that is needed to go on."""
    state = {
        "config": asdict(network.config),
        "recipe": asdict(recipe),
        "weights": network.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        "progress": asdict(progress),
        "rng": torch.get_rng_state(),
    }
    save_whole(path, state)


def save_whole(path: Path, state: dict[str, Any]) -> None:
    """Write beside, then rename: a kill at any moment leaves the old file or the new one."""
    beside = path.with_suffix(".tmp")
    try:
        torch.save(state, beside)
    except (OSError, RuntimeError) as error:  # torch's writer raises the second
        beside.unlink(missing_ok=True)
        message = (
            f"{path} cannot be written ({error}); make room and run the same command: it goes on from the state before"
        )
        raise SystemExit(message) from error
    beside.replace(path)


def start_from(path: Path, network: DreamModel, *, shrink_outputs: float = 1.0, extend: bool = False) -> Progress:
    """Take the weights of another run's state, but not its optimisers: those are warmed up anew.

    To `extend` is to go on in its data and its time too: so a run moves to another machine, with its trunk.
    `shrink_outputs` scales what the layers add to the stream. Every layer normalises what it reads, so that little
    but the embedding's share in the stream changes.
    """
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    if not state["config"].items() <= asdict(network.config).items():
        message = f"{path} holds the weights of a model of another shape; give --config the one it was trained with"
        raise SystemExit(message)
    weights: dict[str, Tensor] = state["weights"]
    network.load_state_dict(
        {name: weight * (shrink_outputs if name.endswith(OUTPUTS) else 1) for name, weight in weights.items()}
    )
    before = Progress(**state["progress"])
    return Progress(before.step, before.tokens, before.seconds, warmed_from=before.step) if extend else Progress()


def load_state(path: Path, network: DreamModel, optimisers: list[torch.optim.Optimizer], recipe: Recipe) -> Progress:
    """Go on from a file of `save_state`; a state of another config or recipe is refused (the minutes may differ)."""
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    same_shape = state["config"].items() <= asdict(network.config).items()
    if not same_shape or state["recipe"] | {"minutes": recipe.minutes} != asdict(recipe):
        message = f"{path} comes from another config or recipe; give --run another folder"
        raise SystemExit(message)
    network.load_state_dict(state["weights"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    torch.set_rng_state(state["rng"])
    return Progress(**state["progress"])


# ------------------------------------------------------------------------------------------------- the loop


def prepare(device: torch.device) -> None:
    """Set up this process for training on a device: how attention is computed there, and how memory is kept."""
    if device.type == "cpu":
        keep_freed_memory()
        functional.scaled_dot_product_attention = plain_attention  # type: ignore[assignment]
    else:
        functional.scaled_dot_product_attention = grouped_attention  # type: ignore[assignment]


def keep_freed_memory() -> None:
    """Tell glibc to keep what it frees: handing hundreds of MB back to the system each step costs 30 % of the time."""
    if sys.platform == "linux":
        mmap_max, trim_threshold = -4, -1  # names of mallopt(3)
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)


def flops_per_token(config: DreamConfig, length: int, hidden_share: float) -> float:
    """Multiplications and additions of a training step, forward and backward, per canvas token."""
    size, heads = config.hidden_size, config.num_attention_heads + 2 * config.num_key_value_heads
    layer = size * (heads * config.head_size + size + 3 * config.intermediate_size) + 2 * length * size
    return 6 * (config.num_hidden_layers * layer + hidden_share * size * config.vocab_size)


def peak_flops(device: torch.device) -> float:
    """What one large bf16 matrix product reaches on this device: the yardstick of the utilisation that is printed."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    seconds = math.inf
    for _ in range(10):  # the best, because other programs may use the same cores
        start = time.perf_counter()
        float((a @ a.mT)[0, 0])
        seconds = min(seconds, time.perf_counter() - start)
    return 2 * size**3 / seconds


def held_out_loss(loss: Loss, sampler: Sampler, device: torch.device, *, holes: bool) -> float:
    """A quick look at 48 fixed canvases of unseen files; evaluate.py is the real measurement."""
    with torch.no_grad():
        return float(loss_of(loss, sampler.batch(0, 256, 48, holes=holes), device)[1])


def compile_layers(network: DreamModel) -> None:
    """Compile one layer for all: each length, with split attention and without, costs seconds instead of minutes."""
    torch._dynamo.config.recompile_limit = 64  # noqa: SLF001, torch has no other name for it
    for layer in network.model.layers:
        layer.compile(dynamic=False)


def try_speeds(
    network: DreamModel,
    recipe: Recipe,
    device: torch.device,
    *,
    seconds: float = 30,
    compiled: tuple[bool, ...] = (False, True),
) -> list[tuple[Speed, float]]:
    """Tokens per second of forward and backward for parts of several sizes, with and without compiling; the fastest first.

    Starts no new trial once `seconds` are over; one that does not fit the memory is left out.
    """
    began = time.perf_counter()
    length = max(recipe.phases[-1].lengths)
    rng = np.random.default_rng(0)
    found: list[tuple[Speed, float]] = []
    loss = Loss(network)
    for compile_it in compiled:
        for micro_tokens in (16384, 32768, 65536, 131072):
            if found and time.perf_counter() - began > seconds:
                break
            tokens = rng.integers(8, network.config.vocab_size, (max(micro_tokens // length, 1), length))
            hidden = rng.random(tokens.shape) < 0.4
            part = Canvases(tokens, tokens, hidden.astype(np.float32), hidden)
            try:
                if compile_it:
                    compile_layers(network)
                for repeat in range(4):
                    if repeat == 1:  # the first one warms up
                        start = time.perf_counter()
                    objective, plain = loss_of(loss, part, device)
                    objective.backward()  # type: ignore[no-untyped-call]
                    float(plain)
                found.append((Speed(micro_tokens, compile_it), 3 * tokens.size / (time.perf_counter() - start)))
            except torch.OutOfMemoryError:
                break
            except Exception as error:  # noqa: BLE001, whatever a compiler may lack: the run goes on without it
                print(f"not compiled: {type(error).__name__}: {str(error)[:200]}", flush=True)
                break
            finally:
                network.zero_grad(set_to_none=True)
    return sorted(found, key=lambda trial: -trial[1])


def read_times(history: Path) -> tuple[list[int], list[float]]:
    """The steps of a history and the seconds at which they were done; of a step done twice, after a kill, the second time."""
    times = {0: 0.0}
    for row in map(json.loads, history.read_text().splitlines()):
        each = row.get("step_seconds", [row["seconds"]])  # an older history has only the last step of every row
        times |= zip(range(row["step"] + 1 - len(each), row["step"] + 1), each, strict=True)
    return sorted(times), [times[step] for step in sorted(times)]


def train(
    recipe: Recipe,
    config: DreamConfig,
    data: Path,
    run: Path,
    device: torch.device,
    *,
    start: Callable[[DreamModel], Progress] | None = None,
    speed: Speed = Speed(),
    loaders: int = 0,
    save_every_s: float = 120,
    check_every_s: float = 240,
    max_steps: int | None = None,
    max_s: float = math.inf,
    replay: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Train until the recipe's minutes are over (or `max_steps` more steps, or `max_s`); gives the progress reached.

    `start` is called with the fresh network of a new run, to give it other weights than drawn ones. To `replay` a history.jsonl
    is to take the time of every step from it: the phases and rates of that run, on a machine of any speed.
    """
    unseen = Sampler(streams.read(data, "valid-files"), load(data / "tokenizer"), seed=0)
    network = initialised(config, recipe.seed).to(device)
    loss, optimisers = Loss(network), optimisers_of(network, recipe)
    if speed.compiled:
        compile_layers(network)
    base_rates = rates_of(optimisers)
    run.mkdir(parents=True, exist_ok=True)
    state, trunk = run / "state.pt", run / "trunk.pt"
    if state.exists():
        progress = load_state(state, network, optimisers, recipe)
    else:
        progress = start(network) if start else Progress()
    peak = peak_flops(device)
    feed = Feed(data, recipe.seed, loaders)
    budget_s, last_step = recipe.minutes * 60, progress.step + (max_steps or 10**9)
    began, end_s = clock() - progress.seconds, progress.seconds + max_s
    recorded = read_times(replay) if replay else None

    def elapsed() -> float:
        return float(np.interp(progress.step, *recorded)) if recorded else clock() - began

    batches = feed.batches(recipe, progress.step, speed.micro_tokens, lambda: progress.seconds / budget_s)
    saved_s = checked_s = printed_s = progress.seconds
    printed_tokens = progress.tokens
    recent: list[float] = []
    step_seconds: list[float] = []
    flops = 0.0
    level = False  # whether the learning rate is at its highest

    def keep() -> None:
        save_state(state, network, optimisers, progress, recipe)
        if level:
            save_state(trunk, network, optimisers, progress, recipe)

    with (run / "history.jsonl").open("a") as history:
        while progress.seconds < min(budget_s, end_s) and progress.step < last_step:
            phase, attention, parts = next(batches)
            factor = rate_at(recipe, progress.step - progress.warmed_from, progress.seconds / budget_s)
            if level and factor < 1:
                keep()
            level = factor == 1
            nats = take_step(
                loss,
                optimisers,
                base_rates,
                parts,
                device,
                factor=factor,
                z_loss=recipe.z_loss,
                attention=attention,
            )
            recent.append(nats)
            for part in parts:
                length, hidden_share = part.inputs.shape[1], float((part.weights > 0).mean())
                flops += part.inputs.size * flops_per_token(config, length, hidden_share)
                progress.tokens += part.inputs.size
            progress.step += 1
            progress.seconds = elapsed()
            step_seconds.append(progress.seconds)
            over = progress.seconds >= min(budget_s, end_s) or progress.step >= last_step
            if len(recent) == 20 or over:  # the last steps too: who replays the history takes their times from it
                seconds = max(progress.seconds - printed_s, 1e-9)
                row: dict[str, float] = {"step": progress.step, "seconds": progress.seconds, "tokens": progress.tokens}
                row |= {"loss": float(np.mean(recent)), "rate": factor, "holes": float(phase.holes)}
                row |= {"tokens_per_s": (progress.tokens - printed_tokens) / seconds, "mfu": flops / seconds / peak}
                if progress.seconds - checked_s > check_every_s:
                    checked_s = progress.seconds
                    row |= {"held_out_dense": held_out_loss(loss, unseen, device, holes=False)}
                    row |= {"held_out_holes": held_out_loss(loss, unseen, device, holes=True)}
                print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
                history.write(json.dumps(row | {"step_seconds": step_seconds}) + "\n")
                history.flush()
                step_seconds = []
                recent, flops, printed_s, printed_tokens = [], 0.0, elapsed(), progress.tokens
            if progress.seconds - saved_s > save_every_s:
                keep()
                saved_s = progress.seconds
    feed.close()
    keep()
    return progress


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--size", choices=SIZES, default="nano", help="says the following four, where they are not given"
    )
    parser.add_argument("--minutes", type=float, help="length of the whole run, earlier parts counted in")
    parser.add_argument("--for-minutes", type=float, default=math.inf, help="of this call; the next one goes on")
    parser.add_argument("--config", type=Path, help="a config.json of the Dream family")
    parser.add_argument("--recipe", type=Path, help="JSON file with fields of Recipe that differ from the defaults")
    parser.add_argument("--data", type=Path, help="what corpus, tokenizer and stream have written")
    parser.add_argument("--run", type=Path, help="where states and history go")
    parser.add_argument("--init", type=Path, help="a state of another run whose weights a new run starts from")
    parser.add_argument("--extend", action="store_true", help="go on in the data and time of --init, its trunk")
    parser.add_argument("--shrink-outputs", type=float, default=1.0, help="scale of what its layers add to the stream")
    parser.add_argument(
        "--sweep", action="store_true", help="try speeds for half a minute, keep the best for the run, stop"
    )
    parser.add_argument("--threads", type=int, default=1, help="on the CPU")
    parser.add_argument("--loaders", type=int, help="processes that draw batches; 0 on the CPU, else all cores but two")
    parser.add_argument(
        "--replay", type=Path, help="a history.jsonl whose times decide phases and rates instead of the clock"
    )
    parser.add_argument("--max-steps", type=int, help="stop early, state saved; for rehearsals")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    prepare(device)
    size = SIZES[arguments.size]
    recipe = read_recipe(arguments.recipe or size.recipe, arguments.minutes)
    config = DreamConfig.from_json(json.loads((arguments.config or size.config).read_text()))
    data, run = arguments.data or size.data, arguments.run or size.run
    kept = run / "speed.json"
    if arguments.sweep:
        trials = try_speeds(initialised(config, recipe.seed).to(device), recipe, device)
        for speed, tokens_per_s in trials:
            print(f"{speed.micro_tokens:7} tokens at a time, compiled {speed.compiled}: {tokens_per_s:9.0f} tokens/s")
        run.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(trials[0][0])) + "\n")
        return
    start = None
    if arguments.init:
        start = partial(start_from, arguments.init, shrink_outputs=arguments.shrink_outputs, extend=arguments.extend)
    loaders = arguments.loaders
    if loaders is None:
        loaders = 0 if device.type == "cpu" else max((os.cpu_count() or 2) - 2, 1)
    progress = train(
        recipe,
        config,
        data,
        run,
        device,
        start=start,
        speed=Speed(**json.loads(kept.read_text())) if kept.exists() else Speed(),
        loaders=loaders,
        max_steps=arguments.max_steps,
        max_s=arguments.for_minutes * 60,
        replay=arguments.replay,
    )
    print(f"{progress.step} steps, {progress.tokens} tokens, {progress.seconds:.0f} s; state in {run}")


if __name__ == "__main__":
    main()
