"""A real Neovim without a screen, driven over its socket: keys go in, Lua expressions come out.

In: the program, an init.lua, a file. Out: what the buffer, the extmarks and the messages say. Knows nothing of the plugin but how its
ghost text is found.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

GHOST = """
local found = {}
for _, name in ipairs({ 'dlm.ghost', 'nvim.lsp.inline_completion' }) do
  local space = vim.api.nvim_get_namespaces()[name]
  for _, mark in ipairs(space and vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }) or {}) do
    local lines = { mark[4].virt_text }
    vim.list_extend(lines, mark[4].virt_lines or {})
    for _, line in ipairs(lines) do
      local text = ''
      for _, chunk in ipairs(line) do
        if chunk[2] == 'DlmGhost' or chunk[2] == 'ComplHint' then text = text .. chunk[1] end
      end
      table.insert(found, text)
    end
  end
end
return #found > 0 and table.concat(found, '\\n') or nil
"""
PATIENCE_S = 60
"""How long to wait for what must happen: the machine may be busy."""


class Neovim:
    """One running editor."""

    def __init__(self, program: str, init: Path, file: Path, home: Path, **environment: str) -> None:
        self._program, self._socket, self.log = program, home / "socket", home / "messages"
        self.file = file
        folders = {
            name: str(home / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        }
        self._environment = {**os.environ, **folders, "NVIM_LOG_FILE": str(home / "nvim.log"), **environment}
        with self.log.open("w", encoding="utf-8") as messages:
            self._process = subprocess.Popen(
                [program, "--headless", "-u", init, "-i", "NONE", "-n", "--listen", self._socket, file],
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self.wait_for(self._socket.exists, "the socket")
        except AssertionError:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # the server too, whatever state it is in
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def _remote(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._program, "--server", self._socket, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=self._environment,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{self.messages()}"
        return done.stdout or done.stderr  # 0.7 prints to stderr

    def keys(self, keys: str) -> None:
        """Type, in the notation of Vim's mappings."""
        self._remote("--remote-send", keys)

    def lua(self, body: str) -> Any:
        """Run a function's body and give what it returns."""
        quoted = json.dumps(body)
        told = self._remote("--remote-expr", f"luaeval('vim.fn.json_encode({{ assert(loadstring(_A))() }})', {quoted})")
        values = json.loads(told)
        return values[0] if values else None

    def wait_for(self, is_so: Callable[[], Any], what: str) -> Any:
        """Wait until something is so, and give it."""
        until = time.monotonic() + PATIENCE_S
        while not (value := is_so()):
            assert time.monotonic() < until, f"no {what} after {PATIENCE_S} s\n{self.messages()}\n{self.server_log()}"
            time.sleep(0.1)
        return value

    def messages(self) -> str:
        """Give what the editor has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def server_log(self) -> str:
        """Give what the server has said."""
        return "".join(file.read_text(encoding="utf-8") for file in self.log.parent.glob("XDG_*/nvim/lsp.log"))

    def edit(self, file: Path) -> None:
        """Open another file."""
        self.file = file
        self.keys(f"<Esc>:silent edit! {file}<CR>")
        self.wait_for(lambda: self.lua("return vim.api.nvim_buf_get_name(0)") == str(file), "opened file")

    def told(self) -> list[str]:
        """Give what the user was told."""
        return self.lua("return _G.told") or []

    def ghost(self) -> str | None:
        """Give the text that is drawn and not there, of our own or of Neovim's."""
        return self.lua(GHOST)

    def wait_for_ghost(self, text: str | None) -> None:
        """Wait until exactly this is drawn, or nothing."""
        self.wait_for(lambda: self.ghost() == text, f"ghost text {text!r}")

    def text(self) -> str:
        """Give the buffer's lines."""
        return "\n".join(self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, true)"))

    def saved(self) -> bytes:
        """Leave insert mode, save, and give the file."""
        self.keys("<Esc>:silent write<CR>")
        self.wait_for(lambda: not self.lua("return vim.bo.modified"), "saved file")
        return self.file.read_bytes()
