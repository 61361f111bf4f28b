"""The world, for tests of what happens in it: each effect is one line of a log, on disk before it is answered.

`python world.py LOG` prints the port that it listens at, and serves its own description at `/openapi.json`. Nothing of
Banyan is in here: what this log says is what happened.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_KEY = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
_ANSWERS = {"200": {"description": "fine", "content": {"application/json": {"schema": {"type": "object"}}}}}
_EFFECT = {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}
DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "world", "version": "1"},
    "paths": {
        "/effects": {
            "post": {
                "operationId": "act",
                "summary": "Have an effect, each time it is asked",
                "requestBody": {"required": True, "content": {"application/json": {"schema": _EFFECT}}},
                "responses": _ANSWERS,
            }
        },
        "/effects/{key}": {
            "get": {"operationId": "seen", "summary": "Count effects", "parameters": [_KEY], "responses": _ANSWERS}
        },
    },
}


class World(BaseHTTPRequestHandler):
    """Answers one request at a time per connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet: its headers would wait for an acknowledgement otherwise
    disable_nagle_algorithm = True
    log_file: int
    keys: list[str]
    lock = threading.Lock()

    def do_GET(self) -> None:
        if self.path == "/openapi.json":
            self._answer(DESCRIPTION)
            return
        key = unquote(self.path.removeprefix("/effects/"))
        self._answer({"key": key, "count": self.keys.count(key)})

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        body = self.rfile.read(size)
        if len(body) < size:
            return  # who asked died while they asked
        key = json.loads(body)["key"]
        with self.lock:
            os.write(self.log_file, (json.dumps(key) + "\n").encode())
            os.fsync(self.log_file)
            self.keys.append(key)
            line = len(self.keys)
        self._answer({"key": key, "line": line})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Listener(ThreadingHTTPServer):
    """Many at a time; some die while they ask."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main(log: str) -> None:
    World.keys = []
    World.log_file = os.open(Path(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    server = Listener(("127.0.0.1", 0), World)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
