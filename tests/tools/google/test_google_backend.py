"""Calls of Google's APIs, at a server on this machine that speaks as their documents say."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import googleapiclient.discovery_cache
import jsonschema
import pytest

import banyan
from banyan import Banyan
from banyan.core.call import Category, OutcomeKind
from banyan.core.errors import InvalidArgument, SourceUnavailable
from banyan.core.policy import MCP_POLICY
from banyan.tools.google import library
from tests.tools.google.local import Answer, Asked, Local, as_json, serving


@asynccontextmanager
async def google(api: str, answer: Callable[[Asked], Answer], **config: Any) -> AsyncIterator[tuple[Banyan, Local]]:
    with serving(answer) as local:
        async with banyan.open(watch=False) as b:
            await b.add("google", google=[api], base_url=local.url, **config)
            yield b, local


class Stated:
    """One discovery document, read as the format's description says, and by no code of ours."""

    def __init__(self, name: str) -> None:
        self.document = json.loads((library.folder() / f"{name}.json").read_text(encoding="utf-8"))

    def method(self, *path: str) -> dict[str, Any]:
        found = self.document
        for one in path[:-1]:
            found = found["resources"][one]
        return dict(found["methods"][path[-1]])

    def problems(self, method: Mapping[str, Any], asked: Asked) -> list[str]:
        """Return what is wrong with a request for `method`."""
        wrong = [] if asked.method == method["httpMethod"] else [f"method {asked.method}"]
        template = self.document["servicePath"] + method.get("flatPath", method["path"])
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape("/" + template))
        if not re.fullmatch(rf"(/upload)?{pattern}", asked.path):
            wrong.append(f"path {asked.path}")
        known = {**self.document["parameters"], **method["parameters"]}
        for name, values in asked.query.items():
            if known.get(name, {}).get("location") != "query":
                wrong.append(f"query {name}")
            elif len(values) > 1 and not known[name].get("repeated"):
                wrong.append(f"{name} repeated")
        for name, one in method["parameters"].items():
            if one.get("required") and one["location"] == "query" and name not in asked.query:
                wrong.append(f"no {name}")
        if "request" in method and asked.headers["content-type"].startswith("application/json"):
            wrong += self.body_problems(method["request"]["$ref"], json.loads(asked.body))
        return wrong

    def body_problems(self, name: str, body: Any) -> list[str]:
        """Return what is wrong with a body, by an independent validator over the document's own schemas."""
        text = json.dumps(self.document["schemas"]).replace('"$ref": "', '"$ref": "#/$defs/')
        text = re.sub(r'"(id|required|type": "any)": ?"[^"]*",? ?', "", text)
        schema = {"$defs": json.loads(text), "$ref": f"#/$defs/{name}"}
        return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(body)]


def test_the_documents_are_those_of_googles_own_client() -> None:
    assert "googleapiclient" in str(googleapiclient.discovery_cache.__path__)


async def test_a_method_is_called_as_its_document_says_and_its_answer_is_kept() -> None:
    stated = Stated("calendar.v3")
    insert = stated.method("events", "insert")

    def answer(asked: Asked) -> Answer:
        assert stated.problems(insert, asked) == []
        return as_json({"id": "e1", **json.loads(asked.body)})

    async with google("calendar", answer) as (b, local):
        event = {"summary": "Tea", "start": {"dateTime": "2026-11-20T16:00:00Z"}, "end": {"date": "2026-11-21"}}
        arguments = {"calendarId": "a b/c@example.com", "body": event, "sendUpdates": "none", "maxAttendees": 3}
        outcome = await b.call("calendar__events_insert", arguments)
        assert outcome.ok, outcome.message
        assert outcome.data == {"id": "e1", **event}
        (asked,) = local.asked
        assert asked.target.startswith("/calendar/v3/calendars/a%20b%2Fc%40example.com/events?")


async def test_a_name_of_several_segments_stays_several_segments() -> None:
    stated = Stated("pubsub.v1")
    publish = stated.method("projects", "topics", "publish")

    def answer(asked: Asked) -> Answer:
        assert stated.problems(publish, asked) == []
        return as_json({"messageIds": ["1"]})

    async with google("pubsub", answer) as (b, _):
        data = base64.b64encode(b"hello").decode()
        arguments = {"topic": "projects/p/topics/t é", "body": {"messages": [{"data": data}]}}
        outcome = await b.call("pubsub__topics_publish", arguments)
        assert outcome.data == {"messageIds": ["1"]}
        wrong = await b.call("pubsub__topics_publish", {"topic": "t", "body": {"messages": []}})
        assert wrong.category is Category.BAD_VALUE
        assert wrong.exit_status == 2


