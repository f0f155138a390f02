"""What a client may ask of us beyond the standard; docs/protocol.md has an example of each.

In: params of `messages`. Out: plain JSON. All of it is optional for clients: whoever knows none of it misses no completion.
"""

from dataclasses import fields, is_dataclass
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from dlm_lsp.errors import WorkerError
from dlm_lsp.lsp import convert
from dlm_lsp.lsp.asking import ask
from dlm_lsp.lsp.layers import lay_over
from dlm_lsp.lsp.messages import FillParams, ItemParams, LastAnswerParams, NoParams, SwitchModelParams
from dlm_lsp.lsp.session import Session
from dlm_lsp.lsp.tally import Fate
from dlm_lsp.settings import Settings, camel_case
from dlm_lsp.values import Step, Trigger


async def switch_model(ls: Session, params: SwitchModelParams) -> dict[str, Any]:
    """Answer `dlm-lsp/switchModel`: when the model is loaded, or with the reason why it stays as it is."""
    try:
        await ls.switch(params.model)
    except WorkerError as error:
        return {"loaded": False, "message": str(error)}
    return {"loaded": True, "message": ""}


async def free(ls: Session, _params: NoParams) -> None:
    """Answer `dlm-lsp/free`: when the model's process has ended."""
    await ls.free()


async def fill(ls: Session, params: FillParams) -> dict[str, Any]:
    """Answer `dlm-lsp/fill`: fill the hole now, as if a key had been pressed for it."""
    document = ls.document(params.text_document.uri)
    snapshot = convert.snapshot_at(document, params.position) if document else None
    settings = _settings(await ls.settings_at(params.text_document.uri), params.settings)
    if snapshot is None or not settings.enabled or ls.document(params.text_document.uri) is None:
        return {"items": [], "outcome": "off", "message": "There are no completions for this document."}
    question = convert.Question(snapshot, snapshot, "", Trigger.INVOKED)

    token = params.watch_token

    def show(step: Step) -> None:
        assert token is not None, "else nobody is told of steps"
        ls.protocol.notify(types.PROGRESS, types.ProgressParams(token, _as_json(step)))

    on_step = None if token is None else show
    answer = await ask(ls, snapshot, Trigger.INVOKED, settings, on_step)
    now = ls.document(params.text_document.uri)
    shown = convert.completions(now, question, answer.texts, answer.id) if now else convert.nothing()
    return {
        "items": shown.items,
        "answer": answer.id,
        "outcome": answer.result.outcome,
        "message": "" if shown.items else answer.why_nothing or "The document was changed meanwhile.",
        "ms": round(answer.ms, 1),
        "steps": answer.result.calls,
    }


def last_answer(ls: Session, params: LastAnswerParams) -> dict[str, Any] | None:
    """Answer `dlm-lsp/lastAnswer`: what the model saw and what it said, or null."""
    answer = ls.tally.last(params.text_document.uri if params.text_document else None)
    if answer is None:
        return None
    result = answer.result
    candidates = result.candidates or answer.candidates  # what was known already comes without the worker's
    return {
        "answer": answer.id,
        "uri": answer.uri,
        "ms": round(answer.ms, 1),
        "known": answer.known,
        "settings": _as_json(answer.settings),
        "request": _as_json(answer.request),
        "outcome": result.outcome,
        "message": result.message or answer.why_nothing,
        "spentMs": result.spent_ms,
        "candidates": [{**_as_json(candidate), "withheld": answer.why_withheld(candidate)} for candidate in candidates],
        "shown": list(answer.texts),
    }


def shown(ls: Session, params: ItemParams) -> None:
    """Note that an item was shown."""
    ls.tally.tell(params.answer, params.item, Fate.SHOWN)


def accepted(ls: Session, params: ItemParams) -> None:
    """Note that an item was accepted."""
    ls.tally.tell(params.answer, params.item, Fate.ACCEPTED)


def rejected(ls: Session, params: ItemParams) -> None:
    """Note that an item was rejected."""
    ls.tally.tell(params.answer, params.item, Fate.REJECTED)


def accepted_by_command(ls: Session, answer: int, item: int) -> None:
    """Note the same for editors that know nothing of us and merely run an item's command."""
    ls.tally.tell(answer, item, Fate.ACCEPTED)


def _settings(there: Settings, options: object) -> Settings:
    """Lay what a request says over what holds at its document."""
    settings, complaints = lay_over(there, options)
    if complaints:
        raise JsonRpcInvalidParams("; ".join(complaints))
    return settings


def _as_json(value: Any) -> Any:
    """Write our values as the protocol writes names."""
    if is_dataclass(value):
        return {camel_case(field.name): _as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_as_json(part) for part in value]
    return value
