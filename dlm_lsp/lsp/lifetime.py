"""When the server has to go although nobody said `exit`: its editor died.

In: the editor's process id, once it is known. Out: a coroutine that returns when that process is gone. Knows no protocol.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable

POLL_S = 3.0


def watchable(process_id: int | None) -> int | None:
    """Give the id if a process has it now; the editor may live on another machine or outside our container."""
    return process_id if process_id is not None and _is_alive(process_id) else None


async def editor_died(told: Awaitable[int | None]) -> None:
    """Wait until the process is gone: an orphan of ours would hold gigabytes of a model. Without an id, wait for ever."""
    process_id = await told
    while process_id is None or _is_alive(process_id):  # noqa: ASYNC110 nobody tells us
        await asyncio.sleep(POLL_S)


def _is_alive(process_id: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill would send Ctrl-C on Windows
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # it is there, and not ours
    return True
