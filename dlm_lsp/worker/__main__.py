"""Start a worker: load the model, say hello, answer requests until the input ends.

    python -m dlm_lsp.worker --model nano

In: `wire` lines on stdin. Out: `wire` lines on stdout, and nothing else there: before anything heavy is imported, file
descriptor 1 is pointed at stderr, so that no library can print into the protocol. Knows neither editors nor documents.
"""

import argparse
import logging
import os
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from dlm_lsp import wire
from dlm_lsp.errors import DlmError
from dlm_lsp.values import InfillRequest, InfillResult, Outcome, Step
from dlm_lsp.worker.inbox import Inbox, Job

if TYPE_CHECKING:
    from torch import Tensor

    from dlm_lsp.models.denoiser import Denoiser
    from dlm_lsp.models.kept_context import Contexts
    from dlm_lsp.sampling.cal import Curve
    from dlm_lsp.sampling.healing import Pieces
    from dlm_lsp.worker.verbatim import Blocks

log = logging.getLogger("dlm_lsp.worker")

IDLE_S = 0.25
"""If nothing was asked for so long after an answer, somebody who typed has paused."""
_NO_MEMORY = re.compile("out of memory|(can't|failed to) allocate memory", re.IGNORECASE)
"""How PyTorch says it of a device and of the CPU, and ONNX Runtime."""
LEAVE_WITHIN_S = 5.0
"""A model call that hangs must not keep the process after its input has ended."""


def main() -> int:
    """Run the worker; give its exit status."""
    parser = argparse.ArgumentParser(prog="python -m dlm_lsp.worker", description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="nano", help="bundled name, folder, or scripted:FILE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()

    # Threads of torch that wait for each other by spinning cost a hundred times the work when another program has a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Raw and unbuffered: a line is written by one call, and the descriptor is ours alone from here on.
    protocol_out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    write_lock = threading.Lock()

    def send(message: wire.Message) -> None:
        line = memoryview(wire.encode(message))
        with write_lock:
            while line:
                line = line[protocol_out.write(line) :]

    try:
        return _serve(options, send)
    except BrokenPipeError:
        return 0  # the front is gone; there is nobody to tell
    except KeyboardInterrupt:
        return 130


def _serve(options: argparse.Namespace, send: Callable[[wire.Message], None]) -> int:
    inbox = Inbox(sys.stdin.buffer)
    inbox.start()
    _leave_when_closed(inbox)
    try:
        from dlm_lsp.models.cached import keep_contexts
        from dlm_lsp.models.folders import COPY_PRIOR, find, model_hash
        from dlm_lsp.models.loading import load, parts_read
        from dlm_lsp.models.remembered import Remembered
        from dlm_lsp.models.transformer import NetworkDenoiser
        from dlm_lsp.sampling.copy_prior import read_shares
        from dlm_lsp.sampling.healing import sort_pieces
        from dlm_lsp.worker.calibrate import read_curve
        from dlm_lsp.worker.drafters import Drafters
        from dlm_lsp.worker.verbatim import read_blocks

        where = {"device": options.device, "dtype": options.dtype, "threads": options.threads}
        notices: list[str] = []
        denoiser = load(
            options.model,
            **where,
            on_read=lambda percent: send(wire.Loading(percent)),
            on_notice=notices.append,
        )
        for notice in notices:
            log.warning("%s", notice)
        contexts = keep_contexts(denoiser)
        drafters = Drafters(denoiser, partial(load, **where))
        copy_shares = read_shares(find(options.model) / COPY_PRIOR)
        curve = read_curve(options.model)
        pieces = sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden)
        blocks = cache(partial(read_blocks, options.model))  # not before somebody asks: most never do
        _warm_up(denoiser)
        hello = wire.Hello(
            model=options.model,
            model_hash=model_hash(options.model),
            device=denoiser.device,
            dtype=denoiser.dtype if isinstance(denoiser, NetworkDenoiser) else "",
            memory_bytes=_free_bytes(denoiser.device),
            max_tokens=denoiser.max_tokens,
            chars_per_token=_chars_per_token(denoiser),
            reads=parts_read(options.model),
            notice="; ".join(notices),
        )
        send(hello)
    except DlmError as error:
        send(wire.Hello(model=options.model, error=str(error)))
        return 1
    except Exception as error:
        log.exception("the model could not be loaded")
        send(wire.Hello(model=options.model, error=f"the model could not be loaded ({type(error).__name__}: {error})"))
        return 1
    remembered = Remembered(denoiser)
    job = inbox.next()
    while job:
        # A benchmark forces the same truth in many orders, and takes no times of it.
        asked = remembered if job.request.forced and job.request.cache == "none" else denoiser
        result = _answer(
            job,
            asked,
            pieces,
            inbox,
            send,
            copy_shares=copy_shares,
            curve=curve,
            find_drafter=drafters,
            contexts=contexts,
            read_blocks=blocks,
        )
        send(wire.Result(result))
        if denoiser.device != hello.device:
            free_bytes = _free_bytes(denoiser.device)
            hello = replace(hello, device=denoiser.device, memory_bytes=free_bytes, notice=result.message)
            send(hello)
        inbox.finish(job.request.id)
        job = _next(inbox, contexts)
    return 0


