"""Operations as tools: their names, arguments, bindings and effects."""

from __future__ import annotations

from typing import Any

import pytest

from banyan.core.names import wire_name
from banyan.core.tool import EffectKind
from banyan.tools.openapi.binding import (
    Binding,
    BodyBinding,
    BodyKind,
    FieldBinding,
    ParameterBinding,
    Place,
    SchemeBinding,
    SchemeKind,
    ServerBinding,
    Style,
)
from banyan.tools.openapi.body import FILE
from tests.tools.openapi.reading import binding_of, document, spec_of, specs, taking


def names(**paths: Any) -> list[str]:
    return list(specs(document(paths=paths)))


def test_operations_are_called_as_the_document_calls_them() -> None:
    found = document(paths={"/a": {"get": {"operationId": "listThings"}, "post": {"operationId": " make\n thing "}}})
    assert list(specs(found)) == ["listThings", "make thing"]


def test_without_a_name_method_and_path_make_one() -> None:
    found = document(
        paths={
            "/v1/users/{user-id}/posts.json": {"get": {}, "post": {"operationId": ""}},
            "/": {"get": {"operationId": 7}},
        }
    )
    assert list(specs(found)) == ["get_v1_users_by_user_id_posts_json", "post_v1_users_by_user_id_posts_json", "get"]


def test_of_two_operations_with_one_name_the_second_is_called_by_its_path() -> None:
    found = document(
        paths={
            "/a": {"get": {"operationId": "x"}},
            "/b": {"get": {"operationId": "x"}},
            "/c/": {"get": {}},
            "/c": {"get": {}},
        }
    )
    read = list(specs(found))
    assert read[:3] == ["x", "get_b", "get_c"]
    assert read[3].startswith("get_c_")
    assert len(set(read)) == 4


def test_a_long_name_is_cut_and_stays_unique() -> None:
    read = list(specs(document(paths={f"/{n}": {"get": {"operationId": "x" * 500 + str(n)}} for n in range(3)})))
    assert len(set(read)) == 3
    assert {len(one) for one in read} == {120}


def test_names_become_wire_names() -> None:
    read = names(**{"/a/{b}": {"get": {}}, "/ü": {"get": {"operationId": "größe holen"}}})
    assert all(wire_name("shop", one, ()) for one in read)


def test_paths_that_differ_in_their_query_are_operations_too() -> None:
    found = document(
        paths={"/a": {"get": {"operationId": "plain"}}},
        **{"x-ms-paths": {"/a?comp=list&restype": {"get": {"operationId": "list"}}}},
    )
    binding = binding_of(specs(found)["list"])
    assert (binding.path, binding.query) == ("/a", (("comp", "list"), ("restype", "")))


def test_an_operation_says_what_it_is() -> None:
    spec = spec_of(
        {
            "operationId": "make",
            "summary": "Make a thing.",
            "description": "It takes <b>long</b>.\r\n\r\n\r\n\r\nVery.",
            "tags": ["Things", 5, "Things", "New\u200b things"],
            "deprecated": True,
        }
    )
    assert spec.server == "shop"
    assert spec.title == "Make a thing."
    assert spec.description == "Deprecated. Make a thing.\n\nIt takes long.\n\nVery."
    assert spec.tags == ("Things", "New  things")


def test_a_summary_that_the_description_repeats_stands_once() -> None:
    spec = spec_of({"summary": "Make a thing", "description": "Make a thing. Then another."})
    assert spec.description == "Make a thing. Then another."


def test_a_long_description_is_cut() -> None:
    spec = spec_of({"description": "word " * 10_000, "summary": "s" * 10_000})
    assert len(spec.description) < 4_300
    assert len(spec.title) == 200


@pytest.mark.parametrize(
    ("method", "kind", "repeatable"),
    [
        ("get", EffectKind.READ_ONLY, True),
        ("head", EffectKind.READ_ONLY, True),
        ("options", EffectKind.READ_ONLY, True),
        ("trace", EffectKind.READ_ONLY, True),
        ("put", EffectKind.WRITES, True),
        ("post", EffectKind.WRITES, False),
        ("patch", EffectKind.WRITES, False),
        ("delete", EffectKind.DESTRUCTIVE, True),
    ],
)
def test_effects_are_guessed_by_method(method: str, kind: EffectKind, repeatable: bool) -> None:
    (spec,) = specs(document(paths={"/a": {method: {}}})).values()
    assert (spec.effects.kind, spec.effects.repeatable, spec.effects.guessed) == (kind, repeatable, True)
    assert binding_of(spec).method == method.upper()


