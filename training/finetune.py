"""Continues a bundled model on somebody's own repository: what `dlm-lsp finetune FOLDER` runs, in a process of its own.

In: a folder of Python files and a model folder. Out: a model folder that `--model` takes, if it is better on files that were held
out. While it is made, OUT.part beside it holds what the same command goes on from. Knows no other kind of model. What the model
was trained on before is not at hand, so none of that is mixed in; what it forgets is measured on the standard library.
"""

import argparse
import json
import math
import os
import shutil
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from dlm_lsp.errors import DlmError, ModelError
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.folders import SCRIPTED, TRAINED_ON, WEIGHTS, find, model_hash, read_json
from dlm_lsp.models.loading import read_config, read_weights
from dlm_lsp.models.tokenizer import read_tokenizer

from . import HERE
from . import stream as streams
from .bpe import EXPAND, MASK, PIECE, SPECIALS
from .export import write_model
from .repository import read_sources, read_text, split, stream_of
from .train import Progress, prepare
from .tune import PROBES, Machine, Stop, choose_machine, nats_of, probe, read_best, recipe_for, tune

CARD = HERE / "finetuned_card.md"
MIN_TOKENS = 10_000
"""Of a repository: with less, what is held out cannot tell better from worse."""

STANDARD = ("zipfile.py", "zipfile/__init__.py", "encodings/idna.py")
"""Files of the standard library that the bundled models have not been trained on."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for."""

    folder: Path
    out: Path
    model: str
    minutes: float
    exclude: tuple[str, ...] = ()
    device: str = "auto"

    @property
    def part(self) -> Path:
        """Where everything is until the model is finished."""
        return self.out.with_name(f"{self.out.name}.part")

    @property
    def data(self) -> Path:
        """The token streams."""
        return self.part / "data"

    @property
    def name(self) -> str:
        """The repository's name: all that the model card says of what is in it."""
        return self.folder.resolve().name


@dataclass(frozen=True, slots=True)
class Base:
    """The model that is continued."""

    folder: Path
    hash: str
    config: dict[str, Any]
    network: DreamModel
    """In float32, also where the file holds int8."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Nats per hidden token; not a number where the machine has no standard library to measure on."""

    held_out: float
    standard: float


# ------------------------------------------------------------------------------------------------ what there is


def read_base(model: str) -> Base:
    """Read a model of the bundled kind; raise ModelError where it is another or broken."""
    if model.startswith(SCRIPTED):
        raise ModelError("a script has no weights to continue; name a bundled model or a folder")
    folder = find(model)
    config = read_config(folder)
    same_specials = (config.get("mask_token_id"), config.get("expand_token_id")) == (MASK, EXPAND)
    if config["model_type"] != "Dream" or not same_specials or not has_our_tokenizer(folder):
        message = (
            f"{folder} has not the shape and the tokenizer of the bundled models, so it cannot be continued here; "
        )
        raise ModelError(message + "name a bundled model, or what `dlm-lsp finetune` has made of one")
    network = DreamModel(DreamConfig.from_json(config))
    weights = read_weights(folder, config, network.state_dict(), torch.float32, torch.device("cpu"))
    network.load_state_dict(weights)
    return Base(folder, model_hash(folder), config, network)


def has_our_tokenizer(folder: Path) -> bool:
    """Whether tokenizer.json has our special tokens at their places, and our splitting rule."""
    if not (folder / "tokenizer.json").is_file():
        return False
    tokenizer = read_json(folder / "tokenizer.json")
    try:
        vocabulary = tokenizer["model"]["vocab"]
        rule = tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        return bool(rule == PIECE and all(vocabulary[token] == number for number, token in enumerate(SPECIALS)))
    except (KeyError, IndexError, TypeError):
        return False


def claim(job: Job, base: Base) -> dict[str, Any]:
    """Make OUT.part with the streams in it, or find it; gives what is known of them. Touches nothing that is not ours."""
    note = job.part / "job.json"
    asked = {"folder": str(job.folder.resolve()), "model": base.hash, "exclude": sorted(job.exclude)}
    if note.is_file():
        known = read_json(note)
        if known["asked"] != asked:
            message = f"{job.part} belongs to a run with another folder, model or exclude; "
            raise DlmError(message + "delete it, or give --out another name")
        for saved in job.part.glob("*.pt"):
            if not zipfile.is_zipfile(saved):  # what torch writes is one, and its end says so
                raise DlmError(f"{saved} is damaged; delete {job.part} and begin again")
        return known
    if job.out.exists():
        message = (
            f"{job.out} is there already; give --out another name (with `--model {job.out}` it goes on from there)"
        )
        raise DlmError(message)
    if job.part.exists() and (not job.part.is_dir() or any(path != job.data for path in job.part.iterdir())):
        raise DlmError(f"{job.part} is in the way and no unfinished run; give --out another name")
    known = {"asked": asked, **write_data(job, base)}
    beside = job.data / "job.json"
    beside.write_text(json.dumps(known), "utf-8")
    beside.replace(note)  # last: what is beside it is whole
    return known


