"""Google's default credentials: found where its own tools keep them, and used for nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import banyan
from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.tools.google.credentials import NO_CREDENTIALS, DefaultCredentials
from banyan.tools.web import Allowed, WebClient
from tests.tools.google.local import Answer, Asked, as_json, serving

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
LOOPBACK = Allowed.of({"allow_hosts": ["loopback"]})
DRIVE = ("drive", "drive.readonly")


def service_account(token_url: str) -> dict[str, Any]:
    return {
        "type": "service_account",
        "client_email": "a@example.com",
        "private_key": PRIVATE,
        "private_key_id": "1",
        "token_uri": token_url,
    }


def user(token_url: str) -> dict[str, Any]:
    return {
        "type": "authorized_user",
        "client_id": "id",
        "client_secret": "kept",
        "refresh_token": "again",
        "token_uri": token_url,
        "quota_project_id": "mine",
    }


def written(folder: Path, info: Any) -> str:
    path = folder / "credentials.json"
    path.write_text(json.dumps(info), encoding="utf-8")
    return str(path)


def tokens(asked: Asked) -> Answer:
    return as_json({"access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer"})


@asynccontextmanager
async def found(file: str | None, client: WebClient) -> AsyncIterator[DefaultCredentials]:
    try:
        yield DefaultCredentials(client, {}, file=file)
    finally:
        await client.aclose()


def trusting() -> WebClient:
    return WebClient(allowed=LOOPBACK)


async def test_a_service_account_proves_itself_by_its_key_for_the_least_scope(tmp_path: Path) -> None:
    with serving(tokens) as local:
        async with found(written(tmp_path, service_account(local.url)), trusting()) as credentials:
            proof = await credentials.proof(DRIVE, read_only=True, timeout_s=10)
        assert dict(proof.headers)["authorization"] == "Bearer ya29.token"
        assertion = parse_qs(local.asked[0].body.decode())["assertion"][0]
        claims = jwt.decode(assertion, PUBLIC, algorithms=["RS256"], audience="https://oauth2.googleapis.com/token")
        assert claims["scope"] == "https://www.googleapis.com/auth/drive.readonly"


async def test_a_person_who_logged_in_gets_their_token_from_google_over_the_guarded_client(tmp_path: Path) -> None:
    asked_for: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked_for.append(host)
        return ["10.0.0.1"]

    file = written(tmp_path, user("https://elsewhere.example/token"))
    async with found(file, WebClient(resolve=resolve)) as credentials:
        with pytest.raises(CallFailed) as caught:
            await credentials.proof(DRIVE, read_only=False, timeout_s=10)
    assert asked_for == ["oauth2.googleapis.com"]
    assert caught.value.category is Category.DENIED
    assert not caught.value.sent


async def test_many_calls_at_once_get_one_token(tmp_path: Path) -> None:
    with serving(tokens) as local:
        async with found(written(tmp_path, service_account(local.url)), trusting()) as credentials:

            async def one() -> None:
                await credentials.proof(DRIVE, read_only=True, timeout_s=10)

            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(one)
        assert len(local.asked) == 1


async def test_a_token_that_is_refused_is_a_matter_of_credentials(tmp_path: Path) -> None:
    refusal = as_json({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400)
    with serving(lambda _: refusal) as local:
        async with found(written(tmp_path, service_account(local.url)), trusting()) as credentials:
            with pytest.raises(CallFailed) as caught:
                await credentials.proof(DRIVE, read_only=True, timeout_s=10)
    assert caught.value.category is Category.AUTH
    assert not caught.value.sent
    assert "expired or revoked" in caught.value.message


async def test_a_token_is_asked_for_only_where_calls_may_go(tmp_path: Path) -> None:
    with serving(tokens) as local:
        async with found(written(tmp_path, service_account(local.url)), WebClient()) as credentials:
            with pytest.raises(CallFailed) as caught:
                await credentials.proof(DRIVE, read_only=True, timeout_s=10)
        assert not caught.value.sent
        assert local.asked == []


@pytest.mark.parametrize("info", [None, [], {}, {"type": "x"}, {"type": "service_account", "private_key": "p4ss"}])
async def test_a_file_that_holds_no_credentials_is_told_without_what_is_in_it(tmp_path: Path, info: Any) -> None:
    async with found(written(tmp_path, info), WebClient()) as credentials:
        with pytest.raises(CallFailed) as caught:
            await credentials.proof(DRIVE, read_only=True, timeout_s=10)
    assert caught.value.category is Category.AUTH
    assert "p4ss" not in str(caught.value)


async def test_the_address_where_clouds_keep_credentials_is_asked_only_when_allowed() -> None:
    async with found(None, WebClient()) as credentials:
        with pytest.raises(CallFailed) as caught:
            await credentials.proof(DRIVE, read_only=True, timeout_s=10)
    assert caught.value.message == NO_CREDENTIALS


@pytest.mark.parametrize("variable", ["CLOUDSDK_CONFIG", "APPDATA", "GOOGLE_APPLICATION_CREDENTIALS", ""])
def test_credentials_are_found_where_googles_tools_keep_them(tmp_path: Path, home: Path, variable: str) -> None:
    name = "application_default_credentials.json"
    places = {
        "CLOUDSDK_CONFIG": tmp_path / name,
        "APPDATA": tmp_path / "gcloud" / name,
        "GOOGLE_APPLICATION_CREDENTIALS": tmp_path / "mine.json",
        "": home / ".config" / "gcloud" / name,
    }
    place = places[variable]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("{}", encoding="utf-8")
    named = str(place) if variable.startswith("GOOGLE") else str(tmp_path)
    environment = {variable: named} if variable else {}
    assert DefaultCredentials(WebClient(), environment).place() == place


async def test_credentials_of_a_person_do_not_go_to_a_server_that_stands_in_for_googles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tokens) as token_server, serving(lambda _: as_json({"files": []})) as api:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", written(tmp_path, service_account(token_server.url)))
        async with banyan.open(watch=False) as b:
            await b.add("google", google=["drive"], base_url=api.url)
            outcome = await b.call("drive__files_list")
            assert outcome.ok, outcome.message
        assert "authorization" not in api.asked[0].headers
        assert token_server.asked == []


async def test_credentials_that_are_named_for_a_server_go_there_and_are_hidden_in_what_it_repeats(
    tmp_path: Path,
) -> None:
    def answer(asked: Asked) -> Answer:
        return as_json({"said": asked.headers["authorization"]})

    with serving(tokens) as token_server, serving(answer) as api:
        file = written(tmp_path, service_account(token_server.url))
        allowed = [token_server.url.removeprefix("http://").strip("/")]
        async with banyan.open(watch=False) as b:
            await b.add("google", google=["drive"], base_url=api.url, credentials_file=file, allow_hosts=allowed)
            outcome = await b.call("drive__files_list")
            assert outcome.data == {"said": "Bearer [secret]"}
