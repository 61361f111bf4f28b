"""The example service: described by its document, added by it, and called as it says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

import banyan
from banyan import Banyan
from banyan.core.call import Category
from banyan.core.tool import EffectKind

ORDERS = Path(__file__).parents[2] / "examples" / "orders"
EMMA = "9780141439587"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@asynccontextmanager
async def shop(monkeypatch: pytest.MonkeyPatch, key: str = "right") -> AsyncIterator[Banyan]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    monkeypatch.setenv("SHOP", key)
    command = [sys.executable, str(ORDERS / "service.py"), str(port)]
    process = await anyio.open_process(
        command, env={**os.environ, "SHOP_KEY": "right"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with anyio.fail_after(30):
            while True:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    assert process.returncode is None, "the service ended"
                    await anyio.sleep(0.05)
        async with banyan.open(watch=False) as b:
            await b.add(
                "orders",
                openapi=str(ORDERS / "openapi.yaml"),
                base_url=f"http://127.0.0.1:{port}",
                credentials={"shopKey": "${SHOP}"},
            )
            yield b
    finally:
        with anyio.CancelScope(shield=True):
            process.terminate()
            await process.wait()


async def test_an_order_is_placed_shown_listed_and_cancelled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as b:
        body = {"customer": "A Reader", "lines": [{"isbn": EMMA, "quantity": 2}]}
        placed = await b.call("orders__placeOrder", body)
        assert placed.ok, placed.message
        assert placed.data["total"] == 17.0
        order = {"orderId": placed.data["id"]}
        assert (await b.call("orders__getOrder", order)).data == placed.data
        assert (await b.call("orders__getBook", {"isbn": EMMA})).data["inStock"] == 10
        cancelled = await b.call("orders__cancelOrder", order)
        assert cancelled.data["status"] == "cancelled"
        again = await b.call("orders__cancelOrder", order)
        assert not again.ok
        assert "is cancelled already" in (again.message or "")
        listed = await b.call("orders__listOrders", {"status": "cancelled"})
        assert [one["id"] for one in listed.data] == [placed.data["id"]]


async def test_a_list_is_read_in_pages_and_narrowed_by_every_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as b:
        first = await b.call("orders__listBooks", {"limit": 4})
        assert len(first.data) == 4
        assert any("offset" in note for note in first.notes)
        rest = await b.call("orders__listBooks", {"limit": 4, "offset": 4})
        assert len(rest.data) == 2
        assert not rest.notes
        few = await b.call("orders__listBooks", {"language": ["fr", "de"], "maxPrice": 5})
        assert [one["title"] for one in few.data] == ["Faust"]


async def test_what_is_wrong_is_told_before_or_after_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as b:
        wrong = await b.call("orders__getBook", {"isbn": "123"})
        assert wrong.category is Category.BAD_VALUE
        gone = await b.call("orders__getBook", {"isbn": "9999999999999"})
        assert gone.category is Category.NOT_FOUND
        assert "there is no book" in (gone.message or "")
        too_many = {"customer": "A Reader", "lines": [{"isbn": EMMA, "quantity": 50}]}
        assert "only 12 are left" in ((await b.call("orders__placeOrder", too_many)).message or "")


async def test_a_wrong_key_is_a_matter_of_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch, key="wrong") as b:
        outcome = await b.call("orders__listBooks")
        assert outcome.category is Category.AUTH


async def test_its_document_tells_which_operations_only_look(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as b:
        kinds = {
            one.name: one.effects.kind for one in await b.catalogue.get(["orders__listBooks", "orders__placeOrder"])
        }
        assert kinds == {"orders__listBooks": EffectKind.READ_ONLY, "orders__placeOrder": EffectKind.WRITES}
