"""What the first run adds, searches and calls."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from story.services import AWS_KEY, AWS_SECRET, DOCUMENT, SHOP_KEY, Services
from story.stage import SERVERS, Stage
from third_party import install

REGION = "eu-west-1"
BUCKET, QUEUE = "first-run", "first-run"

QUERIES = (
    "convert a time from London to Tokyo",
    "order books for a customer",
    "upload an object to a bucket",
    "send a message to a queue",
    "create an event in a calendar",
)
AT_ONCE = (*QUERIES[:2], "append rows to a spreadsheet")
"""Searches that need no vectors of the large sources: the words say it."""
NOTHING_FITS = "knit a pair of woollen socks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A tool server by other people, in an environment of its own."""

    name: str
    options: Callable[[Stage], list[str]]
    needs: str | None = None
    """A program that must be on this machine."""

    @property
    def can_run(self) -> bool:
        """Whether what it needs is there."""
        return self.needs is None or shutil.which(self.needs) is not None


SERVERS_OF_OTHERS = (
    Server(name="time", options=lambda _: ["--local-timezone", "Europe/London"]),
    Server(name="git", options=lambda stage: ["--repository", str(stage.project)], needs="git"),
    Server(name="sqlite", options=lambda stage: ["--db-path", str(stage.books)]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, made with what earlier ones answered."""

    source: str
    """Made only where this was added."""
    tool: str
    arguments: Callable[[Stage, Mapping[str, Any]], Mapping[str, Any]]
    keep: Mapping[str, str] = field(default_factory=dict)
    """Keys of the answer to remember, by the name under which later calls find them."""
    quiet: bool = False
    """Told in one line: it only prepares the next one."""


def _order(_: Stage, __: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"customer": "A Reader", "lines": [{"isbn": "9780141439587", "quantity": 2}], "gift": True}


CALLS = (
    Call(
        source="time",
        tool="time__convert_time",
        arguments=lambda *_: {"source_timezone": "Europe/London", "time": "12:00", "target_timezone": "Asia/Tokyo"},
    ),
    Call(
        source="git",
        tool="git__git_log",
        arguments=lambda stage, _: {"repo_path": str(stage.project), "max_count": 2},
    ),
    Call(
        source="sqlite",
        tool="sqlite__read_query",
        arguments=lambda *_: {
            "query": "SELECT author, sum(sold) AS sold FROM books GROUP BY author ORDER BY sold DESC"
        },
    ),
    Call(source="orders", tool="orders__placeOrder", arguments=_order, keep={"order": "id"}),
    Call(source="orders", tool="orders__getOrder", arguments=lambda _, known: {"orderId": known["order"]}),
    Call(source="aws", tool="s3__CreateBucket", arguments=lambda *_: _bucket(), quiet=True),
    Call(
        source="aws",
        tool="s3__PutObject",
        arguments=lambda *_: {"Bucket": BUCKET, "Key": "shelf/emma.txt", "Body": "A banyan lets down roots."},
        quiet=True,
    ),
    Call(source="aws", tool="s3__ListObjectsV2", arguments=lambda *_: {"Bucket": BUCKET}),
    Call(
        source="aws",
        tool="sqs__CreateQueue",
        arguments=lambda *_: {"QueueName": QUEUE},
        keep={"queue": "QueueUrl"},
        quiet=True,
    ),
    Call(
        source="aws",
        tool="sqs__SendMessage",
        arguments=lambda _, known: {"QueueUrl": known["queue"], "MessageBody": "two copies of Emma"},
        quiet=True,
    ),
    Call(source="aws", tool="sqs__ReceiveMessage", arguments=lambda _, known: {"QueueUrl": known["queue"]}),
)


def _bucket() -> Mapping[str, Any]:
    return {"Bucket": BUCKET, "CreateBucketConfiguration": {"LocationConstraint": REGION}}


def small_sources(stage: Stage, ready: list[Server], services: Services) -> dict[str, dict[str, Any]]:
    """Return the configuration of the sources that are listed within seconds, by name."""
    found: dict[str, dict[str, Any]] = {
        one.name: {"command": [str(install(one.name, SERVERS)), *one.options(stage)]} for one in ready
    }
    found["orders"] = {
        "openapi": str(DOCUMENT),
        "base_url": services.orders,
        "credentials": {"shopKey": f"${{{SHOP_KEY}}}"},
    }
    return found


def large_sources(services: Services, *, everything: bool) -> dict[str, dict[str, Any]]:
    """Return the configuration of AWS and Google, by name; of both only a little unless it is `everything`."""
    found: dict[str, dict[str, Any]] = {"google": {"google": [] if everything else ["calendar", "gmail", "sheets"]}}
    if services.aws is not None:
        found["aws"] = {
            "aws": [] if everything else ["s3", "sqs"],
            "region": REGION,
            "endpoint_url": services.aws,
            "credentials": {"access_key_id": f"${{{AWS_KEY}}}", "secret_access_key": f"${{{AWS_SECRET}}}"},
        }
    return found
