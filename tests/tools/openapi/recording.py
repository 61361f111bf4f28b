"""A server that records what arrives, and calls of a document's operations that are checked against it."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import uvicorn
import yaml

from banyan.core.errors import CallFailed
from banyan.tools.openapi.binding import Binding, Place
from banyan.tools.openapi.document import load
from banyan.tools.openapi.operations import Operation, operations
from banyan.tools.openapi.request import Address, build
from banyan.tools.web import Allowed, WebClient
from tests.tools.openapi.arrival import ABSENT, Arrived, Disagreement, OperationReader
from tests.tools.openapi.drawn import ASCII, PLAIN, WIDE, draws


class Recorder:
    """An ASGI application that keeps the last request."""

    def __init__(self) -> None:
        self.last: Arrived | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.last = Arrived(
            method=scope["method"],
            path=scope["raw_path"].decode("ascii"),
            query=scope["query_string"].decode("ascii"),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=body,
        )
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@contextmanager
def served(application: Any) -> Iterator[str]:
    """Serve an ASGI application on a port of loopback, and yield its address."""
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    # Else the head of an answer waits for the client to acknowledge, and its body for that.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # From here on connections wait, though the server is not yet there to take them.
    listening.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of the calls of a document."""

    calls: int = 0
    operations: int = 0
    invalid: int = 0
    """Drawn arguments that the operation's own schema does not allow: not sent."""
    refused: Counter[str] = field(default_factory=Counter)
    """Arguments that no request can carry: not sent."""
    disagreements: list[str] = field(default_factory=list)
    places: Counter[str] = field(default_factory=Counter)


def documents(folder: Path) -> list[tuple[str, bytes]]:
    """Return name and bytes of the documents in a folder."""
    files = sorted(one for one in folder.iterdir() if one.suffix in (".json", ".yaml", ".yml"))
    return [(one.name, one.read_bytes()) for one in files]


async def call_all(name: str, data: bytes, recorder: Recorder, base_url: str, *, most: int, each: int = 2) -> Tally:
    """Call at most `most` operations of a document `each` times with drawn arguments, and check what arrives."""
    root = json.loads(data) if name.endswith(".json") else yaml.load(data, Loader=yaml.CSafeLoader)
    found = [one for one in operations(load(data, origin=name), server="api") if not one.spec.fault]
    tally = Tally()
    client = WebClient(allowed=Allowed.of({"allow_hosts": ["loopback"]}))
    try:
        for operation in found[:: max(1, -(-len(found) // most))]:
            tally.operations += 1
            reader = OperationReader(root, operation.path, operation.method.lower())
            for arguments in drawn(operation, each):
                await _call(operation, arguments, reader, recorder, client, Address(base_url=base_url), tally)
    finally:
        await client.aclose()
    return tally


def drawn(operation: Operation, each: int) -> list[Any]:
    binding = Binding.from_json(operation.spec.binding)
    alphabets = {
        one.argument: {Place.PATH: WIDE, Place.HEADER: ASCII, Place.COOKIE: PLAIN}.get(one.place, WIDE)
        for one in binding.parameters
    }
    return draws(operation.spec.input_schema, alphabets, count=each)


async def _call(
    operation: Operation,
    arguments: Mapping[str, Any],
    reader: OperationReader,
    recorder: Recorder,
    client: WebClient,
    address: Address,
    tally: Tally,
) -> None:
    if not jsonschema_rs.validator_for(dict(operation.spec.input_schema)).is_valid(arguments):
        tally.invalid += 1
        return
    binding = Binding.from_json(operation.spec.binding)
    try:
        request = build(binding, arguments, address=address)
    except CallFailed as refused:
        tally.refused[refused.message.partition("` ")[2]] += 1
        return
    where = f"{operation.method} {operation.path}"
    try:
        await client.send(request, timeout_s=20)
        assert recorder.last is not None
        reader.check(recorder.last, meant(binding, arguments), meant_body(binding, arguments))
    except (Disagreement, CallFailed, ValueError, KeyError) as error:
        tally.disagreements.append(f"{where}: {type(error).__name__}: {str(error)[:600]}")
    tally.calls += 1
    tally.places.update(one.place.value for one in binding.parameters if one.argument in arguments)
    tally.places.update([f"{binding.body.kind} body"] if binding.body and request.body else [])


def meant(binding: Binding, arguments: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    return {(one.name, one.place.value): arguments.get(one.argument) for one in binding.parameters}


def meant_body(binding: Binding, arguments: Mapping[str, Any]) -> Any:
    body = binding.body
    if body is None:
        return ABSENT
    if body.argument:
        return arguments.get(body.argument, ABSENT)
    given = {one.name: arguments[one.argument] for one in body.fields if one.argument in arguments}
    return given if given or body.required else ABSENT
