"""Every knob of the server: typed, frozen, the unit in its name, the default visible.

In: `initializationOptions`, `workspace/configuration` or command-line values as plain dicts in camelCase. Out: `Settings` and
the list of complaints. Standard library only; it does not know who asks.
"""

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from dlm_lsp.decoders import ORACLE, read_cache, read_decoder, read_length
from dlm_lsp.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. The text below a field is its description everywhere."""

    enabled: bool = True
    """Whether completions are given at all; off means that the model is never called."""

    model: str = "nano"
    """A bundled model's name, a folder with a checkpoint, OWNER/NAME of one that `dlm-lsp models pull` has downloaded, or
    `scripted:FILE` for demonstrations and tests."""

    device: str = "auto"
    """Where the model runs: `auto`, `cpu`, `cuda`, `mps`."""

    dtype: str = "auto"
    """Number format of the weights: `auto`, `float32`, `bfloat16`, `float16`, and rounded `int8` (on a CPU some of them; on a GPU those of all
    layers, which halves their memory), `fp8` (CUDA, compute capability 8.9 and newer) or `onnx-int8` (a CPU, with
    `pip install 'dlm-lsp[onnx]'`); where one cannot be had the log and `dlm-lsp doctor` say what is taken. On a CPU `auto` tries out what is
    there and takes a less exact one only where it is clearly faster; on CUDA it is `bfloat16`. `float32` answers alike on all machines."""

    threads: int = 0
    """CPU threads of the model; 0 takes one per physical core, and no more than a container is allowed (0 to 1024)."""

    candidates: int = 1
    """How many different fillings are asked for at once (1 to 8)."""

    max_hole_tokens: int = 64
    """Upper bound of one filling's length, in tokens (1 to 512)."""

    max_window_tokens: int = 512
    """How much of the document the model sees around the hole, in tokens (64 to 32768); the checkpoint's own limit cuts it."""

    in_comments: bool = True
    """Whether answers come unasked, while somebody types, in comments and docstrings."""

    in_strings: bool = False
    """Whether answers come unasked in other strings; in the fields of formatted strings they always do."""

    context_snippets: int = 3
    """How many pieces of other open files the model is told at most (0 to 3); only models trained to read them get any."""

    deadline_ms: int = 4000
    """After this time a request is answered with what is finished, or with nothing (50 to 600000)."""

    prepare: bool = False
    """Whether the answer behind every offer is prepared while nobody types, as if the offer were accepted: it then comes at once, but
    every offer costs some 70 % more model calls, accepted or not (`benchmarks/results/prepare.json`)."""

    warm_start: bool = False
    """Whether an answer starts from the one that was offered there before a line near it was changed, and not from nothing: half the
    model calls, but what it does to quality is not known yet (`benchmarks/results/warm.json`)."""

    threshold: float = 0.9
    """Confidence above which tokens are committed in the same step (0 to 1); lower is faster and worse."""

    sampler: str = "threshold"
    """The decoder, which decides what is committed in a step, and its parameters, such as `threshold` or `threshold:threshold=0.7`;
    `dlm-lsp samplers` lists all, docs/samplers.md what they cost."""

    cache: str = "hole"
    """How keys and values are reused between the steps of an answer: `hole`, `prefix`, `dual`, `dkv-decode` or `dkv-greedy`, also with
    parameters as `hole:steps=4`; `none` computes all of them anew, and is exact. `hole` also keeps them between answers, but for what
    was typed since, unless it is `hole:across=false`: half the time of `none`, 0.003 to 0.006 nats of drift, and of 102 answers as many
    parse (`benchmarks/results/drift.json`). docs/samplers.md explains all."""

    length: str = "auto"
    """How the length of a hole is found: `auto`, `grow`, `cal`, or `fixed`, also with its number of tokens as `fixed:tokens=16`;
    docs/samplers.md explains them."""

    copy_prior: bool = False
    """Make likelier what the text around the hole repeats, where the checkpoint comes with `copy_prior.json`; off, for answers of the
    bundled model parse less often with it."""

    temperature: float = 0.7
    """Sampling temperature of all candidates but the first, which is greedy (0 to 2)."""

    seed: int = 0
    """Same seed, same document, same model: same answer; with a cache that works between answers, up to what it changes."""

    repair_rounds: int = 2
    """How often a finished text that breaks the syntax is masked again in part and refilled (0 to 8)."""

    show_broken: bool = False
    """Show answers that break a document which parsed before; off withholds them."""

    block_verbatim: bool = False
    """Withhold answers that repeat, word for word, 30 tokens or more (some three lines) of the code that the model was trained on; some
    that repeat 20 to 29 are withheld too. For those who must not copy other people's code. Only the bundled model comes with the list that
    this needs."""

    min_logprob: float = -6.0
    """Automatic answers whose mean log-probability per token is below this are withheld (-100 to 0)."""

    agreement: int = 0
    """Of three more answers that are drawn, how many must begin with the same statement for an automatic one to be shown (0 to 3); 0
    draws none, anything else makes automatic answers slower."""

    exclude: tuple[str, ...] = ()
    """Globs of files that are neither filled nor shown to the model, such as `*.gen.py` or `infra/keys`; keys, passwords and
    credentials (`.env*`, `*.pem`, `.ssh/`, `*secret*` …) always are excluded."""


