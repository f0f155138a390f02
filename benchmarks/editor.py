"""An editor and a typist: replays a recording against the server, in real time, and writes down what was to be seen when.

In: a client, a session, how both behave. Out: a `Tape`. The editor does as VS Code does: every key is a change; what is being asked
is taken back then; text on the screen whose next characters are typed stays there without a question, and a key later than `debounce_ms`
it asks again. The typist looks at what is on the screen and presses Tab as soon as it has stood there for `NOTICE_MS` and is what
they would type next; nobody accepts what is wrong. After a Tab the recording goes on behind the accepted text.
"""

import itertools
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.sessions import Edit, Session
from benchmarks.tape import Asked, Line, Offer, Press, Tape
from tests.e2e.raw_client import Message, RawClient, replace

NOTICE_MS = 400
"""From text on the screen to the key that accepts it: to see it and to know that it is right. An assumption."""
MIN_CHARS = 3
"""Less is typed and not accepted."""
REST_S = 0.5
"""After the last key; what the server does behind an answer begins within it."""
REST_AT_MOST_S = 5.0
AUTOMATIC = 2


@dataclass(frozen=True, slots=True)
class Manners:
    """How editor and typist behave."""

    debounce_ms: int = 75
    """How long no key comes before the editor asks. VS Code waits 50 ms or longer, Neovim 200."""
    cancel: bool = True
    """Whether the editor takes a question back at the next key; Neovim leaves that to the server."""
    accept: str = "whole"
    """`whole` offers are accepted, or their first `lines` too, or `never` any."""
    speed: float = 1.0
    """How many times faster than recorded."""


class Client(RawClient):
    """A client that knows when things were said."""

    def __init__(self, *arguments: str) -> None:
        self.lines: list[Line] = []
        super().__init__(*arguments)

    def next_answer(self, timeout_s: float) -> Message | None:
        """Give the next response to anything, None if there is none in time."""
        try:
            message = self._inbox.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return None
        assert message is not None, f"the server closed its output; log: {self.log[-20:]}"
        return message

    def is_busy(self) -> bool:
        """Whether the model works."""
        state: str = self.ask("dlm-lsp/status", {})["result"]["state"]
        return state != "ready"

    def _read_log(self) -> None:
        for line in self.process.stderr:
            text = line.decode(errors="replace").rstrip("\n")
            self.log.append(text)
            self.lines.append(Line(now_ms(), text))