def test_an_operations_parameters_win_over_its_paths() -> None:
    item = {
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "schema": {"type": "string"}},
        ],
        "get": {"operationId": "a", "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}}]},
    }
    spec = specs(document(paths={"/a/{id}": item}))["a"]
    assert spec.input_schema == {
        "type": "object",
        "properties": {"id": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["id"],
        "additionalProperties": False,
    }


def test_parameters_are_bound_to_their_places_and_styles() -> None:
    spec = spec_of(
        {
            "parameters": [
                {"name": "id", "in": "path", "style": "matrix", "explode": True, "schema": {"type": "array"}},
                {"name": "q", "in": "query", "required": True, "allowReserved": True, "schema": {"type": "string"}},
                {"name": "ids", "in": "query", "style": "pipeDelimited", "schema": {"type": "array"}},
                {"name": "flat", "in": "query", "explode": False, "schema": {"type": "array"}},
                {"name": "deep", "in": "query", "style": "deepObject", "explode": True, "schema": {"type": "object"}},
                {"name": "wrong", "in": "header", "style": "deepObject", "schema": {"type": "object"}},
                {"name": "json", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
                {"name": "sid", "in": "cookie", "schema": {"type": "string"}},
                {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
                {"name": "content-type", "in": "header", "schema": {"type": "string"}},
                {"name": "nowhere", "in": "path", "required": True, "schema": {"type": "string"}},
                {"name": "odd", "in": "body"},
                {"in": "query"},
                "nonsense",
            ]
        },
        path="/a/{id}/{undeclared}",
    )

    def one(name: str, place: Place, style: Style, **more: Any) -> ParameterBinding:
        return ParameterBinding(name=name, argument=name, place=place, style=style, **more)

    assert binding_of(spec).parameters == (
        one("undeclared", Place.PATH, Style.SIMPLE, required=True),
        one("id", Place.PATH, Style.MATRIX, explode=True, required=True),
        one("q", Place.QUERY, Style.FORM, explode=True, required=True, allow_reserved=True),
        one("ids", Place.QUERY, Style.PIPE),
        one("flat", Place.QUERY, Style.FORM),
        one("deep", Place.QUERY, Style.DEEP, explode=True),
        one("wrong", Place.HEADER, Style.SIMPLE),
        one("json", Place.QUERY, Style.FORM, explode=True, media_type="application/json"),
        one("sid", Place.COOKIE, Style.FORM, explode=True),
    )
    assert spec.input_schema["required"] == ["undeclared", "id", "q"]


def test_parameters_of_one_name_are_told_apart_by_their_place() -> None:
    spec = spec_of(
        {
            "parameters": [
                {"name": "id", "in": "path", "schema": {"type": "string"}},
                {"name": "id", "in": "query", "schema": {"type": "integer"}},
            ],
            **taking({"type": "object", "required": ["id"], "properties": {"id": {"type": "boolean"}}}),
        },
        path="/a/{id}",
    )
    kinds = {name: one.get("type") for name, one in spec.input_schema["properties"].items()}
    assert kinds == {"id": "string", "query_id": "integer", "body": "object"}
    assert [(one.name, one.argument) for one in binding_of(spec).parameters] == [("id", "id"), ("id", "query_id")]
    assert binding_of(spec).body == BodyBinding(
        kind=BodyKind.JSON, media_type="application/json", argument="body", required=True
    )


def test_parameters_of_the_old_dialect_say_themselves_what_they_take() -> None:
    operation = {
        "parameters": [
            {"name": "id", "in": "path", "type": "integer", "required": True, "description": "Which"},
            {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"},
            {"name": "names", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "tsv"},
            {"name": "plain", "in": "query", "type": "array", "items": {"type": "string"}},
        ]
    }
    spec = spec_of(operation, "2.0", path="/a/{id}")
    assert spec.input_schema["properties"]["id"] == {"description": "Which", "type": "integer"}
    assert [(one.style, one.explode) for one in binding_of(spec).parameters] == [
        (Style.SIMPLE, False),
        (Style.FORM, True),
        (Style.TAB, False),
        (Style.FORM, False),
    ]


def test_members_of_a_json_body_are_arguments() -> None:
    base = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    whole = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"size": {"type": "integer"}}}]}
    spec = spec_of(taking(whole), components={"schemas": {"Base": base}})
    assert spec.input_schema == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    assert binding_of(spec).body == BodyBinding(
        kind=BodyKind.JSON,
        media_type="application/json",
        fields=(FieldBinding(name="name", argument="name"), FieldBinding(name="size", argument="size")),
        required=True,
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "string"},
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"oneOf": [{"type": "object", "properties": {"a": {}}}, {"type": "object", "properties": {"b": {}}}]},
    ],
)
def test_a_body_that_is_more_than_its_members_is_one_argument(schema: dict[str, Any]) -> None:
    spec = spec_of(taking(schema))
    assert list(spec.input_schema["properties"]) == ["body"]
    assert spec.input_schema["required"] == ["body"]
    body = binding_of(spec).body
    assert body is not None
    assert (body.argument, body.fields) == ("body", ())


