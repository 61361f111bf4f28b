"""An API is looked at, added, called and removed by the command line; its secrets reach neither screen nor database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.shop import KEY, TOKEN, Shop
from tests.tools.openapi.recording import served

from .conftest import Cli
from .test_sources import everything_in

SHOP = Path(__file__).parents[2] / "specs" / "shop.yaml"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    with served(shop.application) as url:
        yield url


def test_a_document_is_looked_at_and_nothing_is_kept(cli: Cli) -> None:
    looked = cli("add", "openapi", "shop", str(SHOP), "--dry-run", "--credential", f"token={TOKEN}", "--json")
    assert looked.status == 0, looked.err
    assert (looked.json["title"], looked.json["operations"], looked.json["active"]) == ("A small shop", 8, 8)
    assert [(one["name"], one["needed"]) for one in looked.json["security"]] == [
        ("token", 3),
        ("key", 0),
        ("user", 0),
        ("client", 1),
    ]
    assert [one["operations"] for one in looked.json["needs"]] == [1, 1]
    shown = cli("add", "openapi", "shop", str(SHOP), "--dry-run")
    assert "security: token (bearer): 4 operations, needed by 3" in shown.out
    assert "missing for 3 operations" in shown.out
    assert cli("servers", "--json").json == {"servers": []}
    assert cli("secret", "list", "--json").json == {"secrets": []}


@pytest.mark.timeout(60)
def test_an_api_is_added_called_and_removed_with_its_secrets_kept_apart(cli: Cli, address: str, home: Path) -> None:
    added = cli(
        "add", "openapi", "shop", str(SHOP), "--base-url", f"{address}/v1",
        "--credential", f"token={TOKEN}", "--credential", f"key={KEY}",
        "--preset", "list*:limit:=1", "--preset", "getStatus:code:=403", "--show", "code", "--json",
    )  # fmt: skip
    assert added.status == 0, added.err
    assert added.json["secrets"] == {"SHOP__TOKEN": "file", "SHOP__KEY": "file"}
    assert "shop__listItems" in added.json["new"]

    described = cli("describe", "shop__listItems", "--json").out
    assert '"cursor"' in described and '"limit"' not in described
    listed = cli("call", "shop__listItems", "--json")
    assert listed.status == 0 and '{"cursor":"1"}' in listed.json["notes"][0]
    made = cli("call", "shop__addItem", "name=pear", "--idempotency-key", "k1")
    assert made.status == 0 and "pear" in made.out
    assert cli("call", "shop__getItem", "id=1").status == 0
    assert cli("call", "shop__getStatus", "--json").json["category"] == "auth"
    hidden = cli("call", "shop__listItems", "limit=5")
    assert hidden.status == 2

    doctor = cli("doctor")
    assert "1 of 8 operations cannot be called: the operation needs a credential: `client` (oauth2)" in doctor.out
    for done in (added, listed, made, hidden, doctor):
        assert TOKEN not in done.out + done.err and KEY not in done.out + done.err
    assert TOKEN.encode() not in everything_in(home / "banyan")
    assert KEY.encode() not in everything_in(home / "banyan")

    removed = cli("remove", "shop", "--json").json
    assert removed == {"source": "shop", "removed": 8, "secrets": ["SHOP__KEY", "SHOP__TOKEN"]}


def test_what_a_server_echoes_of_a_secret_is_not_shown(cli: Cli, address: str) -> None:
    added = cli("add", "openapi", "shop", str(SHOP), "--base-url", f"{address}/v1", "--credential", "token=wrong-token")
    assert added.status == 0, added.err
    refused = cli("call", "shop__addItem", "name=pear")
    assert refused.status == 5
    assert "wrong-token" not in refused.out + refused.err and "[secret]" in refused.out + refused.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--credential", "token"], "banyan secret set token"),
        (["--base-url", "ftp://x"], "url"),
        (["--allow-host", "not a host"], "allow_hosts"),
        (["--preset", "nothing"], "preset"),
        (["--show", "limit"], "--preset"),
        (["--header", "nothing"], "header"),
        (["--credential", "c.client_id=x", "--credential", "c=y"], "credential"),
    ],
)
def test_a_wrong_option_is_named(cli: Cli, words: list[str], message: str) -> None:
    failed = cli("add", "openapi", "shop", str(SHOP), *words)
    assert message in failed.err + failed.out
    assert failed.status in (0, 2)


@pytest.mark.parametrize("text", ["hello: there", "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}", "{"])
def test_a_document_with_nothing_to_call_is_not_added(cli: Cli, tmp_path: Path, text: str) -> None:
    (tmp_path / "api.yaml").write_text(text)
    failed = cli("add", "openapi", "api", str(tmp_path / "api.yaml"))
    assert failed.status == 2 and failed.out == ""
    assert cli("servers", "--json").json == {"servers": []}
