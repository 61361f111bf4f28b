"""One call of an API: with plain httpx, with the guarded client alone, and as a tool through all of Banyan."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx

import banyan
from banyan.tools.web import Allowed, WebClient, WebRequest
from benchmarks.calls import PROGRAMS, Way, free_port, start
from benchmarks.report import Aim, Report

CALLS, WARM_CALLS = 600, 30


def main(data: Path | None) -> Sequence[Report]:
    """Measure; `data` is not needed."""
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
        return [anyio.run(measure, Path(folder))]


async def measure(folder: Path) -> Report:
    """Time every way to one local API, their calls interleaved, and return the table."""
    async with AsyncExitStack() as stack:
        port = free_port()
        await start(stack, [sys.executable, str(PROGRAMS / "rest.py"), str(port)], port)
        ways = await _ways(stack, folder, f"http://127.0.0.1:{port}")
        for way in ways:
            for _ in range(WARM_CALLS):
                await way.call()
        for _ in range(CALLS):
            for way in ways:
                started = time.perf_counter()
                await way.call()
                way.timings.seconds.append(time.perf_counter() - started)
    return _report(ways)


async def _ways(stack: AsyncExitStack, folder: Path, base_url: str) -> list[Way]:
    plain = await stack.enter_async_context(httpx.AsyncClient())
    guarded = WebClient(allowed=Allowed().with_url(base_url))
    stack.push_async_callback(guarded.aclose)
    document = folder / "openapi.json"
    document.write_text(json.dumps(_document(base_url)), encoding="utf-8")
    opened = await stack.enter_async_context(banyan.open(folder / "home", watch=False))
    await opened.add("shop", openapi=str(document), base_url=base_url)
    request = WebRequest(method="GET", url=f"{base_url}/items/7?page=2")

    async def with_httpx() -> None:
        (await plain.get(f"{base_url}/items/7", params={"page": 2})).raise_for_status().json()

    async def with_client() -> None:
        json.loads((await guarded.send(request, timeout_s=30)).body)

    async def reading() -> None:
        _check(await opened.call("shop__read_item", {"id": 7, "page": 2}))

    async def writing() -> None:
        _check(await opened.call("shop__write_item", {"name": "a", "price": 1.5}))

    return [
        Way("plain httpx", with_httpx),
        Way("the guarded client alone", with_client),
        Way("Banyan", reading),
        Way("Banyan, an operation that writes", writing),
    ]


def _check(outcome: Any) -> None:
    if not outcome.ok:
        raise RuntimeError(outcome.message)


def _document(base_url: str) -> dict[str, Any]:
    number = {"type": "integer"}
    item = {"type": "object", "properties": {"name": {"type": "string"}, "price": {"type": "number"}}}
    answers = {"200": {"description": "Done."}}
    read = {
        "operationId": "read_item",
        "summary": "Read an item.",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": number},
            {"name": "page", "in": "query", "schema": number},
        ],
        "responses": answers,
    }
    write = {
        "operationId": "write_item",
        "summary": "Write an item down.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": item}}},
        "responses": answers,
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": base_url}],
        "paths": {"/items/{id}": {"get": read}, "/items": {"post": write}},
    }


def _report(ways: Sequence[Way]) -> Report:
    timings = {way.name: way.timings for way in ways}
    plain = timings["plain httpx"].median_ms
    rows = tuple((name, one.median_ms, one.p95_ms, one.median_ms - plain) for name, one in timings.items())
    added = timings["Banyan"].median_ms - plain
    client = timings["the guarded client alone"].median_ms - plain
    aims = (
        Aim(text="added by Banyan to one call that reads", value=added, limit=1.0, unit="ms"),
        Aim(text="added by the guarded client alone", value=client, limit=0.5, unit="ms"),
    )
    notes = (
        f"N = {CALLS} calls each way, interleaved in one process, after {WARM_CALLS} to warm up, each over a kept "
        "connection to a local API that answers 1 KB of JSON. Banyan's calls are the whole guarded path from Python: "
        "name, arguments validated, policy, request built, response checked and stored, outcome recorded; one that "
        "writes commits its intent and its outcome to disk around it.",
    )
    return Report(
        title="A call of an API",
        columns=("way", "median ms", "p95 ms", "more than httpx, ms"),
        rows=rows,
        aims=aims,
        notes=notes,
    )
