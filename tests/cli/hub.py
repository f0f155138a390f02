"""A hub on 127.0.0.1 that speaks as much of the Hugging Face API as downloading a model takes."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c" * 40


class Hub(ThreadingHTTPServer):
    """Serves the files of one folder as the repository `tiny/dream`, and notes what was asked."""

    def __init__(self, folder: Path, **info: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.info = info
        self.asked: list[str] = []
        """METHOD PATH RANGE of every request."""
        self.break_off: dict[str, int] = {}
        """After how many bytes the next download of a file ends too early; once."""
        self.refusal: tuple[int, str] | None = None
        """HTTP status and X-Error-Code for everything."""

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.server_port}"

    def fetched(self) -> set[str]:
        """The names of the files whose content was sent."""
        return {match[1] for line in self.asked if (match := re.match(r"GET \S+/resolve/[^/]+/(\S+)", line))}


@contextmanager
def hub(folder: Path, **info: Any) -> Iterator[Hub]:
    """Run a hub for as long as a test takes."""
    with Hub(folder, **info) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append(f"{self.command} {self.path} {wanted}".strip())
        path = self.path.partition("?")[0]
        if self.server.refusal:
            self._send(self.server.refusal[0], b"{}", {"X-Error-Code": self.server.refusal[1]}, with_body=with_body)
        elif match := re.fullmatch(r"/api/models/tiny/dream(?:/(revision|tree)/([^/]+))?(?:/.*)?", path):
            if match[2] not in {None, "main", COMMIT}:
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, with_body=with_body)
            else:
                body = self._tree() if match[1] == "tree" else self._info()
                self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"}, with_body=with_body)
        elif match := re.fullmatch(r"/tiny/dream/resolve/([^/]+)/(.+)", path):
            self._send_file(match[2], wanted, with_body=with_body)
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body=with_body)

    def _files(self) -> list[Path]:
        return sorted(path for path in self.server.folder.rglob("*") if path.is_file())

    def _info(self) -> dict[str, Any]:
        siblings = [
            {"rfilename": str(file.relative_to(self.server.folder)), "size": file.stat().st_size, "blobId": "0" * 40}
            for file in self._files()
        ]
        return {"id": "tiny/dream", "sha": COMMIT, "siblings": siblings, "tags": [], **self.server.info}

    def _tree(self) -> list[dict[str, Any]]:
        return [
            {
                "type": "file",
                "path": str(file.relative_to(self.server.folder)),
                "size": file.stat().st_size,
                "oid": hashlib.sha256(file.read_bytes()).hexdigest()[:40],
            }
            for file in self._files()
        ]

    def _send_file(self, name: str, wanted: str, *, with_body: bool) -> None:
        file = self.server.folder / name
        if not file.is_file():
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, with_body=with_body)
            return
        content = file.read_bytes()
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:40]}"', "X-Repo-Commit": COMMIT}
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        keep = self.server.break_off.pop(name, None) if with_body else None
        self._send(206 if start else 200, content[start:], headers, with_body=with_body, keep=keep)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool, keep: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body[:keep])
        if keep is not None:
            self.close_connection = True
