"""A source is made of a name and how it is reached, from Python as from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import banyan
from banyan.core.errors import InvalidArgument
from banyan.core.source import SourceKind
from banyan.server.config import source_of
from tests.servers.shop import TOKEN, Shop
from tests.tools.openapi.recording import served

SHOP = Path(__file__).parents[1] / "specs" / "shop.yaml"


@pytest.fixture
def address() -> Iterator[str]:
    with served(Shop().application) as url:
        yield url


async def test_an_api_is_added_and_called_from_python(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    async with banyan.open(tmp_path / "home", watch=False) as b:
        report = await b.add(
            "shop",
            openapi=str(SHOP),
            base_url=f"{address}/v1",
            credentials={"token": "${SHOP_TOKEN}"},
            presets=[{"tool": "add*", "argument": "labels", "value": ["new"]}],
        )
        assert len(report.new) == 8
        assert "labels" not in (await b.describe(["shop__addItem"]))[0].to_json()["signature"]
        made = await b.call("shop__addItem", {"name": "pear"}, idempotency_key="k")
        assert made.data == {"id": "5", "name": "pear", "labels": ["new"]}
        assert (await b.call("shop__addItem", {"name": "pear"}, idempotency_key="k")).data == made.data
        page = await b.call("shop__listItems", {"limit": 5})
        assert page.notes == ('there is a next page: call it again with {"cursor":"5"} added to the arguments',)
        assert (await b.sync(["shop"]))[0].unchanged == 8


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "give one of"),
        ({"openapi": "a", "url": "http://h"}, "give one of"),
        ({"openapi": "a", "env": {}}, "an OpenAPI source has no `env`"),
        ({"openapi": "a", "credentials": {"key": "literal"}}, "give a reference to a secret"),
        ({"openapi": "a", "credentials": {"c": {"client_id": "x", "client_secret": "literal"}}}, "a reference"),
        ({"openapi": "a", "credentials": {"c": {"client_secret": "${X}"}}}, "needs `client_id`"),
        ({"openapi": "a", "credentials": {"c": 3}}, "should be text"),
        ({"openapi": "a", "credentials": ["c"]}, "give an object"),
        ({"openapi": "a", "base_url": "http://user:pass@h/"}, "url"),
        ({"openapi": "a", "base_url": "file:///etc/passwd"}, "url"),
        ({"openapi": "a", "allow_hosts": "loopback"}, "allow_hosts"),
        ({"openapi": "a", "presets": [{"value": 1}]}, "presets"),
        ({"python": "m", "openapi_": "a"}, "a Python source has no"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_is_kept(config: Any, problem: str) -> None:
    with pytest.raises(InvalidArgument, match=problem):
        source_of("x", config)


def test_a_document_in_a_file_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = source_of("x", {"openapi": "api.yaml", "include": ("a*",)})
    assert (made.kind, made.config) == (
        SourceKind.OPENAPI,
        {"document": str(tmp_path / "api.yaml"), "include": ["a*"]},
    )
    assert source_of("x", {"openapi": "HTTPS://h/api"}).config == {"document": "HTTPS://h/api"}
