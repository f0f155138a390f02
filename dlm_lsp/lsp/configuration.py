"""Settings from the editor: `initializationOptions` at the start, later what it pushes or, better, what it says when asked.

In: whatever the editor sends. Out: the session's settings, of the window and of its folders; wrong ones are named to the user
once and left at what they were.
"""

import asyncio
import logging
from contextlib import suppress

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from dlm_lsp.lsp.asking import rehearse
from dlm_lsp.lsp.layers import Layers, lay
from dlm_lsp.lsp.lifetime import watchable
from dlm_lsp.lsp.session import CONFIGURED_WITHIN_S, Session
from dlm_lsp.settings import read_settings

log = logging.getLogger(__name__)

SECTION = "dlm-lsp"
"""The key of our settings in the editor's."""


def initialize(ls: Session, params: types.InitializeParams) -> None:
    """Lay the editor's options over those of the command line, and note who the editor is."""
    ls.editor.set_result(watchable(params.process_id))
    options = params.initialization_options
    if isinstance(options, dict) and SECTION in options:  # some editors have one object for options and settings
        options = options[SECTION]
    ls.base, complaints = read_settings(options, ls.base)
    ls.use(Layers(ls.base))
    ls.complain(complaints)
    if not _can_pull(ls):
        ls.configured.set()


async def initialized(ls: Session, _params: types.InitializedParams) -> None:
    """Ask for the settings, then load the model while the user still reads: the handshake is over and nobody waits."""
    ls.initialized = True
    workspace = ls.client_capabilities.workspace
    changes = workspace.did_change_configuration if workspace else None
    if changes and changes.dynamic_registration:
        ls.in_background(_register(ls))
    await _pull(ls)
    ls.configured.set()
    if ls.layers.enabled:
        ls.engine.start()
        ls.in_background(asyncio.to_thread(rehearse))


async def did_change(ls: Session, params: types.DidChangeConfigurationParams) -> None:
    """Take over what changed; editors that send nothing of ours, and cannot be asked, change nothing."""
    if isinstance(params.settings, dict) and SECTION in params.settings:
        ls.pushed = params.settings[SECTION]
        if not _can_pull(ls):
            _take(ls, ls.pushed, {})
    await _pull(ls)


async def did_change_folders(ls: Session, _params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Ask what holds in folders that have come; pygls has noted them."""
    await _pull(ls)


async def _pull(ls: Session) -> None:
    """Ask for the settings of the window and of every folder; of answers to several questions only the last counts."""
    if not _can_pull(ls):
        return
    ls.pulls += 1
    number = ls.pulls
    folders = [folder.uri for folder in ls.workspace.folders.values()]
    items = [types.ConfigurationItem(scope_uri=uri, section=SECTION) for uri in (None, *folders)]
    try:
        asked = ls.workspace_configuration_async(types.ConfigurationParams(items))
        answers = await asyncio.wait_for(asked, CONFIGURED_WITHIN_S)
    except (TimeoutError, JsonRpcException, ConnectionError) as error:
        log.warning("the editor did not say its settings: %s", type(error).__name__)
        return
    if number != ls.pulls:
        return
    if not isinstance(answers, list | tuple) or len(answers) != len(items):
        log.warning("the editor did not say its settings: not one for each question")
        return
    window = ls.pushed if answers[0] is None else answers[0]
    _take(ls, window, dict(zip(folders, answers[1:], strict=True)))


def _take(ls: Session, window: object, folders: dict[str, object]) -> None:
    layers, complaints = lay(ls.base, window, folders)
    was_enabled, engine = ls.layers.enabled, ls.engine
    ls.use(layers)
    ls.complain(complaints)
    if layers.enabled and not (was_enabled and engine is ls.engine):
        ls.engine.start()


def _can_pull(ls: Session) -> bool:
    workspace = ls.client_capabilities.workspace
    return workspace is not None and bool(workspace.configuration)


async def _register(ls: Session) -> None:
    """Ask to be told of changes; a client that is not asked pulled from gets the section to push."""
    options = None if _can_pull(ls) else {"section": SECTION}
    change = types.Registration(str(ls.new_id()), types.WORKSPACE_DID_CHANGE_CONFIGURATION, options)
    with suppress(JsonRpcException, ConnectionError):
        await ls.client_register_capability_async(types.RegistrationParams([change]))
