"""Methods as tools: schemas of today, bounded whatever the document says."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import orjson
import pytest

from banyan.core.tool import EffectKind, ToolSpec
from banyan.tools.google import library
from banyan.tools.google.methods import tools
from banyan.tools.google.schemas import CLOSURE_BYTES, Definitions, convert
from banyan.tools.replay import KEY_ARGUMENT

FAMILIES = library.families(library.folder())


def validator(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(dict(schema), validate_formats=True, offline=True)


def document(method: dict[str, Any], schemas: dict[str, Any] | None = None) -> dict[str, Any]:
    one = {"id": "api.things.do", "path": "v1/things", "httpMethod": "POST"} | method
    things = {"methods": {"do": one}}
    return {"rootUrl": "https://api.googleapis.com/", "resources": {"things": things}, "schemas": schemas or {}}


def only(method: dict[str, Any], schemas: dict[str, Any] | None = None) -> ToolSpec:
    (found,) = tools([document(method, schemas)], "api")
    return found


def real(api: str, name: str) -> ToolSpec:
    listed = tools([library.load(FAMILIES[api][0].path)], api)
    return next(one for one in listed if one.upstream_name == name)


def test_parameters_get_the_types_and_bounds_that_their_text_says() -> None:
    spec = only(
        {
            "parameters": {
                "id": {"type": "string", "location": "path", "required": True, "pattern": "^a/[^/]+$"},
                "many": {"type": "string", "location": "query", "repeated": True, "description": "Some."},
                "size": {"type": "integer", "location": "query", "minimum": "1", "maximum": "9", "default": "5"},
                "deep": {"type": "boolean", "location": "query", "default": "false"},
                "far": {"type": "string", "format": "int64", "location": "query", "minimum": "0"},
            }
        }
    )
    properties = spec.input_schema["properties"]
    assert properties["id"]["pattern"] == "^a/[^/]+$"
    assert properties["many"] == {"type": "array", "items": {"type": "string"}, "description": "Some."}
    assert (properties["size"]["minimum"], properties["size"]["maximum"], properties["size"]["default"]) == (1, 9, 5)
    assert properties["deep"]["default"] is False
    assert properties["far"] == {"type": "string", "format": "int64"}
    assert spec.input_schema["required"] == ["id"]
    assert "fields" in properties


def test_a_variable_of_the_path_with_a_default_may_be_left_out() -> None:
    spec = real("gmail", "users.messages.list")
    assert "userId" not in spec.input_schema.get("required", ())
    assert spec.binding["defaults"] == {"userId": "me"}


def test_what_only_the_server_sets_is_not_asked_for() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "id": {"type": "string", "readOnly": True}}}
    assert list(convert(schema)["properties"]) == ["name"]


def test_a_body_is_needed_where_something_in_it_is() -> None:
    thing = {"type": "object", "properties": {"a": {"type": "string", "description": "Required. The a."}}}
    spec = only({"request": {"$ref": "Thing"}}, {"Thing": thing})
    assert spec.input_schema["required"] == ["body"]
    loose = only({"request": {"$ref": "Thing"}}, {"Thing": {"type": "object", "properties": {}}})
    assert "required" not in loose.input_schema


def test_a_property_that_a_method_needs_is_needed_by_that_method_alone() -> None:
    thing = {"type": "object", "properties": {"a": {"type": "string", "annotations": {"required": ["api.things.do"]}}}}
    schema = only({"request": {"$ref": "Thing"}}, {"Thing": thing}).input_schema
    assert not validator(schema).is_valid({"body": {}})
    assert validator(schema).is_valid({"body": {"a": "x"}})
    other = only({"id": "api.things.other", "request": {"$ref": "Thing"}}, {"Thing": thing}).input_schema
    assert validator(other).is_valid({"body": {}})


def test_schemas_that_refer_to_themselves_stay_small_and_check_all_the_way_down() -> None:
    part = {"type": "object", "properties": {"parts": {"type": "array", "items": {"$ref": "Part"}}}}
    schema = only({"request": {"$ref": "Part"}}, {"Part": part}).input_schema
    checked = validator(schema)
    assert checked.is_valid({"body": {"parts": [{"parts": []}]}})
    assert not checked.is_valid({"body": {"parts": [{"parts": [{"parts": 1}]}]}})


def test_a_closure_is_cut_where_it_is_too_large_and_says_so() -> None:
    schemas: dict[str, Any] = {
        f"S{at}": {
            "type": "object",
            "properties": {"next": {"$ref": f"S{at + 1}"}, **{f"p{n}": {"type": "string"} for n in range(300)}},
        }
        for at in range(50)
    }
    definitions = Definitions(schemas)
    found = definitions.closure("S0")
    assert len(orjson.dumps(found)) < CLOSURE_BYTES + 2_000
    assert len(found["S0"]["properties"]) == 301
    assert any("left out" in str(one.get("description")) for one in found.values())
    body = {"$ref": "#/$defs/S0"}
    jsonschema_rs.validator_for({"type": "object", "properties": {"body": body}, "$defs": found}, offline=True)


def test_a_reference_to_nothing_allows_anything() -> None:
    thing = {"type": "object", "properties": {"a": {"$ref": "Gone"}, "b": {"$ref": "../../etc/passwd"}}}
    spec = only({"request": {"$ref": "Thing"}}, {"Thing": thing})
    assert spec.fault is None
    assert validator(spec.input_schema).is_valid({"body": {"a": 1, "b": {}}})


def test_names_leave_out_what_nearly_all_methods_are_in_unless_two_would_be_one() -> None:
    def one(method_id: str) -> dict[str, Any]:
        return {"id": method_id, "path": "x", "httpMethod": "GET"}

    ids = ["api.projects.locations.a.list", "api.projects.b.list", "api.projects.locations.b.list", "api.c.get"]
    made = {"rootUrl": "https://x/", "methods": {str(at): one(each) for at, each in enumerate(ids)}}
    assert [spec.upstream_name for spec in tools([made], "api")] == [
        "a.list",
        "projects.b.list",
        "projects.locations.b.list",
        "c.get",
    ]


def test_a_method_of_several_versions_is_taken_from_the_first() -> None:
    new = document({"id": "api.things.do", "path": "v2/things"}) | {"version": "v2"}
    old = document({"id": "api.things.do", "path": "v1/things"}) | {"version": "v1"}
    other = document({"id": "api.things.undo", "path": "v1/things"}) | {"version": "v1"}
    found = tools([new, old, other], "api")
    assert [(one.upstream_name, one.title) for one in found] == [("things.do", "api v2"), ("things.undo", "api v1")]


def test_uploads_and_downloads_show_in_the_arguments() -> None:
    assert "media" in real("drive", "files.create").input_schema["properties"]
    assert real("drive", "files.get").input_schema["properties"]["alt"]["enum"] == ["json", "media"]
    assert "alt" not in real("drive", "files.list").input_schema["properties"]


def test_what_concerns_the_protocol_is_hidden() -> None:
    hidden = {
        "alt",
        "prettyPrint",
        "key",
        "access_token",
        "oauth_token",
        "quotaUser",
        "callback",
        "uploadType",
        "$.xgafv",
    }
    assert not hidden & real("calendar", "events.list").input_schema["properties"].keys()


HOSTILE: tuple[Any, ...] = (None, 1, "x", [], {"a": 1}, [[[]]])


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "key", ["parameters", "request", "response", "scopes", "mediaUpload", "parameterOrder", "description"]
)
def test_a_method_with_nonsense_in_it_is_listed_all_the_same(key: str, value: Any) -> None:
    spec = only({key: value})
    assert spec.upstream_name == "things.do"


@pytest.mark.parametrize("value", HOSTILE)
def test_a_document_with_nonsense_in_it_has_no_tools(value: Any) -> None:
    assert tools([{"rootUrl": "https://x/", "resources": value, "methods": value, "schemas": value}], "api") == []


def test_resources_within_resources_without_end_end() -> None:
    made: dict[str, Any] = {}
    for _ in range(5_000):
        made = {"resources": {"r": made}}
    assert tools([made | {"rootUrl": "https://x/"}], "api") == []


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_every_method_of_every_document_can_be_offered_in_little_time_and_memory() -> None:
    count, kinds = 0, dict.fromkeys(EffectKind, 0)
    worst_s = 0.0
    for versions in library.chosen(FAMILIES, (), all_versions=False):
        began_s = time.perf_counter()
        listed = tools([library.load(one.path) for one in versions], versions[0].server)
        worst_s = max(worst_s, time.perf_counter() - began_s)
        assert [one.upstream_name for one in listed if one.fault] == []
        for one in listed:
            validator(one.input_schema)
            kinds[one.effects.kind] += 1
        names = {one.upstream_name for one in listed}
        assert len(names) == len(listed)
        count += len(listed)
    assert count > 15_000
    assert min(kinds.values()) > 2_000
    assert worst_s < 10


def test_the_largest_api_takes_tens_of_megabytes() -> None:
    tracemalloc.start()
    try:
        listed = tools([library.load(FAMILIES["compute"][0].path)], "compute")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(listed) > 1_000
    assert peak_bytes < 100 * 2**20


def test_a_request_that_may_come_twice_is_known_by_its_id_where_a_method_takes_one() -> None:
    given = {"parameters": {"requestId": {"type": "string", "location": "query"}}}
    assert only(given).binding[KEY_ARGUMENT] == "requestId"
    assert KEY_ARGUMENT not in only(given | {"httpMethod": "GET"}).binding
    assert KEY_ARGUMENT not in only({}).binding
    assert real("compute", "instances.insert").binding[KEY_ARGUMENT] == "requestId"
