"""A stand-in for object stores and web servers: serves the files below a folder for reading.

It answers GET and HEAD with byte ranges. The first part of a path is the bucket. Google Cloud
Storage has its own form of paths.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

_GOOGLE = "/storage/v1/b/"


@dataclass
class ObjectStore:
    """A running server.

    Attributes:
        endpoint: URL of the server.
        requests: number of requests per object ("bucket/key").
        refused: whether the server refuses all requests.
    """

    root: Path
    endpoint: str = ""
    requests: dict[str, int] = field(default_factory=dict)
    refused: bool = False


@contextmanager
def serving(root: Path) -> Iterator[ObjectStore]:
    """Serves the folders below `root` as buckets."""
    store = ObjectStore(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, store))
    server.daemon_threads = True
    store.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, store: ObjectStore, *args: object) -> None:
        self._store = store
        super().__init__(*args)  # pyright: ignore[reportArgumentType]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        key = _key(urlsplit(self.path).path)
        self._store.requests[key] = self._store.requests.get(key, 0) + 1
        file = self._store.root / key
        if self._store.refused:
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        elif file.is_file():
            self._send(file.read_bytes())
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _send(self, content: bytes) -> None:
        size, wanted = len(content), self.headers.get("Range")
        if wanted is None:
            self._answer(200, content)
            return
        low, _, high = wanted.removeprefix("bytes=").partition("-")
        first = int(low) if low else size - int(high)
        last = min(size, int(high) + 1) if low and high else size
        place = {"Content-Range": f"bytes {first}-{last - 1}/{size}"}
        self._answer(206, content[first:last], place)

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        fixed = {"ETag": '"1"', "x-goog-generation": "1", "Content-Length": f"{len(content)}"}
        for name, value in {**fixed, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def _key(path: str) -> str:
    if path.startswith(_GOOGLE):
        bucket, _, name = path.removeprefix(_GOOGLE).partition("/o/")
        return f"{bucket}/{unquote(name)}"
    return unquote(path).lstrip("/")