@pytest.mark.parametrize("name", ["projects/p/topics/..", "projects/../topics/t", "projects/./topics/t"])
async def test_a_name_that_leads_elsewhere_is_refused_before_it_is_sent(name: str) -> None:
    async with google("pubsub", lambda _: as_json({})) as (b, local):
        outcome = await b.call("pubsub__topics_get", {"topic": name})
        assert outcome.category is Category.BAD_VALUE
        assert local.asked == []


async def test_content_goes_up_with_what_is_said_of_it_and_comes_down_again() -> None:
    stated = Stated("drive.v3")
    kept: dict[str, bytes] = {}

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            assert stated.problems(stated.method("files", "create"), asked) == []
            assert asked.query["uploadType"] == ["multipart"]
            about, content = asked.body.split(b"\r\n\r\n", 2)[1:]
            kept["f1"] = content.rpartition(b"\r\n--")[0]
            return as_json({"id": "f1", **json.loads(about.partition(b"\r\n--")[0])})
        assert stated.problems(stated.method("files", "get"), asked) == []
        if asked.query.get("alt") == ["media"]:
            return Answer(body=kept["f1"], media_type="image/png")
        return as_json({"id": "f1"})

    picture = b"\x89PNG\r\n\x1a\n\x00\xff" * 100
    async with google("drive", answer) as (b, _):
        media = {"base64": base64.b64encode(picture).decode(), "type": "image/png"}
        up = await b.call("drive__files_create", {"body": {"name": "ä.png"}, "media": media})
        assert up.data == {"id": "f1", "name": "ä.png"}
        down = await b.call("drive__files_get", {"fileId": "f1", "alt": "media"})
        assert down.ok, down.message
        assert (down.media_type, down.size_bytes) == ("image/png", len(picture))
        assert down.handle is not None
        page = await b.read(down.handle, limit=10)
        assert base64.b64decode(page.content) == picture[:10]
        about = await b.call("drive__files_get", {"fileId": "f1"})
        assert about.data == {"id": "f1"}


async def test_content_alone_goes_up_as_it_is() -> None:
    def answer(asked: Asked) -> Answer:
        assert asked.path == "/upload/storage/v1/b/b/o"
        assert asked.query == {"name": ["n"], "uploadType": ["media"]}
        return as_json({"size": str(len(asked.body)), "type": asked.headers["content-type"]})

    async with google("storage", answer) as (b, _):
        outcome = await b.call("storage__objects_insert", {"bucket": "b", "name": "n", "media": {"text": "héllo"}})
        assert outcome.data == {"size": "6", "type": "text/plain"}


async def test_a_list_that_goes_on_says_how_to_read_on() -> None:
    def answer(asked: Asked) -> Answer:
        token = asked.query.get("pageToken")
        return as_json({"files": [{"id": "2"}]} if token else {"files": [{"id": "1"}], "nextPageToken": "t/2"})

    async with google("drive", answer) as (b, _):
        first = await b.call("drive__files_list", {"pageSize": 1})
        assert any('`pageToken` "t/2"' in note for note in first.notes)
        second = await b.call("drive__files_list", {"pageSize": 1, "pageToken": "t/2"})
        assert second.data == {"files": [{"id": "2"}]}
        assert not second.notes


def failing(status: int, code: str, message: str, reason: str = "") -> Answer:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return as_json({"error": {"code": status, "message": message, "status": code, "details": details}}, status)


ERRORS = (
    (failing(400, "INVALID_ARGUMENT", "Bad `q`"), Category.BAD_VALUE, "Bad `q`"),
    (failing(400, "FAILED_PRECONDITION", "Not empty"), Category.BAD_VALUE, "Not empty"),
    (failing(401, "UNAUTHENTICATED", "Log in"), Category.AUTH, "Log in"),
    (failing(403, "PERMISSION_DENIED", "API off", "SERVICE_DISABLED"), Category.AUTH, "API off"),
    (failing(404, "NOT_FOUND", "No such file"), Category.NOT_FOUND, "No such file"),
    (failing(429, "RESOURCE_EXHAUSTED", "Quota"), Category.RATE_LIMITED, "Quota"),
    (failing(500, "INTERNAL", "Oops"), Category.UPSTREAM, "Oops"),
    (
        as_json({"error": {"code": 403, "message": "Slow", "errors": [{"reason": "userRateLimitExceeded"}]}}, 403),
        Category.RATE_LIMITED,
        "Slow",
    ),
    (Answer(status=502, body=b"<html><title>Bad gateway</title>", media_type="text/html"), Category.UPSTREAM, "502"),
    (Answer(status=404, body=b"\xff\xfe", media_type="application/json"), Category.NOT_FOUND, "404"),
)