def test_an_optional_body_has_all_it_needs_or_is_not_there() -> None:
    schema = {"type": "object", "required": ["a", "b"], "properties": {"a": {}, "b": {}, "c": {}}}
    spec = spec_of(taking(schema, required=False))
    assert "required" not in spec.input_schema
    assert spec.input_schema["dependentRequired"] == {"a": ["b"], "b": ["a"], "c": ["a", "b"]}


def test_an_empty_optional_body_is_none() -> None:
    empty = {"type": "object", "properties": {}}
    assert binding_of(spec_of(taking(empty, required=False))).body is None
    assert binding_of(spec_of(taking(empty))).body == BodyBinding(
        kind=BodyKind.JSON, media_type="application/json", required=True
    )


@pytest.mark.parametrize(
    ("offered", "chosen", "kind"),
    [
        (["application/xml", "application/json", "text/plain"], "application/json", BodyKind.JSON),
        (
            ["application/json-patch+json", "application/merge-patch+json"],
            "application/merge-patch+json",
            BodyKind.JSON,
        ),
        (
            ["multipart/form-data", "application/x-www-form-urlencoded"],
            "application/x-www-form-urlencoded",
            BodyKind.FORM,
        ),
        (["application/vnd.api+json; version=1"], "application/vnd.api+json", BodyKind.JSON),
        (["application/x-ndjson"], "application/x-ndjson", BodyKind.JSON_LINES),
        (["application/octet-stream", "text/csv"], "text/csv", BodyKind.TEXT),
        (["image/png"], "image/png", BodyKind.BINARY),
        (["*/*"], "application/json", BodyKind.JSON),
    ],
)
def test_of_several_media_types_the_best_is_chosen(offered: list[str], chosen: str, kind: BodyKind) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    content = {one: {"schema": schema} for one in offered}
    body = binding_of(spec_of({"requestBody": {"content": content}})).body
    assert body is not None
    assert (body.media_type, body.kind) == (chosen, kind)


def test_no_usable_media_type_is_no_body() -> None:
    assert binding_of(spec_of({"requestBody": {"content": {"bad\r\nX-Evil: 1": {}}}})).body is None


def test_files_of_a_form_are_files() -> None:
    schema = {
        "type": "object",
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "The picture"},
            "more": {"type": "array", "items": {"type": "string", "format": "binary"}},
            "meta": {"type": "object"},
            "ids": {"type": "array", "items": {"type": "string"}},
        },
    }
    encoding = {"file": {"contentType": "image/png, image/jpeg"}, "ids": {"style": "pipeDelimited", "explode": False}}
    spec = spec_of(taking(schema, "multipart/form-data", encoding=encoding))
    body = binding_of(spec).body
    assert body is not None
    assert body.kind is BodyKind.MULTIPART
    assert body.fields == (
        FieldBinding(name="file", argument="file", binary=True, media_type="image/png"),
        FieldBinding(name="more", argument="more", binary=True),
        FieldBinding(name="meta", argument="meta"),
        FieldBinding(name="ids", argument="ids", style=Style.PIPE, explode=False),
    )
    properties = spec.input_schema["properties"]
    assert properties["file"]["anyOf"] == FILE["anyOf"]
    assert properties["file"]["description"].startswith("The picture")
    assert properties["more"] == {"type": "array", "items": FILE}


