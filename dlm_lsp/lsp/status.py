"""What a status line shows: whether completions can be had, from which model, and if not, why.

In: changes of the engine's state. Out: the answer to `dlm-lsp/status`, the same as a notification for clients that declared
that they want it, lines in the client's log, and a progress bar while a model loads. Decides nothing.
"""

import asyncio
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from lsprotocol import types

from dlm_lsp.engine.client import EngineState
from dlm_lsp.errors import WorkerError
from dlm_lsp.lsp.messages import DID_CHANGE_STATUS, NoParams
from dlm_lsp.lsp.progress import progress
from dlm_lsp.lsp.session import Session

CAPABILITY = "dlmLsp"
"""What we look for in the client's experimental capabilities."""
LOADING_AFTER_S = 1.0
"""A model that is there sooner needs no progress bar."""
LOOK_EVERY_S = 0.1
"""How often it is looked how much of a model has been read."""
_WORDS = {
    EngineState.STARTING: "loading",
    EngineState.READY: "ready",
    EngineState.BUSY: "busy",
    EngineState.RESTARTING: "restarting",
    EngineState.FAILED: "failed",
    EngineState.STOPPED: "stopped",
}


def status(ls: Session, _params: NoParams) -> dict[str, Any]:
    """Answer `dlm-lsp/status`."""
    hello, last = ls.engine.hello, ls.tally.last()
    return {
        "state": _WORDS[ls.engine.state] if ls.layers.enabled else "off",
        "message": _sentence(ls),
        "model": hello.model if hello else ls.service.settings.model,
        "modelHash": hello.model_hash if hello else None,
        "device": hello.device if hello else None,
        "dtype": hello.dtype if hello else None,
        "loadedPercent": ls.engine.loaded_percent if ls.engine.state is EngineState.STARTING else None,
        "lastMs": round(last.ms, 1) if last else None,
        "lastMessage": last.why_nothing if last else "",
        "counts": dict(ls.tally.counts),
    }


def changed(ls: Session, state: EngineState) -> None:
    """Pass a change of state on to the client."""
    if not ls.initialized:
        return  # nothing may be said yet
    sentence, said = _sentence(ls), ls.said
    ls.said = sentence
    if sentence != said:
        ls.write_log(types.MessageType.Error if state is EngineState.FAILED else types.MessageType.Info, sentence)
    answered(ls)
    if state is EngineState.STARTING:
        ls.in_background(_show_loading(ls))


def answered(ls: Session) -> None:
    """Tell the client how it stands, as after an answer: how long that took is known only now."""
    if ls.initialized and _wants_status(ls):
        with suppress(ConnectionError):
            ls.protocol.notify(DID_CHANGE_STATUS, status(ls, NoParams()))


def _sentence(ls: Session) -> str:
    hello, name = ls.engine.hello, PurePath(ls.service.settings.model).name
    if not ls.layers.enabled:
        return "Completions are switched off; the model's memory is free."
    match ls.engine.state:
        case EngineState.READY | EngineState.BUSY if hello is not None:
            return f"The model {hello.model} is loaded on {hello.device}{hello.notice and f'; {hello.notice}'}."
        case EngineState.FAILED:
            return f"No completions: {ls.trouble}."
        case EngineState.RESTARTING:
            return "The model's process ended and is being started again."
        case EngineState.STOPPED:
            return f"The model {name} is not loaded; the next request loads it."
        case _:
            return f"The model {name} is being loaded."


def _wants_status(ls: Session) -> bool:
    experimental = ls.client_capabilities.experimental
    ours = experimental.get(CAPABILITY) if isinstance(experimental, dict) else None
    return isinstance(ours, dict) and ours.get("didChangeStatus") is True


async def _show_loading(ls: Session) -> None:
    engine, name, told = ls.engine, PurePath(ls.service.settings.model).name, 0
    ready = asyncio.ensure_future(engine.ready())
    async with progress(ls, None, f"Loading {name}", cancellable=False, measured=True, after_s=LOADING_AFTER_S) as bar:
        while not (await asyncio.wait({ready}, timeout=LOOK_EVERY_S))[0]:
            if engine.loaded_percent > told:
                told = engine.loaded_percent
                bar(f"{told} %", told)
                answered(ls)
    with suppress(WorkerError):
        await ready
