"""Every decoder by its name: its paper and its parameters with default and range, so that a setting is checked without torch.

In: what somebody wrote, such as `saber:variant=dream,mu=4`. Out: a name and parameters that are known to be good, or a
SettingsError of one sentence. Standard library only; the rules themselves are in `sampling.samplers` and `sampling.strategies`,
whose fields and defaults are those named here (a test compares them).
"""

import difflib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from dlm_lsp.errors import SettingsError

Value = float | int | str | bool
"""Of a parameter; the type is that of its default."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a decoder, under its paper's name in words."""

    default: Value
    text: str
    """What it does, and the paper's letter."""
    low: float = 0
    high: float = math.inf
    """Both ends are allowed."""
    choices: tuple[str, ...] = ()
    """Of a word."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """One way to decode."""

    paper: str
    """Title, arXiv id and the place in it, or the repository and file where there is no paper."""
    text: str
    """What it does, in one sentence for somebody who chooses."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    takes_back: bool = False
    """Whether it may mask again what it has written."""
    is_strategy: bool = False
    """Whether it owns the order of the model calls; otherwise it is a rule within the ordinary loop."""


TEMPERATURE = Parameter(0.0, "0 takes the likeliest token, above it tokens are drawn", high=2)
"""Most rules have it; the server gives each candidate its own, unless the setting names one."""

DECODERS: dict[str, Decoder] = {
    "threshold": Decoder(
        "Fast-dLLM (arXiv 2505.22618), algorithm 1, threshold",
        "commits every token that is surer than a threshold, at least the surest one",
        {
            "threshold": Parameter(0.9, "confidence above which a token is committed, tau", high=math.inf),
            "temperature": TEMPERATURE,
        },
    ),
}
"""By name; the first is the default."""

CACHES: dict[str, str] = {
    "none": "every step computes the whole canvas",
}
"""Ways to reuse keys and values between steps, and what each does."""


ORACLE = "oracle"

LENGTHS: dict[str, Decoder] = {
    "auto": Decoder(
        "",
        "`grow` where the checkpoint can, else `cal` where it is calibrated, else the best of 8, 16, 32 and 64 tokens",
    ),
    "grow": Decoder(
        "DreamOn (arXiv 2602.01326), section 3",
        "starts at a guess; expand and delete tokens that the model decides change the length while it decodes",
    ),
    "cal": Decoder(
        "CAL (arXiv 2602.00476), algorithm 1",
        "probes several lengths in one call and takes the one at which the model is surest of its masks; needs `dlm-lsp models calibrate`",
    ),
    "fixed": Decoder(
        "",
        "one length, which stays",
        {"tokens": Parameter(0, "the length; 0 takes the guess of the syntax", high=512)},
    ),
    ORACLE: Decoder("", "the length of what really stood there, which stays; only a benchmark can know it"),
}
"""Ways to find the length of a hole."""


def read_decoder(written: str) -> tuple[str, dict[str, Value]]:
    """Read `name` or `name:parameter=value,…`; raise SettingsError where a name or a value is wrong."""
    return _read("sampler", written, DECODERS)


def read_length(written: str) -> tuple[str, dict[str, Value]]:
    """Read a name of LENGTHS, parameters may follow; raise SettingsError where something is wrong."""
    return _read("length", written, LENGTHS)


def _read(kind: str, written: str, table: Mapping[str, Decoder]) -> tuple[str, dict[str, Value]]:
    name, _, rest = written.partition(":")
    name = name.strip()
    _check_name(kind, name, table)
    known = table[name].parameters
    given: dict[str, Value] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        _check_name(f"parameter of {name!r}", key, known)
        if not equals:
            raise SettingsError(f"the parameter {key!r} of {name!r} has no value; write {key}={known[key].default}")
        given[key] = _read_value(name, key, value, known[key])
    return name, given


def check_decoder(name: str, given: Mapping[str, Value]) -> None:
    """Raise SettingsError where a decoder does not exist, does not have a parameter or a value lies outside its range."""
    _check_name("sampler", name, DECODERS)
    known = DECODERS[name].parameters
    for key, value in given.items():
        _check_name(f"parameter of {name!r}", key, known)
        _check_value(name, key, value, known[key])


def _read_value(name: str, key: str, written: str, parameter: Parameter) -> Value:
    kind = type(parameter.default)
    value: Value = written
    try:
        if kind is bool:
            value = {"true": True, "false": False}[written.lower()]
        elif kind is not str:
            value = kind(written)
    except (KeyError, ValueError):
        value = written  # of the wrong type, which the check says in the same words as any other mistake
    _check_value(name, key, value, parameter)
    return value


def _check_value(name: str, key: str, value: Value, parameter: Parameter) -> None:
    what = f"the parameter {key!r} of {name!r}"
    kind = type(parameter.default)
    if kind is str:
        if parameter.choices and value not in parameter.choices:
            nearest = difflib.get_close_matches(str(value), parameter.choices, n=1, cutoff=0.0)[0]
            allowed = ", ".join(parameter.choices)
            raise SettingsError(f"{what} is {value!r}; it must be one of {allowed} (the nearest is {nearest!r})")
    elif kind is bool:
        if not isinstance(value, bool):
            raise SettingsError(f"{what} is {value!r}; it must be true or false")
    elif isinstance(value, bool | str) or (kind is int and not isinstance(value, int)):
        raise SettingsError(f"{what} is {value!r}; it must be a {'whole ' if kind is int else ''}number")
    elif not parameter.low <= value <= parameter.high:
        allowed = (
            f"{parameter.low:g} or more" if parameter.high == math.inf else f"{parameter.low:g} to {parameter.high:g}"
        )
        raise SettingsError(f"{what} is {value}; it must be {allowed}")


def _check_name(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        if not known:
            raise SettingsError(f"there is no {what} {name!r}; it has none")
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise SettingsError(f"there is no {what} {name!r}; the nearest name is {nearest!r}")
