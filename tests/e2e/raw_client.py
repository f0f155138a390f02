"""A language client in plain Python: a process, two pipes, JSON. It shares no code with pygls or lsprotocol.

It is strict where editors are: a byte on stdout that is no message fails the test, and so does a second response to one id.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil

SERVER = (str(Path(sys.executable).with_name("dlm-lsp")), "serve")
PATIENCE_S = 60.0

NO_ANSWER = object()

Message = dict[str, Any]


class RawClient:
    """One server process and everything it has said."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*SERVER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
        self.log: list[str] = []
        self.notifications: list[Message] = []
        self.answers: Counter[Any] = Counter()
        self.encoding = "utf-16"
        """Of positions, as agreed on."""
        self._inbox: queue.Queue[Message | None] = queue.Queue()
        self._kept: dict[Any, Message] = {}
        self._next_id = 0
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._read_log)]
        for thread in self._threads:
            thread.start()

    # Out.

    def send_bytes(self, data: bytes) -> None:
        """Write bytes, good or bad."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: object) -> None:
        """Write anything that JSON can hold as a message."""
        self.send_bytes(frame(json.dumps(message).encode()))

    def notify(self, method: str, params: object) -> None:
        """Write a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: object) -> int:
        """Write a request; give its id."""
        self._next_id += 1
        self.send({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params})
        return self._next_id

    # In.

    def answer(self, request_id: object, timeout_s: float = PATIENCE_S) -> Message:
        """Wait for the response to one request; others are kept."""
        deadline = time.monotonic() + timeout_s
        while request_id not in self._kept:
            try:
                message = self._inbox.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no answer to {request_id}; log: {self.log[-20:]}") from None
            assert message is not None, f"the server closed its output; log: {self.log[-20:]}"
            self._kept[message["id"]] = message
        return self._kept.pop(request_id)

    def ask(self, method: str, params: object, timeout_s: float = PATIENCE_S) -> Message:
        """Send a request and wait for its response."""
        return self.answer(self.request(method, params), timeout_s)

    def wait_until(self, is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait for what no message tells."""
        deadline = time.monotonic() + timeout_s
        while not is_so():
            assert time.monotonic() < deadline, f"it did not come; log: {self.log[-20:]}"
            time.sleep(0.01)

    def wait_for_log(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait for a line in the log."""
        self.wait_until(lambda: any(text in line for line in list(self.log)), timeout_s)

    def worker_ids(self) -> list[int]:
        """Give the process ids of the server's workers."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def on_request(self, _message: Message) -> object:
        """Give the result of a request of the server's; a client that can do nothing gives none."""
        return NO_ANSWER

    # What an editor does.

    def initialize(self, options: object = None, **params: object) -> Message:
        """Shake hands; give the result."""
        capabilities = {"textDocument": {"inlineCompletion": {"dynamicRegistration": False}}}
        params = {"processId": None, "rootUri": None, "capabilities": capabilities, **params}
        response = self.ask("initialize", params if options is None else {**params, "initializationOptions": options})
        self.notify("initialized", {})
        self.encoding = response["result"]["capabilities"]["positionEncoding"]
        return response["result"]

    def open(self, uri: str, text: str, version: int = 1, language: str = "python") -> None:
        """Open a document."""
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: Message) -> None:
        """Change a document."""
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def request_inline(self, uri: str, line: int, character: int, **context: object) -> int:
        """Ask what could stand at a place; give the request's id."""
        return self.request("textDocument/inlineCompletion", inline_params(uri, line, character, **context))

    def inline(self, uri: str, line: int, character: int, **context: object) -> Message:
        """Ask what could stand at a place; give the result."""
        return without_commands(self.answer(self.request_inline(uri, line, character, **context))["result"])

    def cancel(self, request_id: int) -> None:
        """Take a request back."""
        self.notify("$/cancelRequest", {"id": request_id})

    # The end.

    def leave(self) -> int:
        """Shut down as the specification wants it; give the exit code."""
        assert self.ask("shutdown", None)["result"] is None, "shutdown answers null"
        self.notify("exit", None)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """End the process, check what it has said."""
        self.process.stdin.close()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        assert [] == [line for line in self.log if line.startswith("not the protocol: ")], "stdout is the protocol's"
        assert {} == {key: n for key, n in self.answers.items() if n > 1 and key is not None}, "one response each"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        while header := self.process.stdout.readline():
            name, _, length = header.partition(b": ")
            rest = self.process.stdout.readline()
            while rest not in {b"\r\n", b""}:
                rest = self.process.stdout.readline()
            if name != b"Content-Length":
                self.log.append(f"not the protocol: {header!r}")
                break
            message = json.loads(self.process.stdout.read(int(length)))
            if "method" in message:
                self.notifications.append(message)
                if "id" in message and (answer := self.on_request(message)) is not NO_ANSWER:
                    self.send({"jsonrpc": "2.0", "id": message["id"], "result": answer})
            else:
                self.answers[message["id"]] += 1
                self._inbox.put(message)
        self._inbox.put(None)

    def _read_log(self) -> None:
        for line in self.process.stderr:
            self.log.append(line.decode(errors="replace").rstrip("\n"))


def frame(body: bytes) -> bytes:
    """Put a header before a body."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def inline_params(uri: str, line: int, character: int, trigger: int = 1, **context: object) -> Message:
    """Give the params of an inline completion request; trigger 1 is invoked, 2 automatic."""
    return {
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": trigger, **context},
    }


def without_commands(result: Message) -> Message:
    """Give a result whose items are what they insert; check the command that each has besides."""
    for number, item in enumerate(result["items"]):
        command = item.pop("command")
        assert ("dlm-lsp.accepted", "accepted") == (command["command"], command["title"])
        answer, place = command["arguments"]
        assert isinstance(answer, int)
        assert place >= number, "items stand in the order of the answer's texts"
    return result


def replace(start: tuple[int, int], end: tuple[int, int], text: str) -> Message:
    """Give a change of a range, places as (line, UTF-16 column)."""
    places = {"start": start, "end": end}
    return {"range": {name: {"line": at[0], "character": at[1]} for name, at in places.items()}, "text": text}


def empty_range(line: int, character: int) -> Message:
    """Give the range of an insertion."""
    place = {"line": line, "character": character}
    return {"start": place, "end": place}
