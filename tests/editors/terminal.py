"""A terminal that is not there: a program in tmux, its screen as text or as a picture.

In: a command line, keys. Out: what a person would see. Knows nothing of the program.
"""

import io
import os
import subprocess
import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 84, 20
PATIENCE_S = 60
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font: {char_height}px monospace; line-height: {line_height}px }} {styles}
.{unique_id}-title {{ font: bold 18px sans-serif; }}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""Rich's own would load fonts from elsewhere."""


class Terminal:
    """One program in a tmux of its own."""

    def __init__(self, socket: Path, command: list[str], environment: dict[str, str], rows: int = ROWS) -> None:
        self._socket = socket
        self._environment = os.environ | environment  # tmux takes a new session's PATH from here
        variables = [argument for name, value in environment.items() for argument in ("-e", f"{name}={value}")]
        size = ["-x", str(COLUMNS), "-y", str(rows)]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "test", *size, *variables, *command)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        ).stdout

    def keys(self, *keys: str) -> None:
        """Type, in tmux's names: Enter, Escape, Tab, and others as they are."""
        self._tmux("send-keys", "-t", "test", *keys)

    def screen(self, *, colours: bool = False) -> str:
        """Give what is on the screen."""
        return self._tmux("capture-pane", "-p", *(["-e"] if colours else []), "-t", "test")

    def wait_for(self, text: str) -> None:
        """Wait until a text is on the screen."""
        until = time.monotonic() + PATIENCE_S
        while text not in self.screen():
            assert time.monotonic() < until, f"no {text!r} on\n{self.screen()}"
            time.sleep(0.1)

    def keys_until(self, text: str, *keys: str) -> None:
        """Type until a text is on the screen: an editor that asked before the model was there may not ask again by itself."""
        until = time.monotonic() + PATIENCE_S
        while text not in self.screen():
            assert time.monotonic() < until, f"no {text!r} on\n{self.screen()}"
            self.keys(*keys)
            time.sleep(3)

    def wait_until_over(self) -> None:
        """Wait until the program has ended, and tmux with it."""
        until = time.monotonic() + PATIENCE_S
        alive = ["tmux", "-S", self._socket, "has-session"]
        while subprocess.run(alive, check=False, capture_output=True).returncode == 0:
            assert time.monotonic() < until, f"still running\n{self.screen()}"
            time.sleep(0.1)

    def picture(self, file: Path, title: str, *, after: str | None = None) -> None:
        """Draw the screen, below the screen (in colours) that it came from if one is given."""
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
        if after is not None:
            console.print(Text.from_ansi(after.rstrip("\n")))
            console.rule(characters="─", style="grey50")
        console.print(Text.from_ansi(self.screen(colours=True).rstrip("\n")))
        console.save_svg(str(file), title=title, code_format=FORMAT, unique_id=file.stem)
