"""A language server that does one thing wrong, named on the command line: so that editors can be shown not to fall for it.

bad_server.py FAULT MARKS: what it has been asked is appended to the file MARKS, one word a line.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

FAULTS = (
    "dies",
    "dies-when-asked",
    "prints",
    "silent",
    "after-change",
    "null",
    "error",
    "range",
    "lines",
    "kinds",
    "snippet",
    "zero",
)
TEXT = "WRONG"


def main() -> None:
    """Serve until the input ends."""
    fault, marks = sys.argv[1], Path(sys.argv[2])
    assert fault in FAULTS, fault
    if fault == "dies":
        sys.exit("there is no model")
    if fault == "prints":
        print("loading the model ...", flush=True)  # noqa: T201 the fault
    held: list[dict[str, Any]] = []
    while message := _read():
        method = message.get("method")
        with marks.open("a", encoding="utf-8") as file:
            file.write(f"{method}\n")
        if method == "initialize":
            _write(message, {"inlineCompletionProvider": {}, "textDocumentSync": 1} | {"positionEncoding": "utf-16"})
        elif method == "textDocument/didChange" and held:
            request = held.pop()
            time.sleep(0.2)
            _write(request, _answer("late", request["params"]["position"]))
        elif method in ("textDocument/inlineCompletion", "dlm-lsp/fill"):
            if fault == "dies-when-asked":
                sys.exit(1)
            if fault == "after-change":
                held.append(message)
            elif fault == "error":
                _send({"id": message["id"], "error": {"code": -32603, "message": "out of memory"}})
            elif fault != "silent":
                _write(message, _answer(fault, message["params"]["position"]))
        elif "id" in message and "method" in message:
            _write(message, None)


def _answer(fault: str, at: dict[str, int]) -> Any:
    """Give an answer that is wrong in one way."""
    start = {"line": 0, "character": 0}
    item: dict[str, Any] = {"insertText": TEXT, "range": {"start": at, "end": at}}
    match fault:
        case "null":
            return None
        case "range":
            return {"items": [item | {"range": {"start": start, "end": at}}]}
        case "lines":
            return {"items": [item | {"range": {"start": start, "end": start | {"line": 9}}}]}
        case "kinds":
            return {
                "items": [
                    "WRONG",
                    7,
                    None,
                    item | {"insertText": 7},
                    item | {"range": "all"},
                    item | {"insertText": ""},
                ]
            }
        case "snippet":
            return {"items": [item | {"insertText": {"kind": "snippet", "value": "${1:WRONG}"}}]}
        case "zero":
            return {"items": [item | {"insertText": "WRO\0NG"}]}
    return {"items": [item]}


def _read() -> dict[str, Any] | None:
    size = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    return json.loads(sys.stdin.buffer.read(size)) if size else None


def _write(request: dict[str, Any], result: Any) -> None:
    if request["method"] == "initialize":
        result = {"capabilities": result}
    _send({"id": request["id"], "result": result})


def _send(message: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0"} | message).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
