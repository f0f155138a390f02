"""What goes wrong in the background is told in the log, as everything else is."""

import asyncio
import gc

import pytest

from dlm_lsp.lsp.server import make_session
from dlm_lsp.settings import Settings

SECRET = "my secret code"


async def test_a_failure_in_the_background_is_logged_without_code(caplog: pytest.LogCaptureFixture) -> None:
    """Fails if an exception that no request waits for is lost, or its values are logged: they may be the user's text."""

    async def fail() -> None:
        (SECRET + chr(0xD800)).encode()

    session = make_session(Settings())
    session.in_background(fail())
    asyncio.get_running_loop().call_soon(compile, SECRET + "(", "<file>", "exec")
    await asyncio.sleep(0.01)
    gc.collect()
    assert {"UnicodeEncodeError", "SyntaxError"} == {
        each.getMessage().partition(" in the background")[0] for each in caplog.records
    }
    assert SECRET not in caplog.text
