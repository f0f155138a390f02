"""How the server comes and goes: what it announces, how fast, and that it leaves nothing behind."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time

import psutil
import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.raw_client import PATIENCE_S, SERVER, RawClient, empty_range, frame, inline_params

INITIALIZE_S = 0.5
NOISE = 3.0
"""Machines that run tests do other things besides."""


def test_what_is_announced(start: StartServer, fast_model: str) -> None:
    """Fails if the capability is left out, as pygls does without options: then no editor ever asks."""
    result = start(fast_model).initialize({"enabled": False})
    assert {} == result["capabilities"]["inlineCompletionProvider"]
    assert {"openClose": True, "change": 2, "save": False} == result["capabilities"]["textDocumentSync"]
    assert "utf-16" == result["capabilities"]["positionEncoding"]
    assert "dlm-lsp" == result["serverInfo"]["name"]


def test_initialize_is_answered_soon(start: StartServer, fast_model: str) -> None:
    """Fails if something heavy is imported before the handshake."""
    seconds = []
    for _ in range(5):
        client = start(fast_model)
        client.initialize({"enabled": False})
        seconds.append(time.monotonic() - client.started)
        client.leave()
    print(f"initialize: median of 5 {statistics.median(seconds):.3f} s")  # noqa: T201 the number is wanted
    assert min(seconds) <= INITIALIZE_S * NOISE  # an import is paid in each of the five, a busy moment is not


def test_the_front_never_loads_torch() -> None:
    """Fails if an import, however indirect, brings the model's libraries into the editor's server."""
    code = "import sys, dlm_lsp.lsp.server, dlm_lsp.engine.request, dlm_lsp.engine.gate; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set() == {"torch", "transformers", "tokenizers", "safetensors", "numpy"} & set(modules)


def test_exit_codes(start: StartServer, fast_model: str) -> None:
    """Fails if `exit` without `shutdown` counts as a clean end, as it does in pygls."""
    polite = start(fast_model)
    polite.initialize()
    assert 0 == polite.leave()
    rude = start(fast_model)
    rude.initialize()
    rude.notify("exit", None)
    assert 1 == rude.process.wait(PATIENCE_S)
    early = start(fast_model)
    early.notify("exit", None)
    assert 1 == early.process.wait(PATIENCE_S)


@pytest.mark.parametrize("method", ["textDocument/inlineCompletion", "dlm-lsp/fill", "workspace/executeCommand"])
def test_shutdown_while_something_runs(start: StartServer, slow_model: str, method: str) -> None:
    """Fails if a request that runs at the end is left without an answer, or spoils the end, as a command does in pygls."""
    client, _ = ready(start, slow_model)
    place = {"uri": "file:///end.py", "range": empty_range(1, 4), "version": 1}
    command = {"command": "dlm-lsp.fillFunction", "arguments": [place]}
    question = inline_params("file:///end.py", 1, 4)
    request = client.request(method, command if method == "workspace/executeCommand" else question)
    client.wait_until(lambda: "busy" == client.ask("dlm-lsp/status", None)["result"]["state"])
    shutdown = client.request("shutdown", None)
    assert None is client.answer(shutdown)["result"]
    assert -32800 == client.answer(request)["error"]["code"]
    client.notify("exit", None)
    assert 0 == client.process.wait(PATIENCE_S)


def test_a_cancelled_command_stops(start: StartServer, slow_model: str) -> None:
    """Fails if a cancelled command works on and edits the document later, as it does in pygls."""
    client, _ = ready(start, slow_model)
    place = {"uri": "file:///end.py", "range": empty_range(1, 4), "version": 1}
    request = client.request("workspace/executeCommand", {"command": "dlm-lsp.fillFunction", "arguments": [place]})
    client.wait_until(lambda: "busy" == client.ask("dlm-lsp/status", None)["result"]["state"])
    client.cancel(request)
    assert -32800 == client.answer(request)["error"]["code"]
    assert "ready" == client.ask("dlm-lsp/status", None)["result"]["state"]


@pytest.mark.parametrize("busy", [False, True])
def test_the_end_of_the_input_ends_both_processes(start: StartServer, slow_model: str, busy: bool) -> None:
    """Fails if an editor that dies leaves a server, or a worker with a model in memory."""
    client, worker = ready(start, slow_model)
    if busy:
        client.request_inline("file:///end.py", 1, 4)
        time.sleep(0.2)
    client.process.stdin.close()
    assert 1 == client.process.wait(PATIENCE_S)
    worker.wait(PATIENCE_S)


def test_a_killed_server_leaves_no_worker(start: StartServer, slow_model: str) -> None:
    """Fails if the worker does not notice that the server is gone."""
    client, worker = ready(start, slow_model)
    client.request_inline("file:///end.py", 1, 4)
    client.process.kill()
    worker.wait(PATIENCE_S)


def test_a_dead_editor_is_noticed_although_the_pipe_is_open(start: StartServer, fast_model: str) -> None:
    """Fails if nobody watches the process id that the editor gave, or one of another container ends the server."""
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watching, remote = start(fast_model), start(fast_model)
    watching.initialize({"enabled": False}, processId=editor.pid)
    editor.communicate(b"\n")
    remote.initialize({"enabled": False}, processId=editor.pid)
    assert 1 == watching.process.wait(PATIENCE_S)
    assert 0 == remote.leave()


def test_the_log_goes_to_stderr_and_holds_no_code(start: StartServer, fast_model: str) -> None:
    """Fails if the one line of a request is missing, or the user's text is in the log."""
    client = start(fast_model)
    client.initialize()
    client.open("file:///hunted.py", "hunter2 = 1\ndef add(a, b):\n    \n")
    client.inline("file:///hunted.py", 2, 4)
    client.send_bytes(frame(b'{"hunter2": '))
    client.ask("textDocument/inlineCompletion", {"hunter2": 1})
    client.leave()
    client.close()
    assert 1 == len([line for line in client.log if "request 1 v1 invoked: filled" in line])
    assert [] == [line for line in client.log if "hunter2" in line]


