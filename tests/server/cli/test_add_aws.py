"""AWS is looked at, added and called from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tools.aws.local import serving

from .conftest import Cli

SECRET = "wJalrXUtnFEMI-never-shown"


@pytest.fixture(autouse=True)
def no_aws_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)


def test_a_dry_run_says_what_there_is_and_what_is_missing_and_adds_nothing(cli: Cli) -> None:
    looked = cli("add", "aws", "sqs", "polly", "--dry-run", "--json")
    assert looked.status == 0, looked.err
    assert list(looked.json["servers"]) == ["polly", "sqs"]
    assert looked.json["tools"] == sum(looked.json["servers"].values()) == sum(looked.json["effects"].values())
    (quarantined,) = looked.json["quarantined"]
    assert quarantined["name"] == "polly.StartSpeechSynthesisStream"
    assert [one["what"].split(":")[0] for one in looked.json["needs"]] == [
        "no region is set",
        "there are no AWS credentials",
    ]
    shown = cli("add", "aws", "sqs", "polly", "--dry-run")
    assert "tools of 2 services" in shown.out
    assert "quarantined: polly.StartSpeechSynthesisStream" in shown.out
    assert "no region is set" in shown.err
    assert cli("servers", "--json").json == {"servers": []}


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_service_is_added_called_and_replaced_and_its_key_kept_apart(cli: Cli, home: Path) -> None:
    keys = ["--credential", "access_key_id=AKIAEXAMPLEEXAMPLE01", "--credential", f"secret_access_key={SECRET}"]
    with serving() as url:
        added = cli("add", "aws", "sqs", "--region", "us-east-1", "--endpoint-url", url, *keys, "--json")
        assert added.status == 0, added.err
        assert "sqs__SendMessage" in added.json["new"]
        made = cli("call", "sqs__CreateQueue", "QueueName=q", "--json")
        assert made.status == 0, made.out
        listed = cli("call", "sqs__ListQueues")
        assert "/q" in listed.out
        wrong = cli("call", "sqs__SendMessage", "QueueUrl=http://none")
        assert (wrong.status, "MessageBody" in wrong.err) == (2, True)
    assert all(SECRET not in one.out + one.err for one in (added, made, listed))
    assert not any(
        SECRET.encode() in path.read_bytes()
        for path in (home / "banyan").rglob("*")
        if path.is_file() and path.name != "secrets.json"
    )
    replaced = cli("add", "aws", "sns", "--region", "us-east-1", "--json").json
    assert len(replaced["gone"]) == len(added.json["new"])


def test_doctor_says_what_aws_still_needs(cli: Cli) -> None:
    added = cli("add", "aws", "sts")
    assert "no region is set" in added.err
    checks = cli("doctor", "--json").json["checks"]
    about = [one["detail"].split(":")[0] for one in checks if one["about"] == "source aws"]
    assert about[1:] == ["no region is set", "there are no AWS credentials"]


def test_a_service_nobody_has_is_refused_with_the_nearest_names(cli: Cli) -> None:
    for more in ([], ["--dry-run"]):
        refused = cli("add", "aws", "dynamo", *more)
        assert refused.status != 0
        assert "`dynamodb`" in refused.err
    assert cli("servers", "--json").json == {"servers": []}