def write_data(job: Job, base: Base) -> dict[str, Any]:
    """Read the repository and write its streams; gives how many files and tokens they have, and what was left out."""
    sources = read_sources(job.folder, job.exclude)
    encode = read_tokenizer(base.folder).encode
    parts = split(job.name, sources.files, encode)
    tokens, held_out_tokens = len(parts.train.ids), len(parts.held_out.ids)
    left_out = ", ".join(f"{count} {reason}" for reason, count in sources.left_out.most_common())
    if tokens + held_out_tokens < MIN_TOKENS or not tokens or not held_out_tokens:
        message = f"{job.folder} has {tokens + held_out_tokens} tokens of Python in {len(sources.files)} files to learn from, "
        message += f"and finetune wants {MIN_TOKENS} (some 1000 lines) in two files or more"
        raise DlmError(message + (f"; left out: {left_out}" if left_out else ""))
    library = Path(sysconfig.get_paths()["stdlib"])
    standard = [(name, encode(read_text(library / name)[0])) for name in STANDARD if (library / name).is_file()]
    (job.data / "tokenizer").mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base.folder / name, job.data / "tokenizer" / name)
    made = {"train": parts.train, "held-out": parts.held_out, "standard": stream_of("cpython", standard)}
    for name, stream in made.items():
        streams.write(stream, job.data, name)
    return {
        "files": len(sources.files) - parts.held_out_files,
        "tokens": tokens,
        "held_out_files": parts.held_out_files,
        "held_out_tokens": held_out_tokens,
        "left_out": left_out,
        "knows_ignored": sources.knows_ignored,
    }


# ------------------------------------------------------------------------------------------------ the result


def finetune(job: Job, console: Console, clock: Callable[[], float] = time.monotonic) -> int:
    """Do the job; gives an exit status: 0 the model is in OUT, 1 it got no better, 130 it was stopped."""
    if not job.folder.is_dir():
        raise DlmError(f"there is no folder {job.folder}")
    if not 0 < job.minutes < math.inf:
        raise DlmError(f"--minutes is a number above 0, not {job.minutes:g}")
    if job.out == job.out.parent:
        raise DlmError(f"{job.out} is no place for a model; give --out another name")
    base = read_base(job.model)
    known = claim(job, base)
    machine = choose_machine(job.device)
    tell_start(job, known, machine, console)
    network, longest = base.network.to(machine.device), base.network.config.max_canvas_tokens
    held_out, standard = (probe(job.data, name, longest) for name in ("held-out", "standard"))
    assert held_out is not None, "what is held out fills a canvas"
    before = Losses(nats_of(network, held_out, machine), nats_of(network, standard, machine))
    recipe, stop = recipe_for(job.minutes, longest, streams.read(job.data, "train")), Stop()
    with stop.listening():
        progress = tune(
            job.part,
            network,
            recipe,
            held_out,
            machine,
            before=before.held_out,
            stop=stop,
            console=console,
            clock=clock,
        )
        after = before
        if (job.part / "best.pt").exists():
            saved = read_best(job.part)
            weights = take_rounded(network, saved["weights"])
            after = Losses(nats_of(network, held_out, machine), nats_of(network, standard, machine))
        better = after.held_out < before.held_out
        if better:
            facts = facts_of(job, base, known, machine.device.type, Progress(**saved["progress"]))
            losses = {"before": before.held_out, "after": after.held_out, "standard": tell_standard(before, after)}
            write(job, base, weights, facts | losses)
    if better:
        print(f"nats per hidden token, held-out files: {before.held_out:.3f} before, {after.held_out:.3f} after")
        print(tell_standard(before, after))
        print(f"`dlm-lsp --model {job.out}` uses it; in an editor it is the setting `model`.")
    else:
        print(f"The loss on held-out files did not fall below {before.held_out:.3f}: nothing was written to {job.out}.")
    if progress.seconds < job.minutes * 60:
        spent = f"{progress.seconds / 60:.1f} of {job.minutes:g} minutes"
        print(f"Stopped after {spent}; the same command goes on from there.")
        return 130
    shutil.rmtree(job.part, ignore_errors=True)
    return 0 if better else 1


