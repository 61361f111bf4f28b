"""Operations of a document are called at a real service: with credentials, through pages, and when it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from banyan.core.call import Category, RawResult
from banyan.core.errors import CallFailed, SourceUnavailable
from banyan.core.ids import SourceName, ToolName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import Tool
from banyan.testing.backend import ScriptedCaller
from banyan.tools.openapi.backend import OpenApiBackend
from banyan.tools.openapi.needs import needs
from banyan.tools.replay import KEY_ARGUMENT
from tests.servers.shop import CLIENT, KEY, PNG, TOKEN, USER, Shop
from tests.tools.openapi.recording import served

SHOP = Path(__file__).parents[2] / "specs" / "shop.yaml"
CREDENTIALS = {
    "token": "${SHOP_TOKEN}",
    "key": "${SHOP_KEY}",
    "user": {"username": "ann", "password": "${SHOP_PASSWORD}"},
    "client": {"client_id": "id-1", "client_secret": "${SHOP_CLIENT}"},
}
SECRETS = {
    "SHOP_TOKEN": TOKEN,
    "SHOP_KEY": KEY,
    "SHOP_PASSWORD": USER.partition(":")[2],
    "SHOP_CLIENT": CLIENT.partition(":")[2],
}


class KnownSecrets:
    """Secrets in a mapping; what was learnt is kept to be looked at."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = dict(known)
        self.learnt: list[str] = []

    def get(self, name: str) -> str | None:
        return self.known.get(name)

    def put(self, name: str, value: str) -> str:
        self.known[name] = value
        return "file"

    def redact(self, text: str) -> str:
        return text

    def learn(self, value: str) -> None:
        self.learnt.append(value)


class Client:
    """A backend with its tools by name."""

    def __init__(self, backend: OpenApiBackend, tools: Mapping[str, Tool], secrets: KnownSecrets) -> None:
        self.backend = backend
        self.tools = tools
        self.secrets = secrets

    async def call(self, name: str, /, **arguments: Any) -> RawResult:
        return await self.backend.call(self.tools[name], arguments, timeout_s=10, caller=ScriptedCaller())

    async def refused(self, name: str, /, **arguments: Any) -> CallFailed:
        with pytest.raises(CallFailed) as caught:
            await self.call(name, **arguments)
        return caught.value


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    with served(shop.application) as url:
        yield url


@asynccontextmanager
async def opened(config: Mapping[str, Any], known: Mapping[str, str]) -> AsyncIterator[Client]:
    source = Source(name=SourceName("shop"), kind=SourceKind.OPENAPI, config={"document": str(SHOP), **config})
    secrets = KnownSecrets(known)
    backend = OpenApiBackend(source, secrets=secrets)
    listing = await backend.listing()
    tools = {
        spec.upstream_name: Tool(
            name=ToolName(f"shop__{spec.upstream_name}"),
            source=source.name,
            spec=spec,
            digest=spec.digest,
            changed_at=datetime.now(UTC),
        )
        for spec in listing.tools
    }
    try:
        yield Client(backend, tools, secrets)
    finally:
        await backend.aclose()


@pytest.fixture
async def client(address: str) -> AsyncIterator[Client]:
    config = {
        "base_url": f"{address}/v1",
        "credentials": {**CREDENTIALS, "client": {**CREDENTIALS["client"], "token_url": f"{address}/token"}},  # type: ignore[dict-item]
    }
    async with opened(config, SECRETS) as found:
        yield found


async def test_an_answer_in_json_is_a_value_with_the_arguments_of_the_next_page(client: Client) -> None:
    first = await client.call("listItems", limit=2, tags=["a,b", "c"])
    assert first.structured["tags"] == "a,b,c"
    assert first.notes == ('there is a next page: call it again with {"cursor":"2"} added to the arguments',)
    last = await client.call("listItems", limit=2, cursor="4")
    assert [one["id"] for one in last.structured["items"]] == ["4"] and last.notes == ()


async def test_what_was_made_is_pointed_at_without_its_query(client: Client) -> None:
    made = await client.call("addItem", name="pear", price=None)
    assert made.structured == {"id": "5", "name": "pear", "price": None}
    assert made.notes == ("it is at /v1/items/5",)


async def test_an_operation_says_which_argument_knows_a_call_that_is_made_twice(client: Client) -> None:
    assert client.tools["addItem"].spec.binding[KEY_ARGUMENT] == "Idempotency-Key"
    assert KEY_ARGUMENT not in client.tools["listItems"].spec.binding
    first = await client.call("addItem", name="fig", **{"Idempotency-Key": "k"})
    assert (await client.call("addItem", name="fig", **{"Idempotency-Key": "k"})).structured == first.structured


