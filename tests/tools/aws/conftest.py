"""A moto server that speaks as AWS does, on loopback, and a backend that calls it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.tools.aws import AwsBackend, AwsLimits
from tests.tools.aws.local import serving

KEYS = {"KEY": "testing", "HIDDEN": "also-testing"}


class Secrets:
    """Two secrets, and nothing to hide."""

    def get(self, name: str) -> str | None:
        return KEYS.get(name)

    def put(self, name: str, value: str) -> str:
        raise NotImplementedError

    def learn(self, value: str) -> None:
        raise NotImplementedError

    def redact(self, text: str) -> str:
        return text


@pytest.fixture(autouse=True)
def no_aws_of_our_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor the files of whoever runs the tests are seen."""
    for name in [one for one in os.environ if one.startswith(("AWS_", "BOTO_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of a moto server."""
    with serving() as url:
        yield url


Make = Callable[..., AwsBackend]


@pytest.fixture
def make() -> Make:
    """Make a backend of a configuration; without `credentials` it has those of the test."""

    def made(*, limits: AwsLimits | None = None, **config: Any) -> AwsBackend:
        keys = {"access_key_id": "${KEY}", "secret_access_key": "${HIDDEN}"}
        full = {"region": "us-east-1", "credentials": keys} | config
        source = Source(name=SourceName("aws"), kind=SourceKind.AWS, config=full)
        return AwsBackend(source, secrets=Secrets(), limits=limits)

    return made
