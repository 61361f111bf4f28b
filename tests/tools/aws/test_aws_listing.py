"""AWS's operations as tools, from the real models."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import orjson
import pytest

from banyan.core.errors import SourceUnavailable
from banyan.core.ids import SourceName, ToolName
from banyan.core.ports import PartedBackend
from banyan.core.tool import Tool, ToolSpec
from banyan.testing.backend import ScriptedCaller
from banyan.tools.aws import AwsLimits
from banyan.tools.aws.effects import load_verbs
from banyan.tools.aws.models import Models
from banyan.tools.aws.operations import PAGES, REGION, SchemaLimits, operation_specs
from banyan.tools.faults import schema_fault
from banyan.tools.replay import KEY_ARGUMENT
from tests.tools.aws.conftest import Make

NEVER_CALLED = "it takes a stream of events"


def read(service: str, limits: SchemaLimits | None = None) -> dict[str, ToolSpec]:
    model, pages = Models("aws").read(service)
    return {one.upstream_name: one for one in operation_specs(service, model, pages, load_verbs(), limits)}


def test_an_operation_is_told_as_a_person_would_tell_it() -> None:
    spec = read("sqs")["SendMessage"]
    assert (spec.server, spec.title) == ("sqs", "Amazon SQS")
    assert spec.description.startswith("Delivers a message to the specified queue.")
    assert spec.input_schema["required"] == ["QueueUrl", "MessageBody"]
    assert list(spec.input_schema["properties"])[-1] == REGION
    assert "MessageId" in (spec.output_schema or {})["properties"]


def test_notices_do_not_stand_before_what_an_operation_does() -> None:
    assert read("s3")["PutObject"].description.startswith("Adds an object to a bucket.")


def test_an_operation_without_input_takes_a_region_alone() -> None:
    schema = read("sts")["GetCallerIdentity"].input_schema
    assert (list(schema["properties"]), schema.get("required"), schema["additionalProperties"]) == (
        [REGION],
        None,
        False,
    )


def test_an_operation_is_called_as_the_sdks_call_it() -> None:
    assert "CreateInvalidation" in read("cloudfront")


def test_a_deprecated_operation_says_so_and_is_tagged() -> None:
    spec = read("s3")["GetBucketNotification"]
    assert spec.tags == ("aws", "deprecated")
    assert spec.description.startswith("Deprecated. ")


def test_the_binding_says_how_to_page_and_where_a_token_goes() -> None:
    operations = read("ec2")
    assert operations["RunInstances"].binding == {KEY_ARGUMENT: "ClientToken"}
    paged = {"input": ["NextToken"], "output": ["NextToken"], "more": ""}
    assert operations["DescribeInstances"].binding == {PAGES: paged}


def test_what_the_sdks_add_to_a_model_is_there() -> None:
    assert "SourceRegion" in read("rds")["CopyDBSnapshot"].input_schema["properties"]


def test_recursive_items_of_a_table_are_checked_to_any_depth() -> None:
    valid = jsonschema_rs.validator_for(dict(read("dynamodb")["PutItem"].input_schema)).is_valid
    nested: Any = {"S": "leaf"}
    for _ in range(40):
        nested = {"M": {"inner": nested}}
    assert valid({"TableName": "t", "Item": {"k": nested}})
    assert not valid({"TableName": "t", "Item": {"k": {"M": {"inner": {"Z": "no such type"}}}}})


def test_a_schema_too_large_for_its_limit_loses_what_lies_deepest_and_still_checks_the_rest() -> None:
    whole, cut = read("mediaconvert")["CreateJob"], read("mediaconvert", SchemaLimits(input_bytes=40_000))["CreateJob"]
    size = len(orjson.dumps(cut.input_schema))
    assert size <= 40_000 < len(orjson.dumps(whole.input_schema)) <= SchemaLimits().input_bytes
    assert b"left out for its size" in orjson.dumps(cut.input_schema)
    assert cut.input_schema["required"] == whole.input_schema["required"]


def test_a_service_nobody_has_is_told_with_those_that_are_near() -> None:
    with pytest.raises(SourceUnavailable, match=r"`dynamo`.*did you mean.*`dynamodb`"):
        Models("aws").services(["s3", "dynamo"])


def test_globs_choose_services() -> None:
    assert Models("aws").services(["sq*", "sqs", "SNS"]) == ["sns", "sqs"]
    assert len(Models("aws").services(["*"])) > 400


async def test_services_are_listed_a_few_at_a_time(make: Make) -> None:
    backend = make(services=["sqs", "s3", "sts"], limits=AwsLimits(part_tools=50))
    assert isinstance(backend, PartedBackend)
    parts = [part async for part in backend.listings()]
    assert [part.servers for part in parts] == [frozenset({"s3"}), frozenset({"sqs", "sts"})]
    assert all(spec.server in (part.servers or ()) for part in parts for spec in part.tools)
    whole = await backend.listing()
    assert whole.tools == (*parts[0].tools, *parts[1].tools)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_operation_of_aws_has_schemas_that_compile_within_their_limits() -> None:
    models, verbs, limits = Models("aws"), load_verbs(), SchemaLimits()
    count, wrong, uncallable = 0, [], []
    for service in models.services(["*"]):
        for spec in operation_specs(service, *models.read(service), verbs, limits):
            count += 1
            if spec.fault is not None:
                uncallable.append(spec.fault)
                continue
            size = len(orjson.dumps(spec.input_schema))
            fault = schema_fault(spec.input_schema) or (spec.output_schema and schema_fault(spec.output_schema))
            if fault or size > limits.input_bytes or REGION not in spec.input_schema["properties"]:
                wrong.append(f"{service}.{spec.upstream_name}: {fault} {size}")
    assert wrong == []
    assert count > 19_000
    assert len(uncallable) < 20
    assert all(one.startswith(NEVER_CALLED) for one in uncallable)


PROGRAM = """
import anyio
from pathlib import Path
from banyan.core.source import Source, SourceKind
from banyan.tools.aws import AwsBackend

async def main():
    source = Source(name="aws", kind=SourceKind.AWS, config={"services": ["*"]})
    count = 0
    async for part in AwsBackend(source, secrets=None).listings():
        count += len(part.tools)
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    print(count, int(status["VmHWM"].split()[0]) // 1024)

anyio.run(main)
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
def test_all_of_aws_is_listed_in_the_memory_of_its_largest_service() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    count, peak_mib = map(int, done.stdout.split())
    assert count > 19_000
    # Their schemas together have 55 MB as JSON, and some times that as Python's objects.
    assert peak_mib < 100


async def test_without_botocore_the_extra_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, listed = make(services=["sqs"]), read("sqs")["ListQueues"]
    for name in [one for one in sys.modules if one.partition(".")[0] == "botocore"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(SourceUnavailable, match=r"banyan-agents\[aws\]"):
        await backend.listing()
    tool = Tool(name=ToolName("a"), source=SourceName("aws"), spec=listed, digest="d", changed_at=datetime.now(UTC))
    with pytest.raises(SourceUnavailable, match=r"banyan-agents\[aws\]"):
        await backend.call(tool, {}, timeout_s=5, caller=ScriptedCaller())
    (need,) = await backend.needs()
    assert "banyan-agents[aws]" in need.fix
