"""Google's APIs are looked at, added and called from the command line."""

from __future__ import annotations

from tests.tools.google.local import as_json, serving

from .conftest import Cli


def test_a_dry_run_says_what_there_is_and_adds_nothing(cli: Cli) -> None:
    looked = cli("add", "google", "gmail", "drive", "--dry-run", "--json")
    assert looked.status == 0, looked.err
    assert [(one["server"], one["versions"]) for one in looked.json["apis"]] == [
        ("drive", ["v3", "v2"]),
        ("gmail", ["v1"]),
    ]
    assert looked.json["tools"] == sum(one["tools"] for one in looked.json["apis"]) > 100
    assert cli("servers", "--json").json == {"servers": []}
    assert "gmail (Gmail API, v1)" in cli("add", "google", "gmail", "--dry-run").out


def test_an_api_is_added_and_called_where_it_is_said_to_be(cli: Cli) -> None:
    with serving(lambda asked: as_json({"labels": [], "path": asked.path})) as local:
        added = cli("add", "google", "gmail", "--base-url", local.url, "--preset", "userId=me", "--json")
        assert added.status == 0, added.err
        assert "gmail__users_labels_list" in added.json["new"]
        called = cli("call", "gmail__users_labels_list", "--json")
        assert called.status == 0, called.out
        assert "/gmail/v1/users/me/labels" in called.json["preview"]


def test_an_api_nobody_has_is_refused_with_the_nearest_name(cli: Cli) -> None:
    for more in ([], ["--dry-run"]):
        refused = cli("add", "google", "gmial", *more)
        assert refused.status != 0
        assert "`gmail`" in refused.err
    assert cli("servers", "--json").json == {"servers": []}


def test_an_api_key_is_kept_apart(cli: Cli) -> None:
    key = "AIzaSyExampleExampleExampleExample000"
    with serving(lambda asked: as_json({"key": asked.headers.get("x-goog-api-key")})) as local:
        added = cli("add", "google", "gmail", "--base-url", local.url, "--api-key", key, "--json")
        assert added.status == 0, added.err
        called = cli("call", "gmail__users_labels_list")
        assert called.status == 0
        assert "[secret]" in called.out
        assert all(key not in one.out + one.err for one in (added, called))
