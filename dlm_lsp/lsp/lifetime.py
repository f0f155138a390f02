"""When the server has to go although nobody said `exit`: its editor died.

In: a way to learn the editor's process id. Out: a coroutine that returns when that process is gone. Knows no protocol.
"""

import asyncio
import os
import sys
from collections.abc import Callable

POLL_S = 3.0


async def parent_died(process_id: Callable[[], int | None]) -> None:
    """Wait until the process is gone; an orphan of ours would hold gigabytes of a model."""
    while _is_alive(process_id()):  # noqa: ASYNC110 nobody tells us
        await asyncio.sleep(POLL_S)


def _is_alive(process_id: int | None) -> bool:
    if process_id is None or sys.platform == "win32":
        return True  # not told; or Windows, where os.kill would send Ctrl-C: the end of stdin has to do
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # it is there, and not ours
    return True
