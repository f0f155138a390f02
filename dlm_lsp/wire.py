r"""The messages between the front process and the worker: one JSON object a line, each way.

Front to worker:  hello, fill, cancel, shutdown.   Worker to front:  loading, hello, watched, result.
In and out: the values of `values` and bytes. Standard library only; it opens no pipe. JSON is ASCII-escaped, so that lone
surrogates and line separators cross unharmed; deadlines are durations; no field assumes a shared disk or clock.

Drive a worker by hand:  python -m dlm_lsp.worker --model nano   and type  {"type": "hello", "protocol": 1}
"""

import json
import types
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from dlm_lsp.errors import WireError
from dlm_lsp.values import InfillRequest, InfillResult, Step

PROTOCOL = 1
MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longest line either side accepts; asyncio's default of 64 KiB is too small."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first line each way."""

    protocol: int = PROTOCOL
    model: str = ""
    """Name of the model, from the worker."""
    model_hash: str = ""
    """16 hex digits that change with what changes the model's answers (`models.folders.model_hash`), from the worker."""
    device: str = ""
    dtype: str = ""
    """The number format in which the model computes, for people; empty where it has none."""
    memory_bytes: int = 0
    """What is free on the device once the model is there; 0 where it does not tell."""
    max_tokens: int = 0
    """The longest canvas of the model, so that windows are cut to fit."""
    chars_per_token: float = 3.0
    """Measured on Python text, for the front to turn tokens into characters."""
    error: str = ""
    """Why the model could not be loaded; the worker ends after saying so."""
    notice: str = ""
    """What the user should know although the model runs: it does not run as the settings say."""
    reads: tuple[str, ...] = ("path", "imports")
    """The parts of `Context` that the model was trained to read (path, imports, names, snippets); others are not sent."""


@dataclass(frozen=True, slots=True)
class Loading:
    """How much of the model's weights has been read, told by a worker that has not said hello yet."""

    percent: int


@dataclass(frozen=True, slots=True)
class Fill:
    """Fill the holes of a request; answered by exactly one `Result` with its id."""

    request: InfillRequest


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop working on a request before its next model call; it still gets its one result. Unknown ids are ignored."""

    id: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End the worker."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One denoising step of a request that asked for `watch`."""

    step: Step


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one `Fill`."""

    result: InfillResult


Message = Hello | Loading | Fill | Cancel | Shutdown | Watched | Result
_BY_NAME: dict[str, Any] = {kind.__name__.lower(): kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """Give the line of a message, newline included."""
    body = {"type": type(message).__name__.lower(), **_as_dict(message)}
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"), default=_as_dict).encode("ascii") + b"\n"


def decode(line: bytes | str) -> Message:
    """Read one line; raise WireError where it is no message of this protocol."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        msg = f"not a line of JSON: {error}"
        raise WireError(msg) from error
    name = body.pop("type", None) if isinstance(body, dict) else None
    if not isinstance(name, str) or name not in _BY_NAME:
        msg = f"a message needs a 'type' out of {', '.join(_BY_NAME)}"
        raise WireError(msg)
    made = _reader(_BY_NAME[name])(body, "message")
    assert isinstance(made, Message), "every kind in the table is a message"
    return made


def _as_dict(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


Reader = Callable[[Any, str], Any]
"""Makes a value out of parsed JSON; the text says where in the message that stands."""


@cache
def _reader(kind: Any) -> Reader:
    """Give the reader of an annotated type; what the annotation says is found out once, and not for every message."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _object_reader(kind)
    if origin in (Union, types.UnionType):
        (some,) = (part for part in inner if part is not type(None))
        read = _reader(some)
        return lambda value, where: None if value is None else read(value, where)
    if origin is tuple:
        return _list_reader(inner[0])
    if origin is dict:
        return _dict_reader(inner[1])
    return _choice_reader(kind) if issubclass(kind, StrEnum) else _plain_reader(kind)


def _object_reader(kind: type[Any]) -> Reader:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            msg = f"{where}: expected an object"
            raise WireError(msg)
        if unknown := value.keys() - readers.keys():
            msg = f"{where}: unknown {', '.join(sorted(unknown))}"
            raise WireError(msg)
        arguments = {key: readers[key](part, f"{where}.{key}") for key, part in value.items()}
        try:
            return kind(**arguments)
        except (TypeError, AssertionError) as error:
            msg = f"{where}: {error}"
            raise WireError(msg) from error

    return read


def _list_reader(inner: Any) -> Reader:
    read_part = _reader(inner)

    def read(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            msg = f"{where}: expected a list"
            raise WireError(msg)
        if inner is str and set(map(type, value)) <= {str}:  # thousands of names
            return tuple(value)
        return tuple([read_part(part, where) for part in value])

    return read


def _dict_reader(inner: Any) -> Reader:
    read_part = _reader(inner)

    def read(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            msg = f"{where}: expected an object"
            raise WireError(msg)
        return {key: read_part(part, where) for key, part in value.items()}

    return read


def _choice_reader(kind: type[StrEnum]) -> Reader:
    def read(value: Any, where: str) -> StrEnum:
        try:
            return kind(value)
        except ValueError as error:
            msg = f"{where}: {error}"
            raise WireError(msg) from error

    return read


def _plain_reader(kind: type[Any]) -> Reader:
    def read(value: Any, where: str) -> Any:
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            try:
                return float(value)
            except OverflowError as error:
                msg = f"{where}: {error}"
                raise WireError(msg) from error
        msg = f"{where}: expected {kind.__name__}"
        raise WireError(msg)

    return read