def _next(inbox: Inbox, contexts: "Contexts | None") -> Job | None:
    """Wait for the next job; in a pause, once, compute what the last one left to be computed of the text around its holes."""
    if contexts is not None and contexts.is_stale:
        try:
            return inbox.next_within(IDLE_S)
        except TimeoutError:
            _refresh(contexts)
    return inbox.next()


def _refresh(contexts: "Contexts") -> None:
    try:
        contexts.refresh()
    except Exception as error:  # noqa: BLE001 nobody has asked for it
        contexts.forget()
        log.warning("the text around the hole was not computed ahead: %s", _where(error))


def _answer(
    job: Job,
    denoiser: "Denoiser",
    pieces: "Pieces",
    inbox: Inbox,
    send: Callable[[wire.Message], None],
    *,
    copy_shares: "Tensor | None",
    curve: "Curve | None",
    find_drafter: "Callable[[str], Denoiser]",
    contexts: "Contexts | None" = None,
    read_blocks: "Callable[[], Blocks] | None" = None,
) -> InfillResult:
    """Fill one request; whatever goes wrong becomes a result, because every request gets exactly one."""
    from dlm_lsp.worker.pipeline import fill

    request = job.request

    def watch(step: Step) -> None:
        send(wire.Watched(step))

    for again in (False, True):
        try:
            result = fill(
                request,
                denoiser,
                pieces,
                arrived=job.arrived,
                cancelled=lambda: inbox.cancelled(request.id),
                watch=watch if request.watch else None,
                copy_shares=copy_shares,
                curve=curve,
                find_drafter=find_drafter,
                contexts=contexts,
                read_blocks=read_blocks,
            )
            break
        except Exception as error:  # noqa: BLE001 whatever it is, the request gets its answer
            # Neither the traceback's values nor the message may hold the user's text: only the kind of error is told.
            log.error("request %d failed: %s", request.id, _where(error))  # noqa: TRY400 a traceback can quote the user's text
            message, full = _explain(error, request), _is_full(error)
        if contexts is not None:
            contexts.forget()
        _free_memory()  # not before the error is gone, whose traceback holds the tensors of what failed
        if again and full:
            message = _leave_device(denoiser) or message
        if again or not full:
            return InfillResult(request.id, request.version, Outcome.FAILED, message=message)
    # The front logs what it answers; what became of a cancelled request only the worker knows.
    log.log(
        logging.INFO if result.outcome is Outcome.CANCELLED else logging.DEBUG,
        "request %d: %s, %d candidates, %d steps, %.0f ms",
        request.id,
        result.outcome,
        len(result.candidates),
        result.calls,
        result.spent_ms.get("total", 0.0),
    )
    return result


def _where(error: BaseException) -> str:
    """Name an error and the line that raised it."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = "" if at is None else f" at {at.tb_frame.f_code.co_filename}:{at.tb_lineno}"
    return f"{type(error).__name__}{place}"


def _explain(error: Exception, request: InfillRequest) -> str:
    if isinstance(error, DlmError):
        return str(error)
    if _is_full(error):
        return f"not enough memory for request {request.id}: lower maxWindowTokens or maxHoleTokens"
    return f"the model failed on request {request.id} ({type(error).__name__}); the log names the place"


def _is_full(error: Exception) -> bool:
    """Whether there was no memory left: that what was kept is forgotten may help."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def _leave_device(denoiser: "Denoiser") -> str:
    """Move the model to the CPU for good, if there it can be, and give the sentence about it."""
    from dlm_lsp.models.transformer import NetworkDenoiser

    if not isinstance(denoiser, NetworkDenoiser) or denoiser.device == "cpu":
        return ""
    left = denoiser.device
    denoiser.move_to_cpu()
    _free_memory()
    message = (
        f"the memory of {left} is too small: the model runs on the CPU from here on, slower; restart it to go back"
    )
    log.warning("%s", message)
    return message


def _free_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _free_bytes(device: str) -> int:
    import torch

    return int(torch.cuda.mem_get_info(device)[0]) if device.startswith("cuda") else 0


def _warm_up(denoiser: "Denoiser") -> None:
    """Ask once, so that the first request is not slower than the second."""
    from dlm_lsp.worker.pipeline import warm_up

    warm_up(denoiser)


def _chars_per_token(denoiser: "Denoiser") -> float:
    """Measure the tokenizer on this package's own source."""
    from pathlib import Path

    text = Path(__file__).read_text(encoding="utf-8")
    return len(text) / max(1, len(denoiser.tokenizer.encode(text)))


def _leave_when_closed(inbox: Inbox) -> None:
    def leave() -> None:
        inbox.closed.wait()
        threading.Event().wait(LEAVE_WITHIN_S)
        os._exit(0)

    threading.Thread(target=leave, name="leave", daemon=True).start()


if __name__ == "__main__":
    status = main()
    with suppress(OSError):  # a full disk
        sys.stderr.flush()
    os._exit(status)  # the inbox may still wait for a line, and an ordinary exit aborts on the lock that it holds