class Editor:
    """One document on the screen."""

    def __init__(self, client: Client, uri: str, text: str, manners: Manners) -> None:
        self.client, self.uri, self.text, self.manners = client, uri, text, manners
        self.tape = Tape()
        self.cursor = 0
        self.ghost = ""
        self.ghost_since_ms = 0.0
        self._version = 1
        self._ask_at_ms: float | None = None
        self._pending: dict[object, tuple[Asked, int]] = {}
        """What was asked and not answered, and the version that it was asked about."""
        self._taken_back_ms: dict[object, float] = {}
        self._typed: str = ""
        """What is still to be typed here: to know what an offer is worth."""
        client.open(uri, text)

    def edit(self, edit: Edit) -> None:
        """Make an edit of the recording."""
        self.wait(now_ms() + edit.pause_ms / self.manners.speed)
        self._leave()
        self.cursor = edit.offset
        if edit.delete_chars:
            self._change(edit.offset, edit.offset + edit.delete_chars, "")
        ends = list(itertools.accumulate(len(key.text) for key in edit.keys))
        done = 0
        for key, end in zip(edit.keys, ends, strict=True):
            self._typed = edit.text[done:]
            due_ms = now_ms() + key.after_ms / self.manners.speed
            while end > done and (part := self._wait_for_offer(due_ms)):
                self._accept(part, keys=sum(done < each <= done + len(part) for each in ends))
                done += len(part)
                self._typed = edit.text[done:]
                due_ms = now_ms() + key.after_ms / self.manners.speed
            if end > done:
                self._press(edit.text[done:end])
                done = end
        self._typed = ""

    def rest(self) -> None:
        """Wait until all is answered and the model rests."""
        self.wait(now_ms() + 1000 * REST_S)
        until = time.monotonic() + REST_AT_MOST_S
        while self._pending and time.monotonic() < until:
            self.wait(now_ms() + 10)
        while self.client.is_busy() and time.monotonic() < until:
            time.sleep(0.02)

    def wait(self, until_ms: float) -> None:
        """Let time pass: ask when it is time, and show what is answered."""
        while (left_ms := until_ms - now_ms()) > 0:
            if self._ask_at_ms is not None:
                left_ms = min(left_ms, self._ask_at_ms - now_ms())
            message = self.client.next_answer(left_ms / 1000)
            if message is not None:
                self._take(message)
            elif self._ask_at_ms is not None and now_ms() >= self._ask_at_ms:
                self._ask()

    def _wait_for_offer(self, due_ms: float) -> str:
        """Wait until a key is due; give what is accepted before that, as soon as it is."""
        while now_ms() < due_ms:
            part = acceptable(self.ghost, self._typed, self.manners.accept)
            notice_ms = self.ghost_since_ms + NOTICE_MS / self.manners.speed
            if part and now_ms() >= notice_ms:
                return part
            # Until something changes: an answer may come, and be noticed, at any time.
            self.wait(min(due_ms, notice_ms if part else now_ms() + 10))
        return ""

    def _press(self, text: str) -> None:
        self._leave()
        kept = self.ghost.startswith(text) and self.ghost != text
        self.tape.presses.append(Press(now_ms(), kept=kept))
        ghost = self.ghost[len(text) :] if kept else ""
        self._insert(text)
        self.ghost = ghost

    def _accept(self, text: str, keys: int) -> None:
        self._leave()
        self.tape.presses.append(Press(now_ms(), kept=len(text) < len(self.ghost)))
        self.tape.offers[-1].accepted_chars += len(text)
        self.tape.keys_saved += keys - 1
        ghost = self.ghost[len(text) :]
        self._insert(text)
        self.ghost = ghost

    def _insert(self, text: str) -> None:
        self._change(self.cursor, self.cursor, text)
        self.cursor += len(text)
        self._ask_at_ms = now_ms() + self.manners.debounce_ms

    def _change(self, start: int, end: int, text: str) -> None:
        self._version += 1
        self.client.change(self.uri, self._version, replace(self._place(start), self._place(end), text))
        self.text = self.text[:start] + text + self.text[end:]
        self.ghost = ""

    def _leave(self) -> None:
        """Take back what is being asked: the document is about to change."""
        self._ask_at_ms = None
        for request, (asked, _) in self._pending.items():
            if self.manners.cancel and request not in self._taken_back_ms:
                self._taken_back_ms[request] = now_ms()
                self.client.cancel(request)
            asked.outcome = asked.outcome or "late"

    def _ask(self) -> None:
        self._ask_at_ms = None
        request = self.client.request_inline(self.uri, *self._place(self.cursor), trigger=AUTOMATIC)
        asked = Asked(len(self.tape.presses) - 1)
        self.tape.asked.append(asked)
        self._pending[request] = (asked, self._version)

    def _take(self, message: Message) -> None:
        """Show an answer, if it is one to the document as it is."""
        if message["id"] not in self._pending:
            return
        asked, version = self._pending.pop(message["id"])
        taken_back_ms = self._taken_back_ms.pop(message["id"], None)
        if "error" in message:
            asked.outcome = "cancelled"
            if taken_back_ms is not None:
                asked.cancel_ms = now_ms() - taken_back_ms
            return
        items = message["result"]["items"]
        if version != self._version:
            return  # noted as late when the key came
        asked.outcome = "text" if items else "nothing"
        text = items[0]["insertText"] if items else ""
        if text and text != self.ghost:
            press = self.tape.presses[asked.press]
            press.shown_ms = now_ms() - press.at_ms
            self.tape.offers.append(Offer(items[0]["command"]["arguments"][0], text, self._typed))
            self.ghost_since_ms = now_ms()
        self.ghost = text

    def _place(self, offset: int) -> tuple[int, int]:
        before = self.text[:offset]
        return before.count("\n"), len(before[before.rfind("\n") + 1 :].encode("utf-16-le")) // 2


def acceptable(ghost: str, typed: str, accept: str) -> str:
    """Give the beginning of an offer that is accepted, where `typed` is what would be typed: nothing if it is too little."""
    if accept == "never":
        return ""
    if typed.startswith(ghost):
        part = ghost
    elif accept == "lines":
        lines = ghost.splitlines(keepends=True)
        heads = itertools.accumulate(lines)
        part = max((head for head in heads if typed.startswith(head)), key=len, default="")
    else:
        part = ""
    return part if len(part.strip()) >= MIN_CHARS else ""


def replay(client: Client, uri: str, session: Session, manners: Manners) -> Tape:
    """Type a session; give what happened."""
    told = len(client.lines)
    with processor_time(client) as spent:
        editor = Editor(client, uri, session.text, manners)
        for edit in session.edits:
            editor.edit(edit)
        editor.rest()
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    tape = editor.tape
    tape.front_cpu_s, tape.worker_cpu_s = spent
    tape.log = client.lines[told:]
    return tape


@contextmanager
def processor_time(client: Client) -> Iterator[list[float]]:
    """Measure what the server's processes spend: front, worker."""
    processes = [psutil.Process(pid) for pid in (client.process.pid, *client.worker_ids())]
    before = [sum(process.cpu_times()[:2]) for process in processes]
    spent: list[float] = []
    yield spent
    spent += [sum(process.cpu_times()[:2]) - began for process, began in zip(processes, before, strict=True)]


def now_ms() -> float:
    """Give the time."""
    return time.perf_counter() * 1000
