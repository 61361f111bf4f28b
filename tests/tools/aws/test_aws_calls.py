"""Operations called for real: against moto, which speaks as AWS does, and against servers that fail."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest

from banyan.core.call import Category, RawResult
from banyan.core.errors import CallFailed, SecretMissing
from banyan.core.ids import SourceName, ToolName
from banyan.core.tool import Tool
from banyan.testing.backend import ScriptedCaller
from banyan.tools.aws import AwsBackend, AwsLimits
from tests.tools.aws.conftest import Make
from tests.tools.aws.test_aws_listing import read

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def tool(service: str, operation: str) -> Tool:
    spec = read(service)[operation]
    name = ToolName(f"{service}__{operation}")
    return Tool(name=name, source=SourceName("aws"), spec=spec, digest=spec.digest, changed_at=NOW)


@dataclass
class Aws:
    """Calls operations by name."""

    backend: AwsBackend
    tools: dict[str, Tool] = field(default_factory=dict)

    async def raw(self, name: str, timeout_s: float = 20, **arguments: Any) -> RawResult:
        service, _, operation = name.partition(".")
        if name not in self.tools:
            self.tools[name] = tool(service, operation)
        return await self.backend.call(self.tools[name], arguments, timeout_s=timeout_s, caller=ScriptedCaller())

    async def __call__(self, name: str, **arguments: Any) -> Any:
        return (await self.raw(name, **arguments)).structured

    async def failure(self, name: str, **arguments: Any) -> CallFailed:
        with pytest.raises(CallFailed) as caught:
            await self.raw(name, **arguments)
        return caught.value


@pytest.fixture
async def aws(moto: str, make: Make) -> AsyncIterator[Aws]:
    backend = make(endpoint_url=moto)
    yield Aws(backend)
    await backend.aclose()


@pytest.mark.slow
async def test_an_object_goes_into_s3_and_comes_back_as_it_was(aws: Aws) -> None:
    await aws("s3.CreateBucket", Bucket="round")
    for key, body in {"a b/ü+?.txt": "grüße", "bytes": {"base64": "AAECAwT/"}, "empty": ""}.items():
        await aws("s3.PutObject", Bucket="round", Key=key, Body=body, Metadata={"k": "v"})
        found = await aws("s3.GetObject", Bucket="round", Key=key)
        assert (found["Body"], found["Metadata"]) == (body, {"k": "v"})
        datetime.fromisoformat(found["LastModified"])
    assert "ResponseMetadata" not in found
    first = await aws.raw("s3.ListObjectsV2", Bucket="round", MaxKeys=2)
    assert [one["Key"] for one in first.structured["Contents"]] == ["a b/ü+?.txt", "bytes"]
    (note,) = first.notes
    assert '{"ContinuationToken":' in note
    token = first.structured["NextContinuationToken"]
    rest = await aws.raw("s3.ListObjectsV2", Bucket="round", MaxKeys=2, ContinuationToken=token)
    assert ([one["Key"] for one in rest.structured["Contents"]], rest.notes) == (["empty"], ())
    await aws("s3.DeleteObject", Bucket="round", Key="empty")
    assert (await aws.failure("s3.GetObject", Bucket="round", Key="empty")).category is Category.NOT_FOUND


async def test_a_body_beyond_the_cap_is_cut_between_characters_and_noted(moto: str, make: Make) -> None:
    aws = Aws(make(endpoint_url=moto, limits=AwsLimits(body_bytes=1_000)))
    await aws("s3.CreateBucket", Bucket="large")
    await aws("s3.PutObject", Bucket="large", Key="k", Body="x" + "ü" * 5_000)
    found = await aws.raw("s3.GetObject", Bucket="large", Key="k")
    assert found.structured["Body"] == "x" + "ü" * 499
    assert found.notes == ("the body was cut after 1,000 bytes",)
    await aws.backend.aclose()


@pytest.mark.slow
async def test_a_message_goes_through_sqs_with_its_attributes(aws: Aws) -> None:
    url = (await aws("sqs.CreateQueue", QueueName="round"))["QueueUrl"]
    attributes = {
        "text": {"DataType": "String", "StringValue": "a"},
        "bytes": {"DataType": "Binary", "BinaryValue": {"base64": "AP8="}},
    }
    await aws("sqs.SendMessage", QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    got = await aws("sqs.ReceiveMessage", QueueUrl=url, MessageAttributeNames=["All"])
    (message,) = got["Messages"]
    assert (message["Body"], message["MessageAttributes"]) == ("hello", attributes)
    await aws("sqs.DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    missing = await aws.failure("sqs.SendMessage", QueueUrl=f"{url}-none", MessageBody="x")
    assert (missing.category, missing.sent) == (Category.NOT_FOUND, True)


@pytest.mark.slow
async def test_an_item_goes_into_dynamodb_and_comes_back_as_it_was(aws: Aws) -> None:
    await aws(
        "dynamodb.CreateTable",
        TableName="round",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {
        "id": {"S": "1"},
        "n": {"N": "1.50"},
        "bytes": {"B": {"base64": "/wA="}},
        "deep": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"SS": ["a"]}]}}},
    }
    await aws("dynamodb.PutItem", TableName="round", Item=item)
    assert (await aws("dynamodb.GetItem", TableName="round", Key={"id": {"S": "1"}}))["Item"] == item
    again = await aws.failure(
        "dynamodb.PutItem", TableName="round", Item=item, ConditionExpression="attribute_not_exists(id)"
    )
    assert again.category is Category.UPSTREAM
    assert again.message.startswith("ConditionalCheckFailedException: ")


async def test_a_call_names_its_region_and_else_gets_the_configured_one(aws: Aws) -> None:
    for region in ("eu-west-1", "eu-west-2"):
        await aws("sqs.CreateQueue", QueueName=f"in-{region}", aws_region=region)
    there = await aws("sqs.ListQueues", aws_region="eu-west-2")
    assert [url.rsplit("/", 1)[1] for url in there["QueueUrls"]] == ["in-eu-west-2"]
    assert not any("in-eu" in url for url in (await aws("sqs.ListQueues")).get("QueueUrls", []))
    assert aws.backend.status()["clients"] == 3


async def test_a_region_that_is_no_name_reaches_no_server(aws: Aws) -> None:
    failure = await aws.failure("sqs.ListQueues", aws_region="evil.example/#")
    assert (failure.category, failure.sent) == (Category.BAD_VALUE, False)


async def test_clients_are_kept_up_to_their_number(moto: str, make: Make) -> None:
    aws = Aws(make(endpoint_url=moto, limits=AwsLimits(clients=2)))
    for region in ("us-east-1", "us-east-2", "us-west-1"):
        await aws("sqs.ListQueues", aws_region=region)
    assert aws.backend.status()["clients"] == 2
    await aws.backend.aclose()
    await aws.backend.aclose()


async def test_bad_base64_is_refused_before_anything_is_sent(make: Make) -> None:
    aws = Aws(make(endpoint_url="http://127.0.0.1:9"))
    failure = await aws.failure("s3.PutObject", Bucket="b", Key="k", Body={"base64": "not base64!"})
    assert (failure.category, failure.sent) == (Category.BAD_VALUE, False)


async def test_an_operation_that_this_botocore_lacks_says_to_list_anew(make: Make) -> None:
    known = tool("sqs", "ListQueues")
    object.__setattr__(known.spec, "upstream_name", "NoLongerThere")
    with pytest.raises(CallFailed, match="knows no `NoLongerThere`") as caught:
        await make().call(known, {}, timeout_s=5, caller=ScriptedCaller())
    assert (caught.value.category, caught.value.sent) == (Category.NOT_FOUND, False)


# Without a region, without credentials.


async def test_a_missing_region_or_login_is_told_with_what_to_do(make: Make) -> None:
    nowhere = await Aws(make(region=None)).failure("sqs.ListQueues")
    assert (nowhere.category, nowhere.sent) == (Category.AUTH, False)
    assert "--region" in str(nowhere.fix)
    nobody = await Aws(make(credentials=None)).failure("sqs.ListQueues")
    assert (nobody.category, nobody.sent) == (Category.AUTH, False)
    profile = await Aws(make(credentials=None, profile="nobody")).failure("sqs.ListQueues")
    assert (profile.category, profile.sent) == (Category.AUTH, False)
    with pytest.raises(SecretMissing, match="LOST"):
        keys = {"access_key_id": "${LOST}", "secret_access_key": "${LOST}"}
        await Aws(make(credentials=keys)).raw("sqs.ListQueues")


async def test_what_is_missing_is_said_without_a_call(make: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = await make(region=None, credentials=None).needs()
    assert [one.what.split(":")[0] for one in needs] == ["no region is set", "there are no AWS credentials"]
    assert await make().needs() == []
    (unusable,) = await make(credentials=None, profile="nobody").needs()
    assert "nobody" in unusable.what
    folder = home / ".aws"
    folder.mkdir()
    (folder / "config").write_text("[default]\nregion = eu-west-1\n[profile shop]\ncredential_process = /no/such\n")
    assert len(await make(region=None, credentials=None).needs()) == 1
    assert await make(credentials=None, profile="shop").needs() == []
    (folder / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    assert await make(region=None, credentials=None).needs() == []


async def test_the_metadata_service_is_asked_only_where_a_person_allowed_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(NOTHING_FOUND) as server:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        await Aws(make(credentials=None)).failure("sqs.ListQueues")
        await make(credentials=None).needs()
        assert server.requests == []
        await Aws(make(credentials=None, instance_metadata=True)).failure("sqs.ListQueues")
        assert server.requests != []


# Servers that fail.

Answer = Callable[[anyio.abc.ByteStream], Awaitable[None]]


@dataclass
class Server:
    url: str
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def answering(*answers: Answer) -> AsyncIterator[Server]:
    """Answer one request after the other so, the last for all that follow; each on a connection of its own."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server = Server(f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}")

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            server.requests.append(await whole_request(stream))
            await answers[min(len(server.requests), len(answers)) - 1](stream)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield server
        group.cancel_scope.cancel()


