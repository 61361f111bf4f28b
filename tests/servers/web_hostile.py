"""An HTTP server on plain sockets that misbehaves in the way its path names; it runs in threads of the test."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import zstandard

MIB = 2**20
BLOCK = b"x" * 2**16


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


class HostileServer:
    """Serves until it is closed; what came in is in `seen`.

    `came` is released with every request, and `ended` with every connection that is no more.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._tls = tls
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.seen: list[Seen] = []
        self.connections = 0
        self.came, self.ended = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._answer(connection)
        finally:
            self.ended.release()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection, connection.makefile("rb") as reader:
                while True:
                    seen = _request(reader)
                    self.seen.append(seen)
                    self.came.release()
                    way = urlsplit(seen.target).path.split("/")[1]
                    if WAYS[way](connection, seen):
                        return


def _request(reader: Any) -> Seen:
    method, target, _ = reader.readline().decode().split(" ")
    headers: dict[str, str] = {}
    while line := reader.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Seen(method, target, headers, reader.read(int(headers.get("content-length", "0"))))


def answer(connection: socket.socket, body: bytes, status: int = 200, **headers: str) -> None:
    lines = [f"HTTP/1.1 {status} Because", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def echo(connection: socket.socket, seen: Seen) -> None:
    about = {"method": seen.method, "target": seen.target, "headers": seen.headers, "body": seen.body.decode()}
    answer(connection, b"" if seen.method == "HEAD" else json.dumps(about).encode(), content_type="application/json")


def plain(connection: socket.socket, seen: Seen) -> None:
    answer(connection, b"x" * 1024, content_type="Text/Plain; charset=utf-8", set_cookie="session=server")


def status(connection: socket.socket, seen: Seen) -> None:
    asked = seen.query
    headers = {"retry_after": asked["after"]} if "after" in asked else {}
    body = asked.get("body", "").encode()
    answer(connection, body, int(asked["status"]), content_type=asked.get("type", "application/json"), **headers)


def redirect(connection: socket.socket, seen: Seen) -> None:
    asked = seen.query
    answer(connection, b"moved", int(asked.get("status", "302")), location=asked["to"])


def loop(connection: socket.socket, seen: Seen) -> None:
    answer(connection, b"", 302, location=f"/loop/{len(seen.target)}{seen.target[5:]}")


def encoded(connection: socket.socket, seen: Seen) -> None:
    encoding = seen.query["as"]
    text = b"a text that is compressed " * 100_000
    answer(connection, ENCODERS[encoding](text), content_encoding=encoding)


def bomb(connection: socket.socket, seen: Seen) -> bool:
    """500 MiB of zeros in a few hundred kilobytes, or in less."""
    encoding = seen.query["as"]
    connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\nconnection: close\r\n\r\n".encode())
    wbits = 31 if encoding == "gzip" else 15
    squeeze = zstandard.ZstdCompressor().compressobj() if encoding == "zstd" else zlib.compressobj(9, 8, wbits)
    for _ in range(500):
        connection.sendall(squeeze.compress(bytes(MIB)))
    connection.sendall(squeeze.flush())
    return True


def damaged(connection: socket.socket, seen: Seen) -> None:
    whole = ENCODERS[seen.query["as"]](b"a text " * 1000)
    body = whole[: len(whole) * 3 // 4] if "short" in seen.query else b"\xff\x00\xff" + whole[3:]
    answer(connection, body, content_encoding=seen.query["as"])


def other_encoding(connection: socket.socket, seen: Seen) -> None:
    answer(connection, b"\x0b\x02\x80hello\x03", content_encoding=seen.query["as"])


def flood(connection: socket.socket, seen: Seen) -> bool:
    length = f"content-length: {500 * MIB}\r\n" if "length" in seen.query else ""
    connection.sendall(f"HTTP/1.1 200 OK\r\n{length}connection: close\r\n\r\n".encode())
    for _ in range(500 * MIB // len(BLOCK)):
        connection.sendall(BLOCK)
    return True


def specks(connection: socket.socket, seen: Seen) -> bool:
    """A body in chunks of one byte."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(20):
        connection.sendall(b"1\r\nx\r\n" * 1000)
    connection.sendall(b"0\r\n\r\n")
    return True


def never(connection: socket.socket, seen: Seen) -> bool:
    connection.recv(1)
    return True


def drip(connection: socket.socket, seen: Seen) -> bool:
    """A byte every now and then, so that no single wait is long."""
    connection.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" if "body" in seen.query else b"HTTP/1.1 200 "
    )
    connection.settimeout(0.02)
    while True:
        connection.sendall(b"x")
        with suppress(TimeoutError):
            if not connection.recv(1):
                return True


def huge_head(connection: socket.socket, seen: Seen) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"x-more: " + BLOCK[:4000] + b"\r\n")


def interim(connection: socket.socket, seen: Seen) -> bool:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def dies(connection: socket.socket, seen: Seen) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this")
    return True


def dies_in_chunk(connection: socket.socket, seen: Seen) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly this")
    return True


def longer(connection: socket.socket, seen: Seen) -> None:
    """More than it says, which looks like the answer to what is asked next."""
    forged = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue" + forged)


def closes(connection: socket.socket, seen: Seen) -> bool:
    return True


def garbage(connection: socket.socket, seen: Seen) -> bool:
    connection.sendall(b"SSH-2.0-OpenSSH_9.9 canary-from-server\r\n" * 3)
    return True


def two_lengths(connection: socket.socket, seen: Seen) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde")
    return True


def switch(connection: socket.socket, seen: Seen) -> bool:
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\nother")
    return True


def hangs_up_later(connection: socket.socket, seen: Seen) -> bool:
    """Answers as if the connection would stay, and ends it."""
    answer(connection, b"ok")
    return True


WAYS: dict[str, Callable[[socket.socket, Seen], bool | None]] = {
    one.__name__: one
    for one in (
        echo, plain, status, redirect, loop, encoded, bomb, damaged, other_encoding, flood, specks, never, drip,
        huge_head, interim, dies, dies_in_chunk, longer, closes, garbage, two_lengths, switch, hangs_up_later,
    )
}  # fmt: skip


def _bare(data: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:]) + b"\0\0",
    "x-gzip": gzip.compress,
    "deflate": _bare,
    "Deflate": zlib.compress,
    "zstd": lambda data: (
        zstandard.ZstdCompressor().compress(data[:1000]) + zstandard.ZstdCompressor().compress(data[1000:])
    ),
    "identity": bytes,
}