@pytest.mark.parametrize(("answer", "category", "text"), ERRORS)
async def test_an_error_is_told_in_googles_own_words_and_the_right_category(
    answer: Answer, category: Category, text: str
) -> None:
    async with google("drive", lambda _: answer) as (b, _):
        outcome = await b.call("drive__files_list")
        assert outcome.outcome is OutcomeKind.FAILED
        assert outcome.category is category
        assert text in (outcome.message or "")
        assert len(outcome.message or "") < 1_000


async def test_an_api_key_travels_in_a_header_and_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPS_KEY", "AIzaSyExampleExampleExampleExample000")

    def answer(asked: Asked) -> Answer:
        return as_json({"key": asked.headers["x-goog-api-key"], "target": asked.target})

    async with google("drive", answer, api_key="${MAPS_KEY}") as (b, local):
        outcome = await b.call("drive__files_list")
        assert local.asked[0].headers["x-goog-api-key"] == "AIzaSyExampleExampleExampleExample000"
        assert outcome.data == {"key": "[secret]", "target": "/drive/v3/files"}
        assert "AIza" not in str([source.config for source in await b.sources()])


async def test_an_api_key_itself_never_stands_in_the_catalogue() -> None:
    async with banyan.open(watch=False) as b:
        with suppress(InvalidArgument):
            await b.add("google", google=["drive"], api_key="AIzaSyExampleExampleExampleExample000")
        assert "AIza" not in str([source.config for source in await b.sources()])


async def test_without_credentials_the_call_says_how_to_get_them_and_nothing_is_sent() -> None:
    async with banyan.open(watch=False) as b:
        await b.add("google", google=["drive"])
        outcome = await b.call("drive__files_list")
        assert outcome.category is Category.AUTH
        assert "gcloud auth application-default login" in (outcome.fix or "")


async def test_doctor_says_that_credentials_are_missing() -> None:
    async with banyan.open(watch=False) as b:
        await b.add("google", google=["drive"])
        report = await b.doctor()
        (check,) = [one for one in report.checks if "credentials" in one.detail and one.fix]
        assert "gcloud" in str(check.fix)


async def test_an_address_of_this_machine_that_nobody_allowed_is_not_called() -> None:
    def answer(_: Asked) -> Answer:
        return Answer(status=307, headers={"Location": f"{other.url}drive/v3/files"})

    with serving(lambda _: as_json({"leaked": True})) as other:
        async with google("drive", answer) as (b, _):
            outcome = await b.call("drive__files_list")
            assert not outcome.ok
            assert other.asked == []


async def test_what_destroys_waits_for_a_person_in_an_assistant() -> None:
    async with google("drive", lambda _: as_json({})) as (b, local):
        outcome = await b.call("drive__files_delete", {"fileId": "f"}, policy=MCP_POLICY)
        assert outcome.outcome is OutcomeKind.NEEDS_APPROVAL
        assert local.asked == []


async def test_adding_again_changes_nothing_and_an_api_that_is_left_out_goes() -> None:
    async with banyan.open(watch=False) as b:
        first = await b.add("google", google=["gmail", "drive"])
        again = await b.add("google", google=["gmail", "drive"])
        assert (again.unchanged, again.touched) == (len(first.new), False)
        less = await b.add("google", google=["gmail"])
        assert len(less.gone) + less.unchanged == len(first.new)
        assert {one.server for one in await b.servers() if one.counts.get("active")} == {"gmail"}  # type: ignore[call-overload]


async def test_an_unknown_api_is_not_added() -> None:
    async with banyan.open(watch=False) as b:
        with pytest.raises(SourceUnavailable) as caught:
            await b.add("google", google=["gmial"])
        assert "`gmail`" in str(caught.value)
        assert await b.sources() == []


async def test_a_project_can_be_filled_in_and_hidden() -> None:
    presets = [{"tool": "objects.*", "argument": "bucket", "value": "mine"}]
    async with google("storage", lambda asked: as_json({"target": asked.target}), presets=presets) as (b, _):
        (described,) = await b.describe(["storage__objects_list"])
        assert "bucket" not in described.signature
        outcome = await b.call("storage__objects_list")
        assert outcome.data == {"target": "/storage/v1/b/mine/o"}