def test_tcp(fast_model: str) -> None:
    """Fails if --tcp listens elsewhere than on 127.0.0.1, or speaks another protocol there."""
    arguments = [*SERVER, "--tcp", "0", "--model", fast_model]
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
        address = server.stderr.readline().decode().split()[-1]
        (listening,) = [c for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert f"{listening.laddr.ip}:{listening.laddr.port}" == address
        assert "127.0.0.1" == listening.laddr.ip
        with socket.create_connection(listening.laddr) as connection, connection.makefile("rb") as answers:
            connection.sendall(
                frame(b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}')
            )
            assert answers.readline().startswith(b"Content-Length: ")
            connection.sendall(frame(b'{"jsonrpc": "2.0", "id": 2, "method": "shutdown"}'))
            connection.sendall(frame(b'{"jsonrpc": "2.0", "method": "exit"}'))
            server.stderr.read()
        assert 0 == server.wait(PATIENCE_S)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_ctrl_c_ends_it_quietly(start: StartServer, fast_model: str) -> None:
    """Fails if a server that was started by hand answers Ctrl-C with a traceback."""
    client, worker = ready(start, fast_model)
    os.kill(client.process.pid, signal.SIGINT)
    assert 130 == client.process.wait(PATIENCE_S)
    worker.wait(PATIENCE_S)
    client.close()
    assert [] == [line for line in client.log if "Traceback" in line]


def ready(start: StartServer, model: str) -> tuple[RawClient, psutil.Process]:
    """Start a server whose worker has loaded its model."""
    client = start(model)
    client.initialize()
    client.open("file:///end.py", "def long(a, b):\n    \n")
    client.inline("file:///end.py", 0, 0)
    return client, psutil.Process(client.worker_ids()[0])