async def test_no_content_is_told_by_its_status(client: Client, shop: Shop) -> None:
    assert (await client.call("removeItem", id="0")).structured == {"status": 204}
    assert "0" not in shop.items


async def test_bytes_go_and_come_as_they_are(client: Client, shop: Shop) -> None:
    await client.call("setPicture", id="1", body={"base64": "iVBORw=="})
    assert shop.pictures == {"1": b"\x89PNG"}
    (part,) = (await client.call("getPicture", id="2")).parts
    assert (part.media_type, part.body) == ("image/png", PNG)


async def test_the_first_alternative_whose_credentials_are_there_is_used(client: Client, shop: Shop) -> None:
    assert (await client.call("getItem", id="1")).structured["name"] == "item 1"
    assert shop.asked[-1].query_params["api_key"] == KEY and "authorization" not in shop.asked[-1].headers
    del client.secrets.known["SHOP_KEY"]
    client.backend._known_until_s = 0
    assert (await client.call("getItem", id="1")).structured["name"] == "item 1"
    assert shop.asked[-1].headers["authorization"].startswith("Basic ") and not shop.asked[-1].url.query


async def test_credentials_are_sent_where_they_are_optional_and_not_where_none_are_wanted(address: str) -> None:
    shop = Shop()
    with served(shop.application) as url:
        async with opened({"base_url": f"{url}/v1", "credentials": {"bearer": "${SHOP_TOKEN}"}}, SECRETS) as client:
            await client.call("listItems")
            assert shop.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"
            await client.call("getPicture", id="1")
        async with opened({"base_url": f"{url}/v1"}, {}) as client:
            await client.call("listItems")
            assert "authorization" not in shop.asked[-1].headers


async def test_a_missing_credential_is_named_before_anything_is_sent(address: str, shop: Shop) -> None:
    async with opened({"base_url": f"{address}/v1", "credentials": {"key": "${SHOP_KEY}"}}, {}) as client:
        failure = await client.refused("getItem", id="1")
        assert (failure.category, failure.sent) == (Category.AUTH, False)
        assert failure.message == "the operation needs a credential: `key` (apiKey) or `user` (basic)"
        assert failure.fix == "have a person run `banyan secret set SHOP_KEY`"
        failure = await client.refused("addItem", name="x")
        assert "--credential token=" in str(failure.fix)
        assert not shop.asked


async def test_headers_of_the_person_stand_for_the_credential(address: str) -> None:
    config = {"base_url": f"{address}/v1", "headers": {"Authorization": "Bearer ${SHOP_TOKEN}"}}
    async with opened(config, SECRETS) as client:
        assert (await client.call("addItem", name="plum")).structured["name"] == "plum"


async def test_one_token_is_asked_for_kept_and_renewed_once_when_it_is_refused(client: Client, shop: Shop) -> None:
    for _ in range(3):
        await client.call("getStock")
    assert shop.tokens == ["granted-0-token"]
    shop.revoked.add("granted-0-token")
    (part,) = (await client.call("getStock")).parts
    assert part.body.decode() == "viele Äpfel"
    assert shop.tokens == ["granted-0-token", "granted-1-token"] == client.secrets.learnt
    shop.revoked.update(f"granted-{number}-token" for number in range(9))
    failure = await client.refused("getStock")
    assert failure.category is Category.AUTH and len(shop.tokens) == 3


async def test_a_provider_that_reads_the_body_alone_is_asked_that_way(client: Client, shop: Shop) -> None:
    shop.token_in_body_only = True
    await client.call("getStock")
    assert len(shop.tokens) == 1


async def test_a_client_that_the_provider_does_not_know_is_told_so(client: Client) -> None:
    client.secrets.known["SHOP_CLIENT"] = "wrong-secret"
    failure = await client.refused("getStock")
    assert (failure.category, failure.sent) == (Category.AUTH, False)
    assert failure.message == "the provider gave no token: status 401 (invalid_client)"


async def test_a_link_to_the_next_page_becomes_its_arguments(client: Client) -> None:
    note = "there is a next page: call it again with {page} added to the arguments"
    assert (await client.call("getStock")).notes == (note.format(page='{"page":2}'),)
    assert (await client.call("getStock", page=2)).notes == (note.format(page='{"page":3}'),)
    assert (await client.call("getStock", page=3)).notes == ()


@pytest.mark.parametrize(
    ("code", "category"),
    [
        (400, Category.BAD_VALUE),
        (401, Category.AUTH),
        (403, Category.AUTH),
        (404, Category.NOT_FOUND),
        (422, Category.BAD_VALUE),
        (429, Category.RATE_LIMITED),
        (503, Category.UPSTREAM),
    ],
)
async def test_a_status_is_a_failure_of_its_kind(client: Client, code: int, category: Category) -> None:
    failure = await client.refused("getStatus", code=code)
    assert failure.category is category and failure.sent
    assert len(failure.message) < 1_000 and "because xxx" in failure.message
    assert client.backend.status()["last_error"] == failure.message


