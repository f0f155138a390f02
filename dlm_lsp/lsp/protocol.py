"""JSON-RPC as the specification wants it, where pygls is more relaxed: exactly one response to every request.

In: bodies of messages, good or bad. Out: calls of pygls' handlers, or an error response with the right code. Knows no
feature of this server. pygls answers nothing to invalid params or JSON, and structures nested objects as messages.
"""

import json
import logging
from collections.abc import Generator
from inspect import isawaitable
from typing import Any

import attrs
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage
from pygls.protocol.language_server import _prepare_command_arguments

from dlm_lsp.lsp.documents import OpenDocuments
from dlm_lsp.lsp.messages import NOTIFICATIONS, REQUESTS

log = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """pygls' protocol with strict answers, our own documents, and an exit that does not throw."""

    exit_code: int | None = None
    """Set by the `exit` notification: from then on nothing is read."""

    @property
    def is_shut_down(self) -> bool:
        """Whether the client has asked for shutdown: the difference between exit codes 0 and 1."""
        return self._shutdown

    def receive(self, body: bytes) -> None:
        """Act on one message; whatever is wrong with it is answered or logged, never raised."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            self._refuse(None, JsonRpcParseError("the body is not JSON"))
            return
        if not isinstance(message, dict):
            self._refuse(None, JsonRpcInvalidRequest("a message is one object"))
        elif "method" not in message:
            self._receive_response(message)
        elif "id" in message:
            self._receive_request(message)
        else:
            self._receive_notification(message)

    def _receive_request(self, message: dict[str, Any]) -> None:
        msg_id = message["id"]
        try:
            if type(msg_id) not in (int, str):
                msg_id = None
                raise JsonRpcInvalidRequest("an id is an integer or a string")
            self._check_order(message)
            if msg_id in self._request_futures:
                raise JsonRpcInvalidRequest("a request with this id is running")
            self._get_handler(message["method"])
            if self.get_result_type(message["method"]) is None:  # a notification's: it would be carried out in silence
                raise JsonRpcMethodNotFound.of(message["method"])
            request = self._structure(message)
        except JsonRpcException as error:
            self._refuse(msg_id, error)
        else:
            self.handle_message(request)

    def _receive_notification(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if method == types.EXIT or (self._workspace is not None and self._is_known(method)):
            before = set(self._request_futures)
            try:
                self.handle_message(self._structure(message))
            except JsonRpcException as error:
                log.warning("dropped a notification %r: %s", method, error.message)
            for key in self._request_futures.keys() - before:  # pygls keeps them for ever: a kilobyte for each change
                self._forget_when_done(key)

    def _forget_when_done(self, key: int | str) -> None:
        def forget(_future: object) -> None:
            self._request_futures.pop(key, None)

        self._request_futures[key].add_done_callback(forget)

    def _receive_response(self, message: dict[str, Any]) -> None:
        msg_id: Any = message.get("id")
        if type(msg_id) not in (int, str):
            log.warning("dropped a message that is no request, notification or response")
            return
        if (future := self._request_futures.get(msg_id)) is not None and future.cancelled():
            del self._request_futures[msg_id]  # nobody waits any more
            return
        try:
            self.handle_message(self.structure_message(message))
        except JsonRpcException as error:
            log.warning("dropped a response: %s", error.message)

    def _check_order(self, message: dict[str, Any]) -> None:
        """Refuse what may not come now: see "Server lifecycle" in the specification."""
        method = message["method"]
        if message.get("jsonrpc") != self.VERSION or not isinstance(method, str):
            raise JsonRpcInvalidRequest("not a JSON-RPC 2.0 request")
        if self._shutdown:
            raise JsonRpcInvalidRequest("the server is shut down")
        if self._workspace is None and method != types.INITIALIZE:
            raise JsonRpcServerNotInitialized("initialize comes first")
        if self._workspace is not None and method == types.INITIALIZE:
            raise JsonRpcInvalidRequest("initialize comes once")

    def _is_known(self, method: object) -> bool:
        if method == types.CANCEL_REQUEST:
            return True
        try:
            self._get_handler(str(method))
        except JsonRpcMethodNotFound:
            return False
        return True

    def _structure(self, message: dict[str, Any]) -> Any:
        """Check and type a message; the error names no content, which may be the user's code."""
        method = message["method"]
        try:
            if (params_type := REQUESTS.get(method) or NOTIFICATIONS.get(method)) is not None:
                given = message.get("params")
                params = self._converter.structure({} if given is None else dict(given), params_type)
                if "id" in message:
                    return JsonRPCRequestMessage(message["id"], method, self.VERSION, params)
                return JsonRPCNotification(method, self.VERSION, params)
            kind = self.get_message_type(method)
            assert kind is not None, "only methods with a handler come here, and lsprotocol has types for the others"
            return self._converter.structure(message, kind)
        except Exception as error:
            raise JsonRpcInvalidParams(f"invalid params for {method}") from error

    def get_result_type(self, method: str) -> type[Any] | None:  # type: ignore[override]  # pygls caches its own
        """Give the type of the response to a request, None where the method is no request."""
        return JsonRPCResponseMessage if method in REQUESTS else super().get_result_type(method)

    def _refuse(self, msg_id: int | str | None, error: JsonRpcException) -> None:
        # A plain dict, because lsprotocol leaves out an id that is null, and JSON-RPC wants it.
        response = {"jsonrpc": self.VERSION, "id": msg_id, "error": {"code": error.code, "message": error.message}}
        log.info("refused request %r: %d %s", msg_id, error.code, error.message)
        self._send_data(response)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Answer `initialize` as pygls does, then keep documents our way."""
        result = yield from super().lsp_initialize(params)
        encoding = types.PositionEncodingKind(result.capabilities.position_encoding or "utf-16")
        self._workspace = OpenDocuments(params.root_uri, params.workspace_folders, encoding.value)
        return result

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *_: object) -> None:  # type: ignore[override]  # pygls runs plain functions as well
        """Cancel what runs; pygls walks through a dict out of which what is cancelled takes itself."""
        for future in list(self._request_futures.values()):
            future.cancel()
        self._shutdown = True

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """Run a command in the request's own task; pygls starts a second one, which a cancel does not reach."""
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"no such command: {params.command}")
        try:
            params = attrs.evolve(params, arguments=params.arguments or [])
            arguments, _ = _prepare_command_arguments(command, params, self._converter)
        except Exception as error:
            raise JsonRpcInvalidParams(f"wrong arguments for {params.command}") from error
        result = command(*arguments)
        return await result if isawaitable(result) else result

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: object) -> None:  # type: ignore[override]  # pygls runs plain functions as well
        """Stop reading; pygls raises SystemExit here, with the wrong code."""
        self.exit_code = 0 if self._shutdown else 1
