"""Trains a Dream-shaped model on the token stream, for as many minutes as it is given.

In: data/ (stream and tokenizer) and a config.json. Out: a run folder with state.pt (everything needed to go on),
trunk.pt (the last state before the learning rate fell: what a longer run starts from) and history.jsonl.

    python -m training.train --minutes 25 --run runs/nano           # goes on where the folder's state.pt stopped

Reads from top to bottom. The schedule follows *time*, not steps: a run of any length, on any machine, ends annealed.
Batches are a pure function of (seed, step), so a resumed run sees what an uninterrupted one would have seen.
"""

import argparse
import ctypes
import json
import math
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
from training import DATA, HERE
from training import stream as streams
from training.bpe import load
from training.corrupt import Canvases, Sampler

NANO = HERE / "nano.json"
OUTPUTS = ("o_proj.weight", "down_proj.weight")
"""The matrices that write what a layer adds to the stream of residuals."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is learned, apart from the corpus and the clock."""

    minutes: float = 25
    batch_tokens: int = 4096
    lengths: tuple[int, ...] = (128, 256, 256, 384)  # one a batch; short ones so that short documents are familiar
    seed: int = 1
    dense_share: float = 0.5  # of the time: dense masks first, because early on nothing beats many targets; then holes
    decay_share: float = 0.65  # of the time: the learning rate falls to 0 in a straight line
    warmup_steps: int = 50
    muon_rate: float = 0.02
    output_share: float = 0.1  # of Muon's rate, for what the layers add to the stream: at the full rate they drown it
    adam_rate: float = 0.004
    weight_decay: float = 0.01
    split_share: float = 0.0  # of the batches: context rows do not see holes, so that their keys and values can be kept
    z_loss: float = 1e-4  # keeps the logits' scale, and with it bf16 confidences, sane


def read_recipe(path: Path | None, minutes: float | None) -> Recipe:
    """The recipe of a file, for as many minutes as are given."""
    fields: dict[str, Any] = json.loads(path.read_text()) if path else {}
    fields |= {} if minutes is None else {"minutes": minutes}
    if "lengths" in fields:
        fields["lengths"] = tuple(fields["lengths"])
    return Recipe(**fields)


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
    """Who may look where when context rows must not see holes: the row before a hole predicts its first token and may."""
    active = holes | torch.cat([holes[:, 1:], holes[:, -1:]], dim=1)
    return (active[:, :, None] | ~holes[:, None, :])[:, None]


