"""`workspace/executeCommand`: the code actions by name, for keys, and for clients that cannot resolve.

In: a place. Out: nothing but `workspace/applyEdit`, or the edit itself for a client that does not take that. Knows no action.
"""

from collections.abc import Awaitable, Callable

from lsprotocol import types

from dlm_lsp.engine.actions import Action
from dlm_lsp.lsp.code_actions import tell, workspace_edit
from dlm_lsp.lsp.session import Session
from dlm_lsp.lsp.wish import COMMAND, Place, Wish

Command = Callable[[Session, Place], Awaitable[types.WorkspaceEdit | None]]


def make_commands() -> dict[str, Command]:
    """Give the commands by name."""
    return {COMMAND + action: _command(action) for action in Action}


def _command(action: Action) -> Command:
    async def run(ls: Session, place: Place) -> types.WorkspaceEdit | None:
        # Imported while the model loads, as in `lsp.asking`.
        from dlm_lsp.lsp.rewriting import rewrite

        wish = Wish(action, place)
        done = await rewrite(ls, wish)
        if done.message:
            tell(ls, done.message)
        if done.document is None:
            return None
        edit = workspace_edit(ls, done.document, done.edits, wish.title)
        workspace = ls.client_capabilities.workspace
        if workspace is None or not workspace.apply_edit:
            return edit
        answer = await ls.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, label=wish.title))
        if not answer.applied and answer.failure_reason:
            tell(ls, f"the edit was not made: {answer.failure_reason}")
        return None

    return run
