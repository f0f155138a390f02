"""An editor that asks for code actions and makes the edits, in plain Python: its text is what a person would see.

It checks every edit as strict editors do: the document's version, ranges in order and within the text.
"""

import re
from collections.abc import Callable
from typing import Any

from tests.e2e.raw_client import Message, RawClient

LITERALS = {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}}
RESOLVES = {**LITERALS, "dataSupport": True, "disabledSupport": True, "resolveSupport": {"properties": ["edit"]}}
VERSIONED = {"documentChanges": True}
ANNOTATED = {**VERSIONED, "changeAnnotationSupport": {"groupsOnLabel": True}}


def capabilities(code_action: Message, workspace_edit: Message, *encodings: str, apply_edit: bool = True) -> Message:
    """Give a client's capabilities."""
    return {
        "textDocument": {"codeAction": code_action},
        "workspace": {"applyEdit": apply_edit, "workspaceEdit": workspace_edit},
        "window": {"workDoneProgress": True},
        "general": {"positionEncodings": list(encodings or ("utf-16",))},
    }


VS_CODE = capabilities(RESOLVES, ANNOTATED)
PLAIN = capabilities(LITERALS, {}, "utf-8")
OLD = capabilities({}, VERSIONED, "utf-32")


class Editor:
    """One open document and its text."""

    def __init__(self, client: RawClient, uri: str, text: str) -> None:
        self.client = client
        self.uri = uri
        self.text = text
        self.version = 1
        self._heard = len(client.notifications)
        client.open(uri, text)

    # Places.

    def position(self, offset: int) -> Message:
        """Give an offset as a position."""
        before = self.text[:offset].replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return {"line": len(before) - 1, "character": self._units(before[-1])}

    def offset(self, position: Message) -> int:
        """Give a position as an offset."""
        starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]
        start = starts[position["line"]]
        at = start
        while self._units(self.text[start:at]) < position["character"]:
            at += 1
        return at

    def range_of(self, part: str, size: int | None = None) -> Message:
        """Give the range of a part of the text, or with size 0 of its start."""
        start = self.text.index(part)
        return {"start": self.position(start), "end": self.position(start + (len(part) if size is None else size))}

    def _units(self, text: str) -> int:
        name, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[
            self.client.encoding
        ]
        return len(text.encode(name, "surrogatepass")) // size

    # Actions.

    def actions(self, place: Message, *only: str) -> list[Message]:
        """Ask what could be done."""
        context: Message = {"diagnostics": [], **({"only": list(only)} if only else {})}
        params = {"textDocument": {"uri": self.uri}, "range": place, "context": context}
        return self.client.ask("textDocument/codeAction", params)["result"]

    def titles(self, place: Message, *only: str) -> list[str]:
        """Ask what could be done; give what a person reads."""
        return [action["title"] for action in self.actions(place, *only)]

    def action(self, title: str, place: Message) -> Message:
        """Give the action of a title."""
        (found,) = [action for action in self.actions(place) if action["title"] == title]
        return found

    def run(self, title: str, place: Message) -> Message | None:
        """Do what a person does who chooses an action; give the edit that was made."""
        action = self.action(title, place)
        if "data" in action:
            action = self.client.ask("codeAction/resolve", action)["result"]
        if "edit" in action:
            self.make(action["edit"])
            return action["edit"]
        command = action["command"] if isinstance(action.get("command"), dict) else action
        return (
            self.execute(command["command"], *command["arguments"]) if isinstance(command.get("command"), str) else None
        )

    def execute(self, command: str, *arguments: Any) -> Message | None:
        """Run a command, and make the edit that it asks for."""
        request = self.client.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})
        return self.finish(request)

    def finish(self, request: int) -> Message | None:
        """Wait for the end of a command; give the edit that it asked for."""
        edits: list[Message] = []
        self.wait_until(lambda: request in self.client.answers, edits)
        result = self.client.answer(request)
        assert "error" not in result, result
        return edits[0] if edits else result["result"]

    def wait_until(self, is_so: Callable[[], bool], edits: list[Message] | None = None) -> None:
        """Wait, and do meanwhile what the server asks for; the edits that are made are added to a list."""

        def serve() -> bool:
            heard = self.client.notifications[self._heard :]
            self._heard += len(heard)
            made = [self.answer(message) for message in heard if "id" in message]
            if edits is not None:
                edits.extend(edit for edit in made if edit)
            return is_so()

        self.client.wait_until(serve)

    def answer(self, message: Message) -> Message | None:
        """Answer a request of the server; make the edit if it is one."""
        if message["method"] == "workspace/applyEdit":
            self.make(message["params"]["edit"])
            self.client.send({"jsonrpc": "2.0", "id": message["id"], "result": {"applied": True}})
            return message["params"]["edit"]
        self.client.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        return None

    def make(self, edit: Message) -> None:
        """Make an edit, and tell the server."""
        for change in edit.get("documentChanges", []):
            assert {"uri": self.uri, "version": self.version} == change["textDocument"]
            edits = change["edits"]
        if "changes" in edit:
            ((uri, edits),) = edit["changes"].items()
            assert self.uri == uri
        text, end = self.text, len(self.text)
        for each in sorted(edits, key=lambda each: self.offset(each["range"]["start"]), reverse=True):
            start, stop = self.offset(each["range"]["start"]), self.offset(each["range"]["end"])
            assert start <= stop <= end, "edits overlap"
            text, end = text[:start] + each["newText"] + text[stop:], start
        self.type(text)

    def type(self, text: str) -> None:
        """Let the text be another one."""
        self.text = text
        self.version += 1
        self.client.change(self.uri, self.version, {"text": text})

    def messages(self) -> list[str]:
        """Give what the user was told."""
        shown = [note for note in self.client.notifications if note["method"] == "window/showMessage"]
        return [note["params"]["message"] for note in shown]
