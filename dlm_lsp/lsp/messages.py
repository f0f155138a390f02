"""What may be said: lsprotocol's messages, read strictly, and ours, whose names begin with `dlm-lsp/`.

In: JSON as it was parsed. Out: typed params, or an exception where a part has another type than the protocol says. Does not
know what is done with a message; docs/protocol.md describes ours.
"""

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import cattrs
from cattrs.gen import make_dict_structure_fn, override
from lsprotocol import types
from pygls.protocol import default_converter

from dlm_lsp.settings import camel_case

STATUS = "dlm-lsp/status"
DID_CHANGE_STATUS = "dlm-lsp/didChangeStatus"
SWITCH_MODEL = "dlm-lsp/switchModel"
FREE = "dlm-lsp/free"
FILL = "dlm-lsp/fill"
LAST_ANSWER = "dlm-lsp/lastAnswer"
SHOWN = "dlm-lsp/shown"
ACCEPTED = "dlm-lsp/accepted"
REJECTED = "dlm-lsp/rejected"


@dataclass(frozen=True, slots=True)
class NoParams:
    """Of a request that says it all by its name."""


@dataclass(frozen=True, slots=True)
class SwitchModelParams:
    """Which model to go on with."""

    model: str
    """As in the setting of that name."""


@dataclass(frozen=True, slots=True)
class LastAnswerParams:
    """Whose last answer to tell about."""

    text_document: types.TextDocumentIdentifier | None = None
    """None means the last one of all."""


@dataclass(frozen=True, slots=True)
class FillParams:
    """Where to fill now, and how."""

    text_document: types.TextDocumentIdentifier
    position: types.Position
    settings: Any = None
    """Laid over the document's settings for this once."""
    watch_token: types.ProgressToken | None = None
    """Steps of the denoising are sent as `$/progress` of this token."""


@dataclass(frozen=True, slots=True)
class ItemParams:
    """Which item something happened to: the arguments of its command."""

    answer: int
    item: int = 0


REQUESTS: dict[str, type[Any]] = {
    STATUS: NoParams,
    SWITCH_MODEL: SwitchModelParams,
    FREE: NoParams,
    FILL: FillParams,
    LAST_ANSWER: LastAnswerParams,
}
NOTIFICATIONS: dict[str, type[Any]] = {SHOWN: ItemParams, ACCEPTED: ItemParams, REJECTED: ItemParams}


def make_converter() -> cattrs.Converter:
    """Make a converter that turns nothing into something else: cattrs takes 5 for the text "5", and "5" for the number."""
    converter: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]
    for kind in (bool, int, float, str):
        converter.register_structure_hook(kind, _same)
    for token in (types.ProgressToken, types.ProgressToken | None):
        converter.register_structure_hook(token, _token)
    for params in {*REQUESTS.values(), *NOTIFICATIONS.values()}:
        names: dict[str, Any] = {field.name: override(rename=camel_case(field.name)) for field in fields(params)}
        converter.register_structure_hook(params, make_dict_structure_fn(params, converter, **names))
    return converter


def _same(value: Any, kind: type) -> Any:
    """Take a value as it is if it has the right type; JSON has one type for all numbers, and none for choices."""
    if issubclass(kind, Enum):
        return kind(value)
    if type(value) is kind:
        return value
    if kind is int and type(value) is float and value.is_integer():
        return int(value)
    if kind is float and type(value) is int:
        return float(value)
    raise TypeError(f"not of type {kind.__name__}")


def _token(value: Any, _: object) -> types.ProgressToken | None:
    """Take a token, which may be missing."""
    if value is None or type(value) in {int, str}:
        return value  # type: ignore[no-any-return]
    raise TypeError("a token is a number or a text")
