"""`dlm-lsp serve`: run the language server, and do not leave a person alone with it who started it by hand.

In: settings. Out: an exit status. Everything about the protocol is `lsp.server`'s.
"""

import gc
import sys

from dlm_lsp.settings import Settings


def serve(settings: Settings, tcp_port: int | None) -> int:
    """Serve one editor over stdin and stdout, or on 127.0.0.1."""
    gc.disable()  # lsprotocol's types stay for good: looking for garbage among them is a quarter of the time to import them
    from dlm_lsp.lsp.server import run

    gc.freeze()
    gc.enable()
    if tcp_port is None and sys.stdin.isatty():
        print(
            "dlm-lsp: this is a language server; it waits for an editor that speaks LSP on stdin. "
            "`dlm-lsp --help` shows what else it does; Ctrl-C leaves.",
            file=sys.stderr,
        )
    return run(settings, tcp_port)
