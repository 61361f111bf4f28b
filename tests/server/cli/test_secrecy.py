"""Secrets are set from standard input, listed by name, removed, and never shown."""

from __future__ import annotations

from pathlib import Path

from .conftest import Cli

VALUE = "tok-0123456789-never-shown"


def test_a_secret_is_set_listed_and_removed_and_never_shown(cli: Cli, home: Path) -> None:
    done = cli("secret", "set", "HUB_TOKEN", stdin=f"{VALUE}\n".encode())
    assert done.status == 0
    assert "HUB_TOKEN is kept in a file" in done.out
    assert (home / "banyan" / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert VALUE in (home / "banyan" / "secrets.json").read_text("utf-8")
    listed = cli("secret", "list", "--json")
    assert listed.json == {"secrets": [{"name": "HUB_TOKEN", "where": "file"}]}
    plain = cli("secret", "list")
    assert plain.out.splitlines()[1].split() == ["HUB_TOKEN", "file"]
    assert VALUE not in done.out + done.err + listed.out + plain.out
    assert cli("secret", "remove", "HUB_TOKEN", "--json").json == {"name": "HUB_TOKEN", "removed": True}
    assert cli("secret", "list").out == ""


def test_what_is_no_secret_is_refused(cli: Cli) -> None:
    assert cli("secret", "set", "EMPTY", stdin=b"\n").status == 2
    assert cli("secret", "set", "odd name", stdin=b"x").status == 2
    assert cli("secret", "remove", "NEVER_SET").status == 2
    assert cli("secret", "set", "NAME", "value").status == 2


def test_secrets_that_others_can_read_are_refused(cli: Cli, home: Path) -> None:
    cli("secret", "set", "HUB_TOKEN", stdin=VALUE.encode())
    (home / "banyan" / "secrets.json").chmod(0o644)
    done = cli("secret", "list", "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "settings")
    assert VALUE not in done.out