def test_forms_of_the_old_dialect_are_read_from_their_parameters() -> None:
    operation = {
        "consumes": ["application/x-www-form-urlencoded"],
        "parameters": [
            {"name": "name", "in": "formData", "type": "string", "required": True},
            {
                "name": "tags",
                "in": "formData",
                "type": "array",
                "items": {"type": "string"},
                "collectionFormat": "multi",
            },
        ],
    }
    body = binding_of(spec_of(operation, "2.0")).body
    assert body == BodyBinding(
        kind=BodyKind.FORM,
        media_type="application/x-www-form-urlencoded",
        fields=(FieldBinding(name="name", argument="name", explode=False), FieldBinding(name="tags", argument="tags")),
        required=True,
    )
    operation["parameters"].append({"name": "file", "in": "formData", "type": "file"})  # type: ignore[attr-defined]
    spec = spec_of(operation, "2.0")
    body = binding_of(spec).body
    assert body is not None
    assert (body.kind, body.fields[-1].binary) == (BodyKind.MULTIPART, True)
    assert spec.input_schema["required"] == ["name"]


def test_servers_are_the_nearest() -> None:
    paths = {
        "/a": {"get": {"operationId": "a"}},
        "/b": {"servers": [{"url": "https://b.example.com"}], "get": {"operationId": "b"}},
        "/c": {
            "servers": [{"url": "https://b.example.com"}],
            "get": {
                "operationId": "c",
                "servers": [{"url": "https://{region}.example.com", "variables": {"region": {"default": "eu"}}}],
            },
        },
    }
    read = {name: binding_of(spec) for name, spec in specs(document(paths=paths, servers=[{"url": "/v2"}])).items()}
    assert read["a"].servers == (ServerBinding(url="https://api.example.com/v2"),)
    assert read["b"].servers == (ServerBinding(url="https://b.example.com"),)
    assert read["c"].servers == (ServerBinding(url="https://{region}.example.com", variables={"region": "eu"}),)
    assert [one.own_servers for one in read.values()] == [False, True, True]


def test_without_servers_the_documents_own_place_counts() -> None:
    assert binding_of(spec_of({})).servers == (ServerBinding(url="https://api.example.com/"),)


def test_the_old_dialect_has_host_and_schemes() -> None:
    spec = spec_of({}, "2.0", host="shop.example.com", basePath="/v1/", schemes=["http", "https"])
    assert [one.url for one in binding_of(spec).servers] == [
        "https://shop.example.com/v1",
        "http://shop.example.com/v1",
    ]
    assert [one.url for one in binding_of(spec_of({}, "2.0", basePath="/v1")).servers] == ["https://api.example.com/v1"]


SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "basic": {"type": "http", "scheme": "Basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "digest": {"type": "http", "scheme": "digest"},
    "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {"read": "Read"}}}},
    "odd": {"type": "magic"},
}


def test_security_is_bound_with_the_schemes_it_names() -> None:
    operation = {"security": [{"key": [], "basic": []}, {"oauth": ["read"]}, {"unknown": []}, {}]}
    binding = binding_of(spec_of(operation, components={"securitySchemes": SCHEMES}, security=[{"bearer": []}]))
    assert binding.security == ({"key": (), "basic": ()}, {"oauth": ("read",)}, {})
    assert binding.schemes == {
        "key": SchemeBinding(kind=SchemeKind.API_KEY, place=Place.HEADER, name="X-Key"),
        "basic": SchemeBinding(kind=SchemeKind.BASIC),
        "oauth": SchemeBinding(kind=SchemeKind.OAUTH2, token_url="https://api.example.com/token"),
    }


def test_security_of_the_document_counts_where_an_operation_says_nothing() -> None:
    given: dict[str, Any] = {"components": {"securitySchemes": SCHEMES}, "security": [{"bearer": []}]}
    assert binding_of(spec_of({}, **given)).security == ({"bearer": ()},)
    assert binding_of(spec_of({"security": []}, **given)).security == ()