RANGES: dict[str, tuple[float, float]] = {
    "threads": (0, 1024),
    "candidates": (1, 8),
    "max_hole_tokens": (1, 512),
    "max_window_tokens": (64, 32768),
    "context_snippets": (0, 3),
    "deadline_ms": (50, 600_000),
    "threshold": (0, 1),
    "temperature": (0, 2),
    "seed": (-(2**63), 2**63 - 1),
    "repair_rounds": (0, 8),
    "min_logprob": (-100, 0),
    "agreement": (0, 3),
}
"""Allowed values, both ends included, of the fields that are numbers."""

CHOICES: dict[str, tuple[str, ...]] = {
    "device": ("auto", "cpu", "cuda", "mps"),
    "dtype": ("auto", "float32", "bfloat16", "float16", "int8", "fp8", "onnx-int8"),
}
"""Allowed values of the fields that are words."""


def _read_length(written: str) -> None:
    if read_length(written)[0] == ORACLE:
        raise SettingsError(f"{ORACLE!r} is for benchmarks only: nobody else knows what is missing")


_READERS: dict[str, Callable[[str], object]] = {"sampler": read_decoder, "length": _read_length, "cache": read_cache}
"""By field: what reads a name with parameters, or raises SettingsError."""


def camel_case(name: str) -> str:
    """Give the name of a field as editors write it: deadline_ms -> deadlineMs."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def read_settings(options: object, base: Settings | None = None) -> tuple[Settings, list[str]]:
    """Lay `options` over `base`; give the settings and a sentence for every option that was left out because it is wrong."""
    base = base or Settings()
    if options is None or options == []:  # Lua cannot tell an empty table from an empty list
        return base, []
    if not isinstance(options, dict):
        return base, [f"settings must be an object, not {type(options).__name__}"]
    by_key = {camel_case(field.name): field for field in fields(Settings)}
    good: dict[str, Any] = {}
    complaints: list[str] = []
    for key, value in options.items():
        field = by_key.get(str(key))
        if field is None:
            complaints.append(f"unknown setting {key!r}{_hint(str(key), by_key)}")
            continue
        complaint = _complaint(field.name, value, type(getattr(base, field.name)))
        if complaint:
            complaints.append(f"{key}: {complaint}")
        else:
            kind = type(getattr(base, field.name))
            good[field.name] = kind(value) if kind in {float, tuple} else value  # JSON has whole floats, and lists
    current = {field.name: getattr(base, field.name) for field in fields(Settings)}
    return Settings(**(current | good)), complaints


def _complaint(name: str, value: object, kind: type) -> str:
    """Say what is wrong with a value, or nothing."""
    if kind is tuple:
        of_words = isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)
        return "" if of_words else f"{value!r} is not a list of words"
    right_type = (
        isinstance(value, int | float) and not isinstance(value, bool)
        if kind is float
        else type(value) is kind  # bool is an int to isinstance, not to a user
    )
    if not right_type:
        return f"{value!r} is not {'a number' if kind is float else f'of type {kind.__name__}'}"
    low, high = RANGES.get(name, (None, None))
    if low is not None and high is not None and isinstance(value, int | float) and not low <= value <= high:
        return f"{value} is not between {low} and {high}"
    if name in _READERS:
        try:
            _READERS[name](str(value))
        except SettingsError as error:
            return str(error)
    if name in CHOICES and value not in CHOICES[name]:
        return f"{value!r} is none of {', '.join(CHOICES[name])}{_hint(str(value), CHOICES[name])}"
    return ""


def _hint(word: str, known: Collection[str]) -> str:
    """Name the nearest of what is known, if there is one."""
    nearest = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


def descriptions() -> dict[str, str]:
    """Give the text below each field, by the field's name."""
    import ast
    from pathlib import Path

    module = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__)
    return {
        field.target.id: str(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }
