"""The server: which function answers what, and the stream it is spoken over.

In: settings, and a stream. Out: an exit code, 0 where the editor said `shutdown` before it left. Knows no feature beyond
its name.
"""

import asyncio
import logging
import os
import sys
from functools import partial
from typing import Any

from lsprotocol import types
from pygls.io_ import StdoutWriter

from dlm_lsp.errors import DlmError
from dlm_lsp.lsp import code_actions, completion, configuration, messages, own_requests, status, surroundings
from dlm_lsp.lsp.commands import make_commands
from dlm_lsp.lsp.convert import ACCEPTED
from dlm_lsp.lsp.framing import MAX_LINE_BYTES, read_body, read_descriptor
from dlm_lsp.lsp.inline_completion import inline_completion
from dlm_lsp.lsp.lifetime import editor_died
from dlm_lsp.lsp.session import Session
from dlm_lsp.settings import Settings

log = logging.getLogger(__name__)

SWITCH_S = 0.0005
"""How long a thread that reads documents keeps a message waiting; Python's 5 ms can be felt, and this costs nothing."""


def make_session(settings: Settings) -> Session:
    """Wire the features; a feature without its options object would not be announced."""
    session = Session(settings)
    asyncio.get_running_loop().set_exception_handler(partial(_report, session))
    session.on_state = partial(status.changed, session)
    session.on_answer = partial(status.answered, session)
    session.feature(types.INITIALIZE)(initialize)
    session.feature(types.INITIALIZED)(configuration.initialized)
    session.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(configuration.did_change)
    session.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(configuration.did_change_folders)
    session.feature(types.TEXT_DOCUMENT_DID_OPEN)(surroundings.did_open)
    session.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(inline_completion)
    session.feature(types.TEXT_DOCUMENT_CODE_ACTION, code_actions.OPTIONS)(code_actions.code_actions)
    session.feature(types.CODE_ACTION_RESOLVE)(code_actions.resolve)
    for name, command in make_commands().items():
        session.command(name)(command)
    session.command(ACCEPTED)(own_requests.accepted_by_command)
    session.feature(messages.STATUS)(status.status)
    session.feature(messages.SWITCH_MODEL)(own_requests.switch_model)
    session.feature(messages.FREE)(own_requests.free)
    session.feature(messages.FILL)(own_requests.fill)
    session.feature(messages.LAST_ANSWER)(own_requests.last_answer)
    session.feature(messages.SHOWN)(own_requests.shown)
    session.feature(messages.ACCEPTED)(own_requests.accepted)
    session.feature(messages.REJECTED)(own_requests.rejected)
    return session


def initialize(ls: Session, params: types.InitializeParams) -> None:
    """Take the editor's options, and announce what depends on what the editor can do."""
    configuration.initialize(ls, params)
    if completion.is_needed(params.capabilities):
        ls.feature(types.TEXT_DOCUMENT_COMPLETION, completion.OPTIONS)(completion.completion)


def _report(session: Session, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what goes wrong where no request waits; asyncio would write the exception's values, which may be the user's text."""
    error = context.get("exception")
    if isinstance(error, Exception):
        session.report_server_error(error, "the background")
    else:
        log.error("asyncio: %s", context["message"])


def run(settings: Settings, tcp_port: int | None = None) -> int:
    """Serve one editor, over stdin and stdout or on 127.0.0.1; give the exit code."""
    # Whatever prints, from here on, prints into the log and not into the protocol.
    protocol_out = os.dup(1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(
        logging.CRITICAL
    )  # it logs whole messages, which hold code; see report_server_error
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    sys.setswitchinterval(SWITCH_S)
    try:
        return asyncio.run(_serve_stdio(settings, protocol_out) if tcp_port is None else _serve_tcp(settings, tcp_port))
    except KeyboardInterrupt:
        return 130


async def _serve_stdio(settings: Settings, protocol_out: int) -> int:
    session = make_session(settings)
    with os.fdopen(protocol_out, "wb") as stdout:
        session.protocol.set_writer(StdoutWriter(stdout))
        return await _converse(session, read_descriptor(0))


async def _serve_tcp(settings: Settings, port: int) -> int:
    session = make_session(settings)
    connection: asyncio.Future[asyncio.StreamReader] = asyncio.get_running_loop().create_future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connection.done():
            writer.close()
        else:
            session.protocol.set_writer(writer)
            connection.set_result(reader)

    try:
        listener = await asyncio.start_server(connected, "127.0.0.1", port, limit=MAX_LINE_BYTES)
    except (OSError, OverflowError) as error:
        raise DlmError(f"port {port} of 127.0.0.1 cannot be used: {error}") from error
    log.info("listening on 127.0.0.1:%d", listener.sockets[0].getsockname()[1])
    reader = await connection
    listener.close()  # one editor only
    return await _converse(session, reader)


async def _converse(session: Session, reader: asyncio.StreamReader) -> int:
    """Answer until the editor says exit, closes the stream or dies."""
    reading = asyncio.create_task(_read_all(session, reader))
    watching = asyncio.create_task(editor_died(session.editor))
    await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
    reading.cancel()
    watching.cancel()
    await session.stop()
    protocol = session.protocol
    return protocol.exit_code if protocol.exit_code is not None else int(not protocol.is_shut_down)


async def _read_all(session: Session, reader: asyncio.StreamReader) -> None:
    protocol = session.protocol
    while protocol.exit_code is None and (body := await read_body(reader)) is not None:
        try:
            protocol.receive(body)
        except ConnectionError:
            return
        except Exception as error:  # noqa: BLE001 no message may end the server
            session.report_server_error(error, _read_all)
        # Let the request take its snapshot before the next message, which may be buffered already, changes the document.
        await asyncio.sleep(0)