class Loss(nn.Module):
    """Mean cross-entropy of the hidden places; a module, so that it can be called with other weights."""

    def __init__(self, network: DreamModel) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, inputs: Tensor, targets: Tensor, weights: Tensor, visible: Tensor | None = None, z_loss: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Give the training loss and the plain mean of -log p; [B, L] in, and [B, 1, L, L] where attention is limited."""
        hidden = self.network.hidden(inputs, visible=visible)
        # Row i - 1 predicts token i. Only rows in front of a hidden place go through the head, the dearest layer.
        places = weights[:, 1:].flatten().nonzero()[:, 0]
        rows = hidden[:, :-1].flatten(0, 1)[places]
        logits = functional.linear(rows, self.network.lm_head.weight.to(rows.dtype)).float()
        wanted, weight = targets[:, 1:].flatten()[places], weights[:, 1:].flatten()[places]
        scale = logits.logsumexp(-1)
        nats = scale - logits.gather(1, wanted[:, None])[:, 0]
        mean = (weight * nats).sum() / weight.sum()
        return mean + z_loss * (weight * scale.square()).sum() / weight.sum(), mean.detach()


def loss_of(
    loss: Loss, canvases: Canvases, device: torch.device, z_loss: float = 0.0, *, split: bool = False
) -> tuple[Tensor, Tensor]:
    """The loss of a batch, computed in bf16 with float32 weights kept behind it (gradients arrive in float32).

    The embedding stays in float32, and with it the stream of residuals: in bf16 it is lost under what the layers add.
    """
    arrays = (canvases.inputs, canvases.targets, canvases.weights)
    inputs, targets, weights = (torch.from_numpy(array).to(device) for array in arrays)
    visible = split_attention(torch.from_numpy(canvases.holes).to(device)) if split else None
    narrow = {
        name: weight if "embed_tokens" in name else weight.to(torch.bfloat16)
        for name, weight in loss.named_parameters()
    }
    value: tuple[Tensor, Tensor] = torch.func.functional_call(loss, narrow, (inputs, targets, weights, visible, z_loss))
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


# ------------------------------------------------------------------------------------------------ state on disk


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


def save_state(
    path: Path, network: DreamModel, optimisers: list[torch.optim.Optimizer], progress: Progress, recipe: Recipe
) -> None:
    """Write beside, then rename: a kill at any moment leaves the old file or the new one."""
    state = {
        "config": asdict(network.config),
        "recipe": asdict(recipe),
        "weights": network.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        "progress": asdict(progress),
        "rng": torch.get_rng_state(),
    }
    beside = path.with_suffix(".tmp")
    torch.save(state, beside)
    beside.replace(path)


def start_from(path: Path, network: DreamModel, *, shrink_outputs: float) -> None:
    """Take the weights of another run's state, but neither its optimisers nor its progress; the warm-up builds those anew.

    `shrink_outputs` scales what the layers add to the stream. Every layer normalises what it reads, so that little
    but the embedding's share in the stream changes.
    """
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)["weights"]
    network.load_state_dict(
        {name: weight * (shrink_outputs if name.endswith(OUTPUTS) else 1) for name, weight in weights.items()}
    )


def load_state(path: Path, network: DreamModel, optimisers: list[torch.optim.Optimizer], recipe: Recipe) -> Progress:
    """Go on from a file of `save_state`; a state of another config or recipe is refused (the minutes may differ)."""
    state: dict[str, Any] = torch.load(path, weights_only=True)
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
    a = torch.randn(4096, 1024, device=device, dtype=torch.bfloat16)
    for repeats in (2, 20):  # the first round only warms up
        start = time.perf_counter()
        for _ in range(repeats):
            float((a @ a[:1024].mT)[0, 0])
        seconds = time.perf_counter() - start
    return repeats * 2 * 4096 * 1024 * 1024 / seconds


def held_out_loss(loss: Loss, sampler: Sampler, device: torch.device, *, holes: bool) -> float:
    """A quick look at 48 fixed canvases of unseen files; evaluate.py is the real measurement."""
    with torch.no_grad():
        return float(loss_of(loss, sampler.batch(0, 256, 48, holes=holes), device)[1])


def train(
    recipe: Recipe,
    config: DreamConfig,
    data: Path,
    run: Path,
    device: torch.device,
    *,
    start: Callable[[DreamModel], None] | None = None,
    save_every_s: float = 120,
    check_every_s: float = 240,
    max_steps: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Train until the recipe's minutes are over (or `max_steps` more steps are done); gives the progress reached.

    `start` is called with the fresh network of a new run, to give it other weights than drawn ones.
    """
    tokenizer = load(data / "tokenizer")
    sampler = Sampler(streams.read(data, "train"), tokenizer, recipe.seed)
    unseen = Sampler(streams.read(data, "valid-files"), tokenizer, seed=0)
    network = initialised(config, recipe.seed).to(device)
    loss, optimisers = Loss(network), optimisers_of(network, recipe)
    base_rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]
    run.mkdir(parents=True, exist_ok=True)
    state = run / "state.pt"
    progress = Progress()
    if state.exists():
        progress = load_state(state, network, optimisers, recipe)
    elif start:
        start(network)
    peak = peak_flops(device)
    budget_s, began, last_step = recipe.minutes * 60, clock() - progress.seconds, progress.step + (max_steps or 10**9)
    saved_s = checked_s = printed_s = progress.seconds
    recent: list[float] = []
    flops = 0.0
    with (run / "history.jsonl").open("a") as history:
        while progress.seconds < budget_s and progress.step < last_step:
            share = progress.seconds / budget_s
            # One generator a step decides the shape of its batch.
            draw = np.random.default_rng([recipe.seed, progress.step])
            length = int(draw.choice(recipe.lengths))
            holes = share >= recipe.dense_share
            batch = sampler.batch(progress.step, length, recipe.batch_tokens // length, holes=holes)
            split = bool(draw.random() < recipe.split_share)
            objective, plain = loss_of(loss, batch, device, recipe.z_loss, split=split)
            objective.backward()  # type: ignore[no-untyped-call]
            factor = rate_at(recipe, progress.step, share)
            for optimiser, rates in zip(optimisers, base_rates, strict=True):
                for group, rate in zip(optimiser.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
            nn.utils.clip_grad_norm_(optimisers[0].param_groups[0]["params"], 1.0)
            for optimiser in optimisers:
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)

            recent.append(float(plain))
            flops += batch.inputs.size * flops_per_token(config, length, float((batch.weights > 0).mean()))
            progress.step += 1
            progress.tokens += batch.inputs.size
            progress.seconds = clock() - began
            if len(recent) == 20:
                seconds = max(progress.seconds - printed_s, 1e-9)
                row: dict[str, float] = {"step": progress.step, "seconds": progress.seconds, "tokens": progress.tokens}
                row |= {"loss": float(np.mean(recent)), "rate": factor, "holes": float(holes)}
                row |= {"tokens_per_s": 20 * recipe.batch_tokens / seconds, "mfu": flops / seconds / peak}
                if progress.seconds - checked_s > check_every_s:
                    checked_s = progress.seconds
                    row |= {"held_out_dense": held_out_loss(loss, unseen, device, holes=False)}
                    row |= {"held_out_holes": held_out_loss(loss, unseen, device, holes=True)}
                print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
                history.write(json.dumps(row) + "\n")
                history.flush()
                recent, flops, printed_s = [], 0.0, clock() - began
            if progress.seconds - saved_s > save_every_s:
                save_state(state, network, optimisers, progress, recipe)
                if factor == 1.0:
                    save_state(run / "trunk.pt", network, optimisers, progress, recipe)
                saved_s = progress.seconds
    save_state(state, network, optimisers, progress, recipe)
    return progress


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="length of the whole run, earlier parts counted in")
    parser.add_argument("--config", type=Path, default=NANO, help="a config.json of the Dream family")
    parser.add_argument("--recipe", type=Path, help="JSON file with fields of Recipe that differ from the defaults")
    parser.add_argument("--data", type=Path, default=DATA, help="what corpus, tokenizer and stream have written")
    parser.add_argument("--run", type=Path, default=HERE / "runs" / "nano", help="where states and history go")
    parser.add_argument("--init", type=Path, help="a state of another run whose weights a new run starts from")
    parser.add_argument("--shrink-outputs", type=float, default=1.0, help="scale of what its layers add to the stream")
    parser.add_argument("--threads", type=int, default=1, help="on the CPU")
    parser.add_argument("--max-steps", type=int, help="stop early, state saved; for rehearsals")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        keep_freed_memory()
        functional.scaled_dot_product_attention = plain_attention  # type: ignore[assignment]
    recipe = read_recipe(arguments.recipe, arguments.minutes)
    config = DreamConfig.from_json(json.loads(arguments.config.read_text()))
    start = None
    if arguments.init:
        start = partial(start_from, arguments.init, shrink_outputs=arguments.shrink_outputs)
    progress = train(recipe, config, arguments.data, arguments.run, device, start=start, max_steps=arguments.max_steps)
    print(f"{progress.step} steps, {progress.tokens} tokens, {progress.seconds:.0f} s; state in {arguments.run}")


if __name__ == "__main__":
    main()