def test_schemes_that_nothing_names_may_be_used() -> None:
    binding = binding_of(spec_of({}, components={"securitySchemes": {"key": SCHEMES["key"]}}))
    assert binding.security == ({"key": ()}, {})
    assert set(binding.schemes) == {"key"}


def test_schemes_of_the_old_dialect_are_known() -> None:
    definitions = {
        "basic": {"type": "basic"},
        "oauth": {"type": "oauth2", "flow": "application", "tokenUrl": "https://auth.example.com/token"},
        "login": {"type": "oauth2", "flow": "implicit", "authorizationUrl": "https://auth.example.com"},
    }
    binding = binding_of(spec_of({}, "2.0", securityDefinitions=definitions))
    assert binding.schemes == {
        "basic": SchemeBinding(kind=SchemeKind.BASIC),
        "oauth": SchemeBinding(kind=SchemeKind.OAUTH2, token_url="https://auth.example.com/token"),
        "login": SchemeBinding(kind=SchemeKind.OAUTH2),
    }


def test_the_answer_is_the_first_good_one() -> None:
    responses = {
        "default": {"content": {"application/json": {"schema": {"type": "string"}}}},
        "404": {"content": {"application/json": {"schema": {"type": "null"}}}},
        "201": {"$ref": "#/components/responses/Made"},
    }
    made = {"content": {"text/csv": {}, "application/json": {"schema": {"type": "object", "properties": {"id": {}}}}}}
    spec = spec_of({"responses": responses}, components={"responses": {"Made": made}})
    assert spec.output_schema == {"type": "object", "properties": {"id": {}}}
    assert binding_of(spec).accept == ("application/json", "text/csv")


def test_an_example_that_fits_is_kept() -> None:
    schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    operation = {"summary": "Make a thing", **taking(schema, example={"name": "chair", "unknown": 1})}
    (example,) = spec_of(operation).examples
    assert (example.text, example.arguments) == ("Make a thing", {"name": "chair"})
    assert spec_of(taking(schema, example={"name": 5})).examples == ()
    assert spec_of(taking(schema, example={"other": 5})).examples == ()


def test_what_cannot_be_read_is_quarantined_alone() -> None:
    found = document(
        paths={
            "/a": {
                "get": {"operationId": "bad", "parameters": [{"$ref": "#/nowhere"}]},
                "post": {"operationId": "good"},
            },
            "/b": {"get": "nonsense", "put": {"requestBody": {"$ref": "#/nowhere"}}},
            "/" + "c" * 3_000: {"get": {"operationId": "long"}},
            "/d": 5,
        }
    )
    read = specs(found)
    assert {name: bool(one.fault) for name, one in read.items()} == {
        "bad": True,
        "good": False,
        "get_b": True,
        "put_b": True,
        "long": True,
    }
    assert all(one.fault is None or (one.binding == {} and len(one.fault) < 200) for one in read.values())


def test_a_binding_survives_its_json() -> None:
    whole = Binding(
        method="POST",
        path="/a/{id}",
        query=(("a", "b"),),
        servers=(ServerBinding(url="https://{r}.example.com", variables={"r": "eu"}),),
        own_servers=True,
        parameters=(
            ParameterBinding(
                name="id",
                argument="path_id",
                place=Place.PATH,
                style=Style.MATRIX,
                explode=True,
                allow_reserved=True,
                required=True,
                media_type="application/json",
            ),
        ),
        body=BodyBinding(
            kind=BodyKind.MULTIPART,
            media_type="multipart/form-data",
            argument="body",
            fields=(
                FieldBinding(
                    name="f",
                    argument="g",
                    style=Style.DEEP,
                    explode=False,
                    allow_reserved=True,
                    media_type="a/b",
                    binary=True,
                ),
            ),
            required=True,
        ),
        security=({"k": (), "o": ("read",)}, {}),
        schemes={
            "k": SchemeBinding(kind=SchemeKind.API_KEY, place=Place.QUERY, name="key"),
            "o": SchemeBinding(kind=SchemeKind.OAUTH2, token_url="https://a/token"),
        },
        accept=("application/json",),
    )
    assert Binding.from_json(whole.to_json()) == whole
    plain = Binding(method="GET", path="/")
    assert plain.to_json() == {"method": "GET", "path": "/"}
    assert Binding.from_json(plain.to_json()) == plain
