"""An HTTP server that misbehaves in the way its path names.  No SDK.  `python hostile_http.py PORT`.

A request's way is the first part of its path; greeting works in most of them, so that the call is what fails.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = {"content": [{"type": "text", "text": "ok"}]}
BLOCK = b"x" * 2**16
FORGOTTEN = threading.Event()
CALLS: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    @property
    def way(self) -> str:
        return self.path.split("/")[1]

    def do_GET(self) -> None:
        self.plain(405, b"")

    def do_DELETE(self) -> None:
        if self.way == "hang_at_end":
            time.sleep(60)
        self.plain(204, b"")

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method = message.get("method")
        if self.way.isdigit():
            self.plain(int(self.way), b"go away", {"retry-after": "7"})
        elif self.way == "redirect":
            self.plain(307, b"", {"location": f"http://localhost:{sys.argv[1]}/good/mcp"})
        elif "id" not in message:
            self.plain(202, b"")
        elif method == "server/discover":
            self.refuse(message, -32601, "Method not found", 404)
        elif method == "initialize":
            self.greet(message)
        elif method == "tools/list":
            self.answer(message, {"tools": [{"name": "call", "inputSchema": {"type": "object"}}]})
        elif method == "ping":
            self.answer(message, {})
        else:
            getattr(self, f"way_{self.way}", self.way_good)(message)

    def greet(self, message: Any) -> None:
        self.answer(
            message,
            {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "hostile", "version": "0"},
            },
            {"mcp-session-id": f"session-{time.monotonic_ns()}"},
        )

    def way_good(self, message: Any) -> None:
        self.answer(message, TEXT)

    def way_call_429(self, message: Any) -> None:
        self.plain(429, b"{}", {"retry-after": "7"})

    def way_call_500(self, message: Any) -> None:
        self.plain(500, b"Traceback: secret things")

    def way_call_error(self, message: Any) -> None:
        self.refuse(message, -32602, "a must be an integer", 400)

    def way_big_json(self, message: Any) -> None:
        self.head(200, {"content-type": "application/json", "content-length": str(300 * 2**20)})
        self.flood(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % message["id"])

    def way_big_event(self, message: Any) -> None:
        self.head(200, {"content-type": "text/event-stream", "connection": "close"})
        self.flood(b'event: message\ndata: {"jsonrpc":"2.0","id":%d,"result":{"a":"' % message["id"])

    def way_events(self, message: Any) -> None:
        self.head(200, {"content-type": "text/event-stream", "connection": "close"})
        progress = {"progressToken": message["params"]["_meta"]["progressToken"], "progress": 1}
        self.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "spam"}})
        self.wfile.write(b": a comment\r\n\r\nevent: strange\ndata: 5\n\n")
        self.event({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})
        whole = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": TEXT}, indent=1)
        self.wfile.write("".join(f"data: {line}\r\n" for line in whole.splitlines()).encode() + b"\r\n")
        self.close_connection = True

    def way_bad_event(self, message: Any) -> None:
        self.head(200, {"content-type": "text/event-stream", "connection": "close"})
        self.wfile.write(b"data: {nonsense\n\n")
        self.close_connection = True

    def way_cut_event(self, message: Any) -> None:
        self.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        self.wfile.write(b"5\r\ndata:\r\n")
        self.close_connection = True

    def way_bad_json(self, message: Any) -> None:
        self.plain(200, b"{nonsense", {"content-type": "application/json"})

    def way_deep(self, message: Any) -> None:
        deep = b'{"a":' * 2000 + b"1" + b"}" * 2000
        body = b'{"jsonrpc":"2.0","id":%d,"result":{"content":[],"structuredContent":%s}}' % (message["id"], deep)
        self.plain(200, body, {"content-type": "application/json"})

    def way_gzip(self, message: Any) -> None:
        body = gzip.compress(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": TEXT}).encode())
        self.plain(200, body, {"content-type": "application/json", "content-encoding": "gzip"})

    def way_html(self, message: Any) -> None:
        self.plain(200, b"<html>log in</html>", {"content-type": "text/html"})

    def way_break(self, message: Any) -> None:
        self.head(200, {"content-type": "application/json", "content-length": "1000"})
        self.wfile.write(b"{")
        self.close_connection = True

    def way_hang(self, message: Any) -> None:
        time.sleep(60)

    def way_forget(self, message: Any) -> None:
        """The first session is forgotten at its first call, as by a restart; the next one works."""
        CALLS.append(self.headers["mcp-session-id"])
        if not FORGOTTEN.is_set():
            FORGOTTEN.set()
            self.plain(404, b"no such session")
        else:
            self.answer(message, {"content": [], "structuredContent": {"sessions": CALLS}})

    def way_headers(self, message: Any) -> None:
        self.answer(message, {"content": [], "structuredContent": {k.lower(): v for k, v in self.headers.items()}})

    def answer(self, message: Any, result: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        self.plain(200, body, {"content-type": "application/json", **(headers or {})})

    def refuse(self, message: Any, code: int, text: str, status: int) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": text}}).encode()
        self.plain(status, body, {"content-type": "application/json"})

    def event(self, message: Any) -> None:
        self.wfile.write(b"event: message\ndata: " + json.dumps(message).encode() + b"\n\n")

    def plain(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.head(status, {"content-length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def flood(self, start: bytes) -> None:
        self.close_connection = True
        try:
            self.wfile.write(start)
            for _ in range(300 * 2**20 // len(BLOCK)):
                self.wfile.write(BLOCK)
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
