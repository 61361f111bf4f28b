from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import banyan


@banyan.tool(read_only=True)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture(scope="module")
async def b(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[banyan.Banyan]:
    async with banyan.open(tmp_path_factory.mktemp("banyan"), watch=False) as opened:
        add.__module__ = "house"
        await opened.add(add)
        yield opened
