"""A source of AWS's operations is made of what a person says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import banyan
from banyan.core.errors import InvalidArgument, SourceUnavailable
from banyan.core.source import SourceKind
from banyan.server.config import source_of


def test_no_services_are_all_of_them() -> None:
    source = source_of("aws", {"aws": [], "region": "eu-west-1"})
    assert (source.kind, source.config) == (SourceKind.AWS, {"services": [], "region": "eu-west-1"})


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"aws": ["s3"], "env": {}}, "an AWS source has no `env`"),
        ({"aws": ["s3"], "credentials": {"access_key_id": "AKIA", "secret_access_key": "literal"}}, "give references"),
    ],
)
def test_a_wrong_configuration_is_refused(config: Any, problem: str) -> None:
    with pytest.raises(InvalidArgument, match=problem):
        source_of("aws", config)


async def test_services_are_added_from_python_and_an_argument_is_filled_in(tmp_path: Path) -> None:
    async with banyan.open(tmp_path / "home", watch=False) as b:
        preset = {"tool": "Send*", "argument": "aws_region", "value": "eu-west-1"}
        report = await b.add("aws", aws=["sqs"], presets=[preset])
        assert "sqs__SendMessage" in report.new
        one, other = await b.describe(["sqs__SendMessage", "sqs__ListQueues"])
        assert "aws_region" not in one.to_json()["signature"]
        assert "aws_region" in other.to_json()["signature"]
        with pytest.raises(SourceUnavailable, match="`access_key_id`"):
            await b.add("aws", aws=["sqs"], credentials={"key": "${KEY}"})
