"""Literal secrets leave a configuration, and everything else stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.template import expand
from banyan.server.literals import looks_secret, without_secrets


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("GITHUB_TOKEN", "abc"),
        ("apiKey", "abc"),
        ("X-Api-Key", "abc"),
        ("Authorization", "Bearer abc"),
        ("DB_PASSWORD", "hunter2"),
        ("GITHUB_PERSONAL_ACCESS_TOKEN", "ghp_x"),
        ("ANYTHING", "ghp_" + "a1" * 18),
        ("ANYTHING", "sk-" + "a1" * 18),
        ("ANYTHING", "AKIA" + "A1" * 8),
        ("DATABASE_URL", "postgres://me:hunter2@db/x"),
        ("ANYTHING", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"),
    ],
)
def test_what_looks_secret_is_taken_for_one(key: str, value: str) -> None:
    assert looks_secret(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("GITHUB_TOKEN", "${GITHUB_TOKEN}"),
        ("GITHUB_TOKEN", ""),
        ("TOKEN_FILE", "/run/secrets/token"),
        ("API_KEY", "/run/secrets/key"),
        ("AUTH_MODE", "oauth"),
        ("MAX_TOKENS", "4096"),
        ("USE_AUTH", "true"),
        ("LOG_LEVEL", "debug"),
        ("DATABASE_URL", "postgres://db/x"),
        ("ALLOWED_DIR", "C:\\Users\\me"),
        ("KEYBOARD", "de"),
    ],
)
def test_references_flags_numbers_and_paths_are_none(key: str, value: str) -> None:
    assert not looks_secret(key, value)


def test_literals_are_replaced_by_references_that_carry_the_source() -> None:
    config: dict[str, Any] = {
        "command": [
            "npx",
            "-y",
            "x",
            "--api-key",
            "abc123",
            "--token=def456",
            "postgres://me:hunter2@db/x",
            "--port",
            "80",
        ],
        "env": {"GITHUB_TOKEN": "ghi789", "KEPT_TOKEN": "${KEPT_TOKEN}", "LOG": "debug"},
        "cwd": "/data",
    }
    cleaned = without_secrets("my-hub", config)
    assert cleaned.config == {
        "command": [
            "npx", "-y", "x", "--api-key", "${MY_HUB__API_KEY}", "--token=${MY_HUB__TOKEN}",
            "postgres://me:${MY_HUB__PASSWORD}@db/x", "--port", "80",
        ],
        "env": {"GITHUB_TOKEN": "${MY_HUB__GITHUB_TOKEN}", "KEPT_TOKEN": "${KEPT_TOKEN}", "LOG": "debug"},
        "cwd": "/data",
    }  # fmt: skip
    assert cleaned.secrets == {
        "MY_HUB__API_KEY": "abc123",
        "MY_HUB__TOKEN": "def456",
        "MY_HUB__PASSWORD": "hunter2",
        "MY_HUB__GITHUB_TOKEN": "ghi789",
    }
    assert "hunter2" not in repr(cleaned)


def test_headers_and_the_query_of_a_url_are_cleaned_and_the_scheme_stays_readable() -> None:
    cleaned = without_secrets(
        "s", {"url": "https://x.example/mcp?api_key=a%2Fb&page=2", "headers": {"Authorization": "Bearer abc"}}
    )
    assert cleaned.config == {
        "url": "https://x.example/mcp?api_key=${S__API_KEY}&page=2",
        "headers": {"Authorization": "Bearer ${S__AUTHORIZATION}"},
    }
    assert cleaned.secrets == {"S__API_KEY": "a/b", "S__AUTHORIZATION": "abc"}


def test_two_values_under_one_key_get_two_names() -> None:
    cleaned = without_secrets("s", {"command": ["x", "--token", "one", "--token", "two", "--token", "one"]})
    assert cleaned.config["command"] == [
        "x",
        "--token",
        "${S__TOKEN}",
        "--token",
        "${S__TOKEN_2}",
        "--token",
        "${S__TOKEN}",
    ]
    assert cleaned.secrets == {"S__TOKEN": "one", "S__TOKEN_2": "two"}


KEYS = st.sampled_from(["TOKEN", "API_KEY", "LOG", "PATH", "X", "DB_PASSWORD"])
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="$"), max_size=30)


@given(st.dictionaries(KEYS, VALUES), st.lists(VALUES | st.sampled_from(["--token", "--port"]), min_size=1))
def test_filling_the_references_gives_the_configuration_back(env: dict[str, str], command: list[str]) -> None:
    cleaned = without_secrets("9 odd näme", {"env": env, "command": command})

    def filled(text: str) -> str:
        return expand(text, dict(cleaned.secrets).get, source="s")

    assert [filled(word) for word in cleaned.config["command"]] == command
    assert {key: filled(value) for key, value in cleaned.config["env"].items()} == env
