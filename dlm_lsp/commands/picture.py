"""A canvas for people to watch: the code around a hole, masks, tokens just decided, tokens taken back.

In: a `Snapshot` and its `Step`s. Out: rich text, or a live picture of a running question. Knows no model.
"""

import asyncio
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from dlm_lsp.commands.ask import Answer, OnStep
from dlm_lsp.values import Snapshot, Step

MASK, TAKEN_BACK = "░░", "▒▒"
LEGEND = f"[magenta]{MASK}[/] masked  [bold green]just decided[/]  [cyan]decided before[/]  [bold red]{TAKEN_BACK}[/] taken back"
_LINES_BEFORE, _LINES_BEHIND = 8, 4
_UNKNOWN = Step(id=0, step=0, pieces=((None,) * 8,), revoked=0, stage="denoise")
"""Shown until the model has made its first step."""


def draw(snapshot: Snapshot, step: Step, before: Step) -> Text:
    """Draw the state after a step; `before` tells what is new in it."""
    text = Text(no_wrap=True).append(_last_lines(snapshot.text[: snapshot.cursor]), style="dim")
    old = before.pieces[0]
    for number, piece in enumerate(step.pieces[0]):
        was = old[number] if number < len(old) else None
        if piece is None:
            text.append(*((TAKEN_BACK, "bold red") if was is not None and step.revoked else (MASK, "magenta")))
        else:
            text.append(piece, style="cyan" if piece == was else "bold green")
    return text.append(_first_lines(snapshot.text[snapshot.cursor :]), style="dim")


def finished(snapshot: Snapshot, answer: str) -> Syntax:
    """Show the code around a filled hole, the filled lines marked."""
    text = snapshot.text[: snapshot.cursor] + answer + snapshot.text[snapshot.cursor :]
    first = snapshot.text.count("\n", 0, snapshot.cursor) + 1
    last = first + answer.count("\n")
    return Syntax(
        text,
        "python",
        line_numbers=True,
        line_range=(max(1, first - _LINES_BEFORE), last + _LINES_BEHIND),
        highlight_lines=set(range(first, last + 1)),
        theme="ansi_dark",
    )


async def watch(
    ask: Callable[[OnStep], Awaitable[Answer]], snapshot: Snapshot, console: Console, pause_s: float
) -> Answer:
    """Ask, and show each step for at least `pause_s`; the picture is gone when the answer is there."""
    steps: asyncio.Queue[Step | None] = asyncio.Queue()
    asking = asyncio.ensure_future(ask(steps.put_nowait))
    asking.add_done_callback(lambda _: steps.put_nowait(None))
    before: Step = _UNKNOWN
    step: Step | None = _UNKNOWN
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while step is not None:
                title = f"step {step.step}" + (f", {step.revoked} taken back" if step.revoked else "")
                live.update(Panel(draw(snapshot, step, before), title=title, title_align="left"), refresh=True)
                before = step
                await asyncio.sleep(pause_s)
                step = await steps.get()
        return await asking
    finally:
        asking.cancel()


def _last_lines(text: str) -> str:
    return "\n".join(text.split("\n")[-_LINES_BEFORE - 1 :])


def _first_lines(text: str) -> str:
    return "\n".join(text.split("\n")[: _LINES_BEHIND + 1])
