#!/usr/bin/env python3
"""A server that does what no server should: which, says the file named in DLM_BAD_MODE, read anew at every start.

It speaks enough of the protocol to be started. Standard library only; nothing of the project is imported.
"""

import importlib
import itertools
import json
import os
import sys
import threading
import time
from pathlib import Path

MODE = Path(os.environ["DLM_BAD_MODE"]).read_text(encoding="utf-8").strip()
MANIFEST = Path(__file__).resolve().parents[3] / "vscode-extension" / "package.json"
lock = threading.Lock()
asked = itertools.count()


def send(message: dict, junk: bytes = b"") -> None:
    """Write one message, and what is none at once behind it."""
    body = json.dumps({"jsonrpc": "2.0"} | message).encode()
    with lock:
        sys.stdout.buffer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body + junk)
        sys.stdout.buffer.flush()


def read() -> dict | None:
    """Read one message, or None at the end."""
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else None


def items(params: dict) -> object:
    """Answer an inline completion, badly."""
    line, character = params["position"]["line"], params["position"]["character"]
    here = {"line": line, "character": character}
    match MODE:
        case "null":
            return None
        case "ranges":
            ends = [
                ({"line": line, "character": 0}, {"line": line, "character": 99}),
                (here, {"line": line + 1, "character": 0}),
            ]
            ends += [
                ({"line": 0, "character": 0}, {"line": 0, "character": 0}),
                (here, {"line": line, "character": character + 1}),
            ]
            wrong = [{"insertText": "WRONG", "range": {"start": start, "end": end}} for start, end in ends]
            return {"items": [*wrong, {"insertText": "WRONG"}]}
        case "nonsense":
            return {"items": [{"insertText": 5, "range": "here"}, {}, None]}
        case _:
            return {"items": [{"insertText": "WRONG", "range": {"start": here, "end": here}}]}


def answer(message: dict) -> None:
    """Answer one request."""
    number, method = message["id"], message["method"]
    if method == "initialize":
        capabilities = {"textDocumentSync": 2, "inlineCompletionProvider": {}}
        junk = b"loading the weights ... done\n" if MODE == "prints" else b""
        send({"id": number, "result": {"capabilities": capabilities}}, junk)
    elif method == "dlm-lsp/status":
        status = {"state": "ready", "message": MODE, "model": "bad", "device": "cpu", "lastMs": None, "counts": {}}
        if MODE == "loads for ever":
            status |= {"state": "loading", "loadedPercent": 40}
        send({"id": number, "result": status})
        if MODE == "no model":
            text = "dlm-lsp gives no completions: there is no model 'a/b': neither a folder nor a bundled model"
            threading.Timer(1, send, [{"method": "window/showMessage", "params": {"type": 1, "message": text}}]).start()
    elif method != "textDocument/inlineCompletion":
        send({"id": number, "result": None})
    elif MODE == "dies when asked":
        os._exit(3)
    elif MODE == "error":
        send({"id": number, "error": {"code": -32603, "message": "no"}})
    elif MODE == "late":
        if next(asked) == 0:
            time.sleep(1.5)
            send({"id": number, "result": items(message["params"])})
        else:
            send({"id": number, "result": {"items": []}})
    else:
        send({"id": number, "result": items(message["params"])})


def main() -> None:
    """Serve."""
    if "--version" in sys.argv:
        ours = json.loads(MANIFEST.read_text(encoding="utf-8"))["version"]
        sys.stdout.write(f"dlm-lsp {'9.9.9' if MODE == 'other version' else ours}\n")
        return
    if MODE == "dies at start":
        sys.exit("the weights are gone")
    if MODE == "lacks a package":
        importlib.import_module("no_such_package_anywhere")
    while message := read():
        if "id" in message and "method" in message:
            threading.Thread(target=answer, args=(message,), daemon=True).start()


if __name__ == "__main__":
    main()
