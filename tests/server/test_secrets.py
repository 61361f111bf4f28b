"""Secrets are found in environment, keyring or file, kept where only their owner reads, and never shown."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import keyring
import keyring.backend
import keyring.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import InvalidArgument, SecretMissing, SettingsError
from banyan.server.secrets import SecretStores

TOKEN = 's3cr3t/Tok+en=with "odd" ünits'

owner_rights = pytest.mark.skipif(sys.platform == "win32", reason="rights are by access list on Windows")


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring that works, in memory."""

    priority = 5

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class LockedKeyring(MemoryKeyring):
    """A keyring that waits for a person to unlock it, and nobody does."""

    def __init__(self) -> None:
        super().__init__()
        self.unlocked = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.unlocked.wait()
        return None

    set_password = get_password  # type: ignore[assignment]


class BrokenKeyring(MemoryKeyring):
    """A keyring whose service is not there."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.InitError("no D-Bus")

    set_password = get_password  # type: ignore[assignment]


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    mine = MemoryKeyring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


@pytest.fixture
def no_ring() -> Iterator[None]:
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def stores(folder: Path, **environ: str) -> SecretStores:
    return SecretStores(folder, environ=environ)


def test_the_environment_comes_before_the_keyring_and_that_before_the_file(tmp_path: Path, ring: MemoryKeyring) -> None:
    (tmp_path / "secrets.json").write_text('{"A": "file", "B": "file", "C": "file"}', encoding="utf-8")
    (tmp_path / "secrets.json").chmod(0o600)
    ring.kept = {(f"banyan:{tmp_path}", name): "keyring" for name in ("A", "B")}
    secrets = stores(tmp_path, A="environment")
    assert [secrets.get(name) for name in "ABCD"] == ["environment", "keyring", "file", None]
    assert [secrets.where(name) for name in "ABCD"] == ["environment", "keyring", "file", None]


def test_a_secret_goes_to_the_keyring_where_one_works_and_the_file_holds_only_its_name(
    tmp_path: Path, ring: MemoryKeyring
) -> None:
    secrets = stores(tmp_path)
    assert secrets.put("TOKEN", TOKEN) == "keyring"
    assert json.loads((tmp_path / "secrets.json").read_text("utf-8")) == {"TOKEN": None}
    assert (secrets.names(), stores(tmp_path).get("TOKEN")) == (["TOKEN"], TOKEN)
    assert secrets.delete("TOKEN")
    assert (ring.kept, secrets.names(), secrets.delete("TOKEN")) == ({}, [], False)


@owner_rights
def test_without_a_keyring_a_secret_goes_to_a_file_of_its_owner(tmp_path: Path, no_ring: None) -> None:
    home = tmp_path / "new" / "home"
    assert stores(home).put("TOKEN", TOKEN) == "file"
    assert (home / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert stores(home).get("TOKEN") == TOKEN
    assert stores(home).delete("TOKEN")
    assert stores(home).get("TOKEN") is None
    assert not list(home.glob(".secrets-*"))


@pytest.mark.parametrize("backend", [LockedKeyring, BrokenKeyring])
def test_a_keyring_that_hangs_or_fails_is_passed_over_in_bounded_time(
    tmp_path: Path, ring: MemoryKeyring, backend: type[MemoryKeyring]
) -> None:
    bad = backend()
    keyring.set_keyring(bad)
    secrets = SecretStores(tmp_path, environ={}, keyring_timeout_s=0.2)
    assert secrets.get("TOKEN") is None
    assert secrets.put("TOKEN", TOKEN) == "file"
    assert secrets.get("TOKEN") == TOKEN
    if isinstance(bad, LockedKeyring):
        bad.unlocked.set()


@owner_rights
def test_a_file_that_others_can_read_is_refused_and_left_alone(tmp_path: Path, no_ring: None) -> None:
    file = tmp_path / "secrets.json"
    file.write_text('{"TOKEN": "x"}', encoding="utf-8")
    file.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        stores(tmp_path).get("TOKEN")
    with pytest.raises(SettingsError, match="chmod 600"):
        stores(tmp_path).put("B", "value")
    assert file.read_text("utf-8") == '{"TOKEN": "x"}'


@pytest.mark.parametrize("content", ["{broken", "[]", '{"A": 1}', '{"A": {"B": "hunter2"}}'])
def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path, no_ring: None, content: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(SettingsError) as caught:
        stores(tmp_path).put("B", "value")
    assert "hunter2" not in str(caught.value)
    assert file.read_text("utf-8") == content


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs root, to give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path, no_ring: None) -> None:
    file = tmp_path / "secrets.json"
    file.write_text("{}", encoding="utf-8")
    file.chmod(0o600)
    os.chown(file, 12345, 12345)
    with pytest.raises(SettingsError, match="another user"):
        stores(tmp_path).get("TOKEN")


@pytest.mark.parametrize(("name", "value"), [("", "x"), ("9A", "x"), ("A B", "x"), ("A\n", "x"), ("A", "")])
def test_an_odd_name_or_an_empty_value_is_refused(tmp_path: Path, no_ring: None, name: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        stores(tmp_path).put(name, value)


def test_a_template_is_filled_and_what_is_missing_is_named(tmp_path: Path, no_ring: None) -> None:
    secrets = stores(tmp_path, TOKEN="abcd")
    assert secrets.resolve("Bearer ${TOKEN} ${env:TOKEN} ${X:-y}", "github") == "Bearer abcd abcd y"
    with pytest.raises(SecretMissing) as caught:
        secrets.resolve("${OTHER}", "github")
    assert (caught.value.reference, caught.value.source) == ("OTHER", "github")


def test_a_secret_is_hidden_in_every_form_that_it_takes_on_its_way(tmp_path: Path, no_ring: None) -> None:
    secrets = stores(tmp_path, TOKEN=TOKEN)
    secrets.get("TOKEN")
    basic = base64.b64encode(f"user:{TOKEN}".encode()).decode()
    for text in (TOKEN, f"?t={quote(TOKEN, safe='')}", json.dumps({"a": TOKEN}), f"Authorization: Basic {basic}"):
        hidden = secrets.redact(f"before {text} after")
        assert "[secret]" in hidden
        assert hidden.startswith("before ")
        assert hidden.endswith(" after")
        assert TOKEN not in hidden


def test_the_longer_of_two_secrets_is_hidden_whole(tmp_path: Path, no_ring: None) -> None:
    secrets = stores(tmp_path, A="abcd", B="abcdefgh")
    secrets.get("A"), secrets.get("B")
    assert secrets.redact("abcdefgh abcd") == "[secret] [secret]"


def test_what_was_not_read_and_what_is_no_secret_stays(tmp_path: Path, no_ring: None) -> None:
    secrets = stores(tmp_path, HOME=str(tmp_path), FLAG="true", DATA=str(tmp_path), PIN="123", UNREAD="unread-value")
    for name in ("HOME", "FLAG", "DATA", "PIN"):
        secrets.get(name)
    text = f"{tmp_path}/x true 123 unread-value"
    assert secrets.redact(text) == text


@given(
    value=st.text(st.characters(codec="utf-8"), min_size=12, max_size=40),
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
)
def test_a_secret_is_hidden_wherever_it_starts_within_base64(value: str, before: bytes, after: bytes) -> None:
    secrets = SecretStores(Path("nowhere"), environ={"X_TOKEN": value})
    secrets.get("X_TOKEN")
    assert "[secret]" in secrets.redact(base64.b64encode(before + value.encode() + after).decode())


def test_two_processes_worth_of_writers_lose_nothing(tmp_path: Path, no_ring: None) -> None:
    def write(start: int) -> None:
        for number in range(start, start + 20):
            stores(tmp_path).put(f"N{number}", "value")

    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 20, 40)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(stores(tmp_path).names()) == 60


def test_a_token_that_was_had_for_a_secret_is_hidden_too(tmp_path: Path, no_ring: None) -> None:
    stores = SecretStores(tmp_path, environ={})
    stores.learn("granted-token")
    assert stores.redact("Bearer granted-token") == "Bearer [secret]"
