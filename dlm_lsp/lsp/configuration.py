"""Settings from the editor: `initializationOptions` at the start, `workspace/didChangeConfiguration` later.

In: whatever the editor sends. Out: the session's settings; wrong ones are named to the user once and left at what they were.
"""

from lsprotocol import types

from dlm_lsp.lsp.lifetime import watchable
from dlm_lsp.lsp.session import Session
from dlm_lsp.settings import read_settings

SECTION = "dlm-lsp"
"""The key of our settings in the editor's."""


def initialize(ls: Session, params: types.InitializeParams) -> None:
    """Lay the editor's options over those of the command line, and note who the editor is."""
    ls.editor.set_result(watchable(params.process_id))
    settings, complaints = read_settings(params.initialization_options, ls.settings)
    ls.use(settings)
    ls.complain(complaints)


def initialized(ls: Session, _params: types.InitializedParams) -> None:
    """Load the model while the user still reads: the handshake is over and nobody waits."""
    if ls.settings.enabled:
        ls.engine.start()


def did_change(ls: Session, params: types.DidChangeConfigurationParams) -> None:
    """Take over what changed; editors that send nothing of ours change nothing."""
    if isinstance(params.settings, dict) and SECTION in params.settings:
        settings, complaints = read_settings(params.settings[SECTION], ls.settings)
        ls.use(settings)
        ls.complain(complaints)