async def whole_request(stream: anyio.abc.ByteStream) -> bytes:
    """Return head and body, however many pieces they come in."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive()
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        piece = await stream.receive()
        request, missing = request + piece, missing - len(piece)
    return request


async def hang_up(stream: anyio.abc.ByteStream) -> None:
    await stream.aclose()


async def stay_silent(stream: anyio.abc.ByteStream) -> None:
    await anyio.sleep_forever()


def answer(status: int, code: str = "", headers: str = "") -> Answer:
    async def send(stream: anyio.abc.ByteStream) -> None:
        body = b'{"__type":"x#%s","message":"in words"}' % code.encode() if code else b"{}"
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
        await stream.send(head.encode() + body)

    return send


NOTHING_FOUND = answer(404)


async def test_a_write_whose_answer_was_lost_is_not_sent_again_and_its_effect_unknown(make: Make) -> None:
    async with answering(hang_up) as server:
        failure = await Aws(make(endpoint_url=server.url)).failure(
            "sqs.SendMessage", QueueUrl=server.url, MessageBody="x"
        )
    assert (failure.category, failure.sent) == (Category.TRANSPORT, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sqs.ListQueues", {}),
        # A token tells the service that it is the same request: the SDK makes one, and keeps it.
        ("secretsmanager.CreateSecret", {"Name": "n"}),
    ],
)
async def test_what_may_be_repeated_is_sent_again_by_the_sdk(
    make: Make, name: str, arguments: Mapping[str, Any]
) -> None:
    async with answering(hang_up, answer(200)) as server:
        await Aws(make(endpoint_url=server.url))(name, **arguments)
    first, second = (one.partition(b"\r\n\r\n")[2] for one in server.requests)
    assert first == second


async def test_a_server_that_says_it_is_busy_is_asked_again(make: Make) -> None:
    async with answering(answer(503), answer(200)) as server:
        await Aws(make(endpoint_url=server.url))("sqs.SendMessage", QueueUrl=server.url, MessageBody="x")
    assert len(server.requests) == 2


async def test_silence_ends_with_the_calls_own_time(make: Make) -> None:
    async with answering(answer(200), stay_silent) as server:
        aws = Aws(make(endpoint_url=server.url))
        await aws("sqs.ListQueues")  # so that no time is spent on making the client
        began_s = time.monotonic()
        failure = await aws.failure("sqs.SendMessage", QueueUrl=server.url, MessageBody="x", timeout_s=1)
        assert time.monotonic() - began_s < 10
    assert (failure.category, failure.sent) == (Category.TIMEOUT, True)
    assert len(server.requests) == 2


async def test_where_nobody_listens_nothing_was_sent(make: Make) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    await listener.aclose()
    aws = Aws(make(endpoint_url=f"http://127.0.0.1:{port}"))
    failure = await aws.failure("sqs.SendMessage", QueueUrl="http://q", MessageBody="x")
    assert (failure.category, failure.sent) == (Category.TRANSPORT, False)


@pytest.mark.parametrize(
    ("status", "code", "category"),
    [
        (400, "ValidationException", Category.BAD_VALUE),
        (400, "ExpiredTokenException", Category.AUTH),
        (400, "ResourceNotFoundException", Category.NOT_FOUND),
        (400, "ResourceInUseException", Category.UPSTREAM),
        (403, "AccessDeniedException", Category.AUTH),
        (403, "SomethingElse", Category.AUTH),
        (404, "SomethingElse", Category.NOT_FOUND),
        (409, "SomethingElse", Category.UPSTREAM),
        (418, "SomethingElse", Category.BAD_VALUE),
        (501, "SomethingElse", Category.UPSTREAM),
    ],
)
async def test_each_refusal_has_its_category(make: Make, status: int, code: str, category: Category) -> None:
    async with answering(answer(status, code)) as server:
        failure = await Aws(make(endpoint_url=server.url)).failure("dynamodb.ListTables")
    assert (failure.category, failure.message) == (category, f"{code}: in words")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "code", "category"),
    [(400, "ThrottlingException", Category.RATE_LIMITED), (500, "InternalError", Category.UPSTREAM)],
)
async def test_a_refusal_that_may_pass_is_told_once_the_sdk_gives_up(
    make: Make, status: int, code: str, category: Category
) -> None:
    async with answering(answer(status, code)) as server:
        failure = await Aws(make(endpoint_url=server.url)).failure("athena.ListWorkGroups")
    assert failure.category is category
    assert len(server.requests) > 1
