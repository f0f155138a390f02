"""The loop of a fine-tuning: a short training at small rates that stops when asked, goes on later, and keeps what was best.

In: a network, token streams, canvases of held-out files. Out: state.pt and best.pt in the run's folder. Knows no repository and
does not know what becomes of the weights; steps, rates and states are `train`'s.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from dlm_lsp.models.dream import DreamModel
from dlm_lsp.models.loading import choose_device

from . import stream as streams
from .bpe import load
from .corrupt import SLACK_TOKENS, Canvases, Sampler
from .feed import Feed
from .recipe import Phase, Recipe
from .repository import SHORTEST_CANVAS
from .train import (
    Loss,
    Progress,
    load_state,
    loss_of,
    optimisers_of,
    rate_at,
    rates_of,
    save_state,
    save_whole,
    take_step,
)

LENGTHS = (128, 256, 256, 384)
"""Of canvases, as in nano's own training; what is longer than the model knows, or than any file, is left out."""

BATCH_TOKENS, MICRO_TOKENS = 2048, 16384
RATE_SHARE = 0.2
"""Of the rates of a training from scratch."""

PROBES, PROBE_TOKENS = 64, 256
"""Canvases that a loss is measured on."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the layers work, and whether in bf16."""

    device: torch.device
    narrow: bool


def choose_machine(device: str) -> Machine:
    """A CUDA GPU where there is one, else the CPU, in bf16 if that is faster there; on many CPUs it is not."""
    chosen = choose_device("cpu" if device == "auto" and not torch.cuda.is_available() else device)
    if chosen.type != "cpu":
        return Machine(chosen, narrow=True)
    seconds = []
    for dtype in (torch.bfloat16, torch.float32):
        matrix = torch.randn(1024, 256).to(dtype)
        trials = []
        for _ in range(5):
            start = time.perf_counter()
            matrix @ matrix.mT
            trials.append(time.perf_counter() - start)
        seconds.append(min(trials))  # other programs may use the same cores
    return Machine(chosen, narrow=seconds[0] < seconds[1])


def probe(data: Path, name: str, longest: int) -> Canvases | None:
    """The canvases that a loss is measured on, always the same; None where no file of the stream fills one."""
    stream = streams.read(data, name)
    length = min(PROBE_TOKENS, longest, longest_canvas(stream))
    if length < SHORTEST_CANVAS:
        return None
    return Sampler(stream, load(data / "tokenizer"), seed=0).batch(0, length, PROBES, holes=True)


def longest_canvas(stream: streams.Stream) -> int:
    """How many tokens the longest file of a stream fills."""
    return int(np.diff(stream.starts).max(initial=0)) - SLACK_TOKENS


def nats_of(network: DreamModel, canvases: Canvases | None, machine: Machine) -> float:
    """Nats per hidden token; not a number without canvases."""
    if canvases is None:
        return math.nan
    loss, total, nats = Loss(network), float(canvases.weights[:, 1:].sum()), 0.0
    with torch.no_grad():
        for at in range(0, PROBES, 16):
            few = slice(at, at + 16)
            part = Canvases(canvases.inputs[few], canvases.targets[few], canvases.weights[few], canvases.holes[few])
            nats += float(loss_of(loss, part, machine.device, total=total, narrow=machine.narrow)[1])
    return nats


@dataclass(slots=True)
class Stop:
    """Ctrl-C, heard between two steps, so that weights and momentum stay whole; a second one ends the process at once."""

    asked: bool = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the first Ctrl-C instead of being broken off by it."""
        before = signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _hear(self, number: int, frame: object) -> None:
        del number, frame
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def recipe_for(minutes: float, longest: int, stream: streams.Stream) -> Recipe:
    """Holes only, at small rates that fall from the start: at large ones a short run destroys more than it can repair."""
    room = min(longest, longest_canvas(stream))
    usual = Recipe()
    return Recipe(
        minutes=minutes,
        phases=(Phase(1.0, True, BATCH_TOKENS, tuple(length for length in LENGTHS if length <= room) or (room,)),),
        decay_share=1.0,
        warmup_steps=20,
        muon_rate=RATE_SHARE * usual.muon_rate,
        adam_rate=RATE_SHARE * usual.adam_rate,
    )


def tune(
    part: Path,
    network: DreamModel,
    recipe: Recipe,
    held_out: Canvases,
    machine: Machine,
    *,
    before: float,
    stop: Stop,
    console: Console,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Train until the minutes are over or somebody stops it; best.pt then holds the best weights, if any beat `before`."""
    loss, optimisers = Loss(network), optimisers_of(network, recipe)
    base_rates, state = rates_of(optimisers), part / "state.pt"
    progress = load_state(state, network, optimisers, recipe) if state.exists() else Progress()
    best = read_best(part)["nats"] if (part / "best.pt").exists() else before
    budget_s = recipe.minutes * 60
    every_s = min(max(budget_s / 12, 15.0), 300.0)
    began, checked_s = clock() - progress.seconds, progress.seconds
    feed = Feed(part / "data", recipe.seed, loaders=0)
    batches = feed.batches(recipe, progress.step, MICRO_TOKENS, lambda: 0.0)
    recent: list[float] = []

    def check() -> float:
        nats = nats_of(network, held_out, machine)
        if nats < best:
            found = {"weights": network.state_dict(), "nats": nats, "progress": asdict(progress)}
            save_whole(part / "best.pt", found)
        save_state(state, network, optimisers, progress, recipe)
        pace = f"{progress.tokens / 1e6:.2f} M tokens, {progress.tokens / progress.seconds:.0f} a second"
        losses = f"loss {np.mean(recent):.3f}, held out {nats:.3f} (before {before:.3f})"
        console.print(f"{progress.seconds / 60:.1f} min: {pace}, {losses}", soft_wrap=True)
        recent.clear()
        return nats

    with show_progress(console) as bar:
        task = bar.add_task("", total=budget_s, completed=int(progress.seconds), loss="", best=best)
        while progress.seconds < budget_s and not stop.asked:
            _, _, canvases = next(batches)
            factor = rate_at(recipe, progress.step, progress.seconds / budget_s)
            nats = take_step(
                loss,
                optimisers,
                base_rates,
                canvases,
                machine.device,
                factor=factor,
                z_loss=recipe.z_loss,
                narrow=machine.narrow,
            )
            recent.append(nats)
            progress.step += 1
            progress.tokens += sum(each.inputs.size for each in canvases)
            progress.seconds = clock() - began
            bar.update(task, completed=int(progress.seconds), loss=f"{nats:.2f}")
            if progress.seconds - checked_s >= every_s:
                best, checked_s = min(check(), best), progress.seconds
                bar.update(task, best=best)
        if stop.asked:
            console.print("stopping: measuring what there is and saving it; Ctrl-C again leaves at once")
        if recent:
            check()
    feed.close()
    return progress


def show_progress(console: Console) -> Bar:
    """A bar of the time."""
    losses = TextColumn("loss {task.fields[loss]}, best held out {task.fields[best]:.3f}")
    return Bar(BarColumn(), TextColumn("{task.percentage:.0f} %"), losses, TimeRemainingColumn(), console=console)


def read_best(part: Path) -> dict[str, Any]:
    """The best weights so far, their loss, and how far the run was."""
    best: dict[str, Any] = torch.load(part / "best.pt", weights_only=True, map_location="cpu")
    return best
