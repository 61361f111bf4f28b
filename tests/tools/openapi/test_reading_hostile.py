"""Documents that nobody meant well with: read or refused, soon, and never more than that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banyan.core.errors import BadFile
from banyan.tools.faults import schema_fault
from banyan.tools.openapi.binding import Binding
from banyan.tools.openapi.check import check
from banyan.tools.openapi.document import load
from banyan.tools.openapi.operations import operations
from tests.tools.openapi.reading import document, taking

SHOP: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "https://{r}.example.com", "variables": {"r": {"default": "eu"}}}],
    "security": [{"key": []}],
    "paths": {
        "/things/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {
                "operationId": "get",
                "tags": ["a"],
                "parameters": [
                    {
                        "name": "q",
                        "in": "query",
                        "style": "form",
                        "schema": {"type": "array", "items": {"type": "string"}},
                    }
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
                },
            },
            "post": {
                "operationId": "post",
                "summary": "Post",
                **taking(
                    {"$ref": "#/components/schemas/Thing"},
                    "multipart/form-data",
                    encoding={"name": {"contentType": "a/b"}},
                ),
                "security": [{"oauth": ["x"]}],
            },
        }
    },
    "components": {
        "parameters": {"id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}},
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "enum": ["a"], "nullable": True},
                    "inner": {"oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
                },
                "discriminator": {"propertyName": "name", "mapping": {"a": "#/x"}},
            }
        },
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "k"},
            "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/t", "scopes": {}}}},
        },
    },
}
SHOP_V2: dict[str, Any] = {
    "swagger": "2.0",
    "host": "a.example.com",
    "basePath": "/v1",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "securityDefinitions": {"key": {"type": "apiKey", "in": "query", "name": "k"}},
    "paths": {
        "/a": {
            "post": {
                "parameters": [
                    {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/T"}},
                    {"name": "f", "in": "formData", "type": "file"},
                    {
                        "name": "l",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": "csv",
                    },
                ],
                "responses": {"200": {"schema": {"$ref": "#/definitions/T"}}},
            }
        }
    },
    "definitions": {"T": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(found for key, one in inner for found in places(one, (*at, key)))]


def replaced(value: Any, at: tuple[Any, ...], by: Any) -> Any:
    if not at:
        return by
    if isinstance(value, dict):
        return {key: replaced(one, at[1:], by) if key == at[0] else one for key, one in value.items()}
    return [replaced(one, at[1:], by) if key == at[0] else one for key, one in enumerate(value)]


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(
        [0, -1, 1e300, 2**63, "", "x", "\0", "#", "#/", "#/components", "#/paths/~1things~1{id}", "string"]
    ),
    lambda one: (
        st.lists(one, max_size=2) | st.dictionaries(st.sampled_from(["$ref", "type", "", "get", "a"]), one, max_size=2)
    ),
    max_leaves=4,
)


def read_all(data: bytes) -> None:
    """Read a document to the end; what comes out is sound, whatever went in."""
    try:
        found = load(data, origin="https://example.com/api.json")
    except BadFile as error:
        assert len(str(error)) < 500
        return
    for one in operations(found, server="shop"):
        assert one.spec.upstream_name
        if one.spec.fault is None:
            assert schema_fault(one.spec.input_schema) is None
            assert Binding.from_json(one.spec.binding).to_json() == one.spec.binding
        orjson.dumps(
            [one.spec.input_schema, one.spec.output_schema, one.spec.binding, one.spec.tags, one.spec.description]
        )
    orjson.dumps(check(found).to_json())


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([SHOP, SHOP_V2]), st.data())
def test_a_document_with_anything_anywhere_is_read(whole: dict[str, Any], data: st.DataObject) -> None:
    changed: Any = whole
    for _ in range(data.draw(st.integers(1, 3))):
        changed = replaced(changed, data.draw(st.sampled_from(places(changed))), data.draw(ODD))
    read_all(orjson.dumps(changed))


@settings(max_examples=100)
@given(st.data())
def test_a_document_with_bytes_gone_wrong_is_read_or_refused(data: st.DataObject) -> None:
    text = bytearray(orjson.dumps(SHOP))
    for _ in range(data.draw(st.integers(1, 5))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    read_all(bytes(text))


def one_path(operation: Any) -> dict[str, Any]:
    return {"/a": {"post": operation}}


def ref(name: object) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def doubling() -> dict[str, Any]:
    schemas: dict[str, Any] = {f"A{n}": {"allOf": [ref(f"A{n + 1}"), ref(f"A{n + 1}")]} for n in range(60)}
    return {"paths": one_path(taking(ref("A0"))), "components": {"schemas": {**schemas, "A60": {"type": "object"}}}}


def wide() -> dict[str, Any]:
    everything = {"oneOf": [ref(n) for n in range(200)]}
    return {"paths": one_path(taking(ref(0))), "components": {"schemas": {str(n): everything for n in range(200)}}}


def shared() -> dict[str, Any]:
    member = {"type": "object", "properties": {f"q{n}": {"type": "string"} for n in range(50)}}
    operation = taking({"type": "object", "properties": {f"p{n}": member for n in range(200)}})
    return {"paths": {f"/{n}": {"post": {"$ref": "#/x"}} for n in range(300)}, "x": operation}


def long_words() -> dict[str, Any]:
    words = ["<!--" * 4_000, "<a " * 4_000, "\n \t" * 4_000, "&lt;" * 4_000]
    return {"paths": {f"/{n}": {"get": {"description": words[n % 4], "summary": words[n % 4]}} for n in range(200)}}


def same_names() -> dict[str, Any]:
    return {"paths": {f"/{n}": {"get": {"operationId": "x" * 200}} for n in range(5_000)}}


def patterns() -> dict[str, Any]:
    schemas = [{"type": "string", "pattern": f"(a{{1,1000}}){{1,1000}}{{{n}}}"} for n in range(50)]
    return {
        "paths": {
            f"/{n}": {"get": {"parameters": [{"in": "query", "name": "q", "schema": one}]}}
            for n, one in enumerate(schemas)
        }
    }


def types() -> dict[str, Any]:
    content = {f"application/x-{n}": {"schema": {"type": "object"}} for n in range(500)}
    operation = {
        "requestBody": {"content": content},
        "responses": {f"2{n:04}": {"content": content} for n in range(100)},
    }
    return {"paths": {f"/{n}": {"post": {"$ref": "#/x"}} for n in range(100)}, "x": operation}


@pytest.mark.parametrize("make", [doubling, wide])
def test_a_check_that_would_not_end_is_not_offered(make: Callable[[], dict[str, Any]]) -> None:
    started_s = time.process_time()
    ((_, reason),) = check(document(**make())).quarantined
    assert time.process_time() - started_s < 15
    assert "more than 10,000 schemas" in reason


@pytest.mark.parametrize("make", [shared, long_words, same_names, patterns, types])
def test_what_grows_by_reading_is_read_soon(make: Callable[[], dict[str, Any]]) -> None:
    found = document(**make())
    started_s = time.process_time()
    report = check(found)
    assert time.process_time() - started_s < 15
    assert report.operations == report.active > 0


@pytest.mark.slow
def test_the_largest_text_of_aliases_is_refused_soon() -> None:
    text = b"openapi: 3.0.0\na: &a [x, y]\nl:\n" + b"- *a\n" * 2_000_000
    started_s = time.process_time()
    with pytest.raises(BadFile, match="aliases counted"):
        load(text, origin="api.yaml")
    assert time.process_time() - started_s < 20