async def test_without_a_base_url_the_documents_own_server_is_called_and_guarded() -> None:
    async with opened({"server_variables": {"region": "127.0.0.1:9/"}, "credentials": CREDENTIALS}, SECRETS) as client:
        failure = await client.refused("getPicture", id="1")
        assert failure.category is Category.DENIED and not failure.sent


async def test_no_credential_crosses_the_network_in_the_clear_unless_a_person_named_the_place(
    tmp_path: Path, address: str, shop: Shop
) -> None:
    document = tmp_path / "shop.yaml"
    plain = address.replace("127.0.0.1", "localhost")
    text = SHOP.read_text().replace("https://{region}.shop.test", plain).replace("https://eu.shop.test", plain)
    document.write_text(text)
    config = {"document": str(document), "credentials": CREDENTIALS}
    async with opened({**config, "allow_hosts": ["10.0.0.0/8"]}, SECRETS) as client:
        for name in ("listItems", "getStock"):
            failure = await client.refused(name)
            assert (failure.category, failure.sent) == (Category.DENIED, False)
            assert "--base-url" in str(failure.fix)
        assert not shop.asked and not shop.tokens
    async with opened({**config, "allow_hosts": ["localhost"]}, SECRETS) as client:
        assert (await client.call("listItems")).structured["items"]


async def test_a_call_needs_no_document(tmp_path: Path, address: str) -> None:
    document = tmp_path / "shop.yaml"
    document.write_bytes(SHOP.read_bytes())
    async with opened({"document": str(document), "base_url": f"{address}/v1"}, {}) as client:
        document.unlink()
        assert (await client.call("listItems")).structured["items"]


async def test_arguments_cannot_leave_the_path(client: Client, shop: Shop) -> None:
    for value in ("..", "%2e%2e/items", "../../token", ""):
        failure = await client.refused("removeItem", id=value)
        assert (failure.category, failure.sent) == (Category.BAD_VALUE, False)
    assert not shop.asked
    await client.call("removeItem", id="a?b#c&d=%20")
    assert shop.asked[-1].path_params["id"] == "a?b#c&d=%20"


async def test_only_what_is_included_is_listed() -> None:
    for include, names in {
        "*item": {"addItem", "removeItem", "getItem"},
        "/stock": {"getStock"},
        "delete *": {"removeItem"},
    }.items():
        async with opened({"include": [include]}, {}) as client:
            assert set(client.tools) == names


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.write_text("hello: there"), "OpenAPI"),
        (lambda path: path.write_bytes(b"\x00\xff"), "shop"),
    ],
)
async def test_what_is_no_document_makes_its_source_unavailable(
    tmp_path: Path, write: Callable[[Path], object], problem: str
) -> None:
    write(tmp_path / "api.yaml")
    with pytest.raises(SourceUnavailable, match=problem):
        async with opened({"document": str(tmp_path / "api.yaml")}, {}):
            pass


async def test_a_document_is_read_from_the_address_that_a_person_gave(tmp_path: Path) -> None:
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, JSONResponse
    from starlette.routing import Route

    async def items(request: Any) -> Any:
        return JSONResponse({"items": [], "path": request.url.path})

    text = SHOP.read_text().replace("https://{region}.shop.test/v1", "/api").replace("variables", "x-none")
    (tmp_path / "shop.yaml").write_text(text)
    routes = [
        Route("/docs/openapi", lambda request: FileResponse(tmp_path / "shop.yaml")),
        Route("/api/items", items),
    ]
    with served(Starlette(routes=routes)) as url:
        config = {"document": f"{url}/docs/openapi", "allow_hosts": ["loopback"]}
        async with opened(config, {}) as client:
            assert (await client.call("listItems")).structured["path"] == "/api/items"
        async with opened({"document": f"{url}/docs/openapi"}, {}) as client:
            assert (await client.refused("listItems")).category is Category.DENIED


async def test_what_is_still_needed_is_counted_by_what_it_is() -> None:
    async with opened({}, {}) as client:
        bindings = [tool.spec.binding for tool in client.tools.values()]
    config = {"credentials": {"token": "${SHOP_TOKEN}", "user": CREDENTIALS["user"]}}
    found = needs(bindings, config, SECRETS.get)
    assert [(one.operations, one.what) for one in found] == [
        (1, "the operation needs a credential: `client` (oauth2)"),
    ]
    found = needs(bindings, {"headers": {"X-Key": "${NOT_SET}"}}, SECRETS.get)
    assert found[0].what == "the secret `NOT_SET` is not set" and found[0].fix == "banyan secret set NOT_SET"