def take_rounded(network: DreamModel, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the network these weights as bf16 rounds them, so that what is measured is what is written; gives them, too.

    Not int8 rows: the bundled weights lie on such a grid, and what a short run adds is often less than half of its step.
    """
    rounded = {name: weight.to(torch.bfloat16).float() for name, weight in weights.items()}
    network.load_state_dict(rounded)
    if network.config.tie_word_embeddings:
        del rounded["lm_head.weight"]
    return rounded


def write(job: Job, base: Base, weights: dict[str, Tensor], facts: dict[str, object]) -> None:
    """Write the model folder beside OUT and put it there; over that of an earlier call file by file, the weights last."""
    made, notice = job.part / "model", base.folder / "NOTICE"
    told = notice.read_text("utf-8") if notice.is_file() else ""
    told += f"\nContinued on the Python files of {job.name}, under whatever licence that has.\n"
    card = CARD.read_text("utf-8")
    write_model(made, weights, base.config, job.data / "tokenizer", notice=told, card=card, facts=facts, int8=False)
    if (
        base.folder / TRAINED_ON
    ).is_file():  # what the base repeats, its continuation may repeat; the user's own files are theirs
        shutil.copyfile(base.folder / TRAINED_ON, made / TRAINED_ON)
    if not job.out.exists():
        made.rename(job.out)
        return
    for file in sorted(made.iterdir(), key=lambda file: file.name == WEIGHTS):
        file.replace(job.out / file.name)
    made.rmdir()


def facts_of(job: Job, base: Base, known: dict[str, Any], device: str, reached: Progress) -> dict[str, object]:
    """What the model card says, but for the losses."""
    return known | {
        "model": base.folder.name,
        "model_hash": base.hash,
        "name": job.name,
        "minutes": reached.seconds / 60,
        "device": device,
        "steps": reached.step,
        "seen": reached.tokens,
        "epochs": reached.tokens / known["tokens"],
        "probes": PROBES,
    }


def tell_standard(before: Losses, after: Losses) -> str:
    """Say what was forgotten, as far as it can be seen."""
    if math.isnan(before.standard):
        return "this Python has no sources of its standard library, so what was forgotten is not known"
    return f"standard library, which was not trained on here: {before.standard:.3f} before, {after.standard:.3f} after"


def tell_start(job: Job, known: dict[str, Any], machine: Machine, console: Console) -> None:
    """Say what there is to learn from."""
    train = f"{known['files']} files with {known['tokens']} tokens"
    rest = f"{known['held_out_files']} with {known['held_out_tokens']} are held out"
    numbers = "bf16" if machine.narrow else "float32"
    lines = [f"{job.name}: {train}, {rest}; on {machine.device.type} in {numbers}"]
    if known["left_out"]:
        lines.append(f"left out: {known['left_out']}")
    if not known["knows_ignored"]:
        lines.append("git cannot say what is ignored here; hidden folders, environments and build folders are left out")
    if (job.part / "state.pt").exists():
        lines.append("an interrupted run goes on")
    for line in lines:
        console.print(line, soft_wrap=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; gives an exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--exclude", action="append", default=[])
    asked = parser.parse_args(argv)
    out = Path(os.path.abspath(asked.out))  # noqa: PTH100, Path has nothing that takes `..` away and leaves links alone
    job = Job(asked.folder, out, asked.model, asked.minutes, tuple(asked.exclude), asked.device)
    try:
        if hasattr(os, "nice"):
            os.nice(10)  # whoever types goes first
        if asked.threads:
            torch.set_num_threads(asked.threads)
        prepare(choose_machine(job.device).device)
        return finetune(job, Console(stderr=True, markup=False, highlight=False))
    except DlmError as error:
        return refuse(error.sentence)
    except SystemExit as error:  # of a state that cannot be read or written
        return refuse(f"{error.code}.")
    except torch.OutOfMemoryError:
        return refuse("the model does not fit into the memory of the device; try --device cpu.")
    except OSError as error:
        return refuse(
            f"{error.filename or job.out} cannot be read or written ({error.strerror}); see to that and run the same again."
        )
    except KeyboardInterrupt:
        return 130


def refuse(sentence: str) -> int:
    """Say why it cannot be done."""
    print(f"dlm-lsp: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
