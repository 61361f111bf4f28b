"""Documents: found in any dialect, refused with a place, and read no further than was allowed."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml

from banyan.core.errors import BadFile
from banyan.tools.openapi.check import check
from banyan.tools.openapi.document import Version, load
from banyan.tools.openapi.refs import MAX_HOPS
from tests.tools.openapi.reading import document, spec_of, specs, taking

SECRET = "root:x:0:0"


@pytest.mark.parametrize(
    ("head", "version"),
    [
        ({"openapi": "3.0.3"}, Version.V30),
        ({"openapi": 3.0}, Version.V30),
        ({"openapi": "3.1.0"}, Version.V31),
        ({"openapi": "3.2.0"}, Version.V31),
        ({"swagger": "2.0"}, Version.V2),
        ({"swagger": 2.0}, Version.V2),
    ],
)
def test_a_document_says_in_which_dialect_it_is_written(head: dict[str, object], version: Version) -> None:
    whole = {**head, "info": {"title": "A", "version": 1.5}, "paths": {}}
    for data in (
        orjson.dumps(whole),
        b"\xef\xbb\xbf" + orjson.dumps(whole, option=orjson.OPT_INDENT_2),
        yaml.safe_dump(whole).encode(),
    ):
        found = load(data, origin="a.json")
        assert (found.version, found.title, found.api_version) == (version, "A", "1.5")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no OpenAPI document"),
        (b"[]", "the top is no object"),
        (b"just text", "the top is no object"),
        (b"{}", "neither `openapi` nor `swagger`"),
        (b'{"swagger": "1.2"}', r"OpenAPI `1\.2`"),
        (b'{"openapi": "4.0.0"}', r"OpenAPI `4\.0\.0`"),
        (b'{"openapi": {"a": 1}}', "OpenAPI"),
        (b'{\n"openapi": \n"3.0.0",, }', "line 3: it is no JSON"),
        (b"a: [\nb: }", "line 2: it is no YAML"),
        (b"<html><body>Not found</body></html>", "the top is no object"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no YAML"),
        (b'{"openapi":"3.0.0","x":' + b"[" * 500 + b"]" * 500 + b"}", "more than 200 levels"),
        (b"[" * 1_000_000, "no JSON"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(data: bytes, problem: str) -> None:
    with pytest.raises(BadFile, match=problem) as caught:
        load(data, origin="folder/api.yaml")
    assert "folder/api.yaml" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_references_are_followed_within_the_document() -> None:
    spec = spec_of(
        {
            "requestBody": {"$ref": "#/components/requestBodies/One"},
            "parameters": [{"$ref": "#/components/parameters/P"}],
        },
        components={
            "requestBodies": {
                "One": {"$ref": "#/components/requestBodies/Two"},
                "Two": taking({"$ref": "#/components/schemas/a~1b%20c"})["requestBody"],
            },
            "parameters": {"P": {"name": "page", "in": "query", "schema": {"$ref": "#/components/schemas/N"}}},
            "schemas": {
                "a/b c": {"type": "object", "properties": {"n": {"$ref": "#/components/schemas/N"}}},
                "N": {"type": "integer"},
            },
        },
    )
    assert spec.fault is None
    assert spec.input_schema["properties"] == {"page": {"$ref": "#/$defs/N"}, "n": {"$ref": "#/$defs/N"}}
    assert spec.input_schema["$defs"] == {"N": {"type": "integer"}}


def test_a_reference_passes_through_others_on_its_way() -> None:
    spec = spec_of(
        taking({"type": "object", "properties": {"n": {"$ref": "#/components/schemas/A/properties/x"}}}),
        components={
            "schemas": {"A": {"$ref": "#/components/schemas/B"}, "B": {"properties": {"x": {"type": "integer"}}}}
        },
    )
    (definition,) = spec.input_schema["$defs"].values()
    assert definition == {"type": "integer"}


def test_a_path_may_be_a_reference() -> None:
    found = document(paths={"/a": {"$ref": "#/x-items/One"}}, **{"x-items": {"One": {"get": {"operationId": "one"}}}})
    assert list(specs(found)) == ["one"]


REFUSED = [
    "file:///etc/passwd",
    "/etc/passwd",
    "../../../../../../etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..\\..\\etc\\passwd",
    "//169.254.169.254/latest/meta-data",
    "http://169.254.169.254/latest/meta-data#/a",
    "https://example.com/schemas.json#/A",
    "sub/../../outside.yaml",
    "link.yaml",
    "C:/windows/win.ini",
    "nul\0.yaml",
]


@pytest.mark.parametrize(
    ("reference", "allowed"), [("other.yaml#/A", ()), *((one, globs) for one in REFUSED for globs in ((), ("*",)))]
)
def test_nothing_outside_is_read_through_a_reference(tmp_path: Path, reference: str, allowed: tuple[str, ...]) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (tmp_path / "outside.yaml").write_text(f"description: {SECRET}")
    (folder / "link.yaml").symlink_to("/etc/passwd")
    (folder / "other.yaml").write_text(f"A: {{description: '{SECRET}'}}")
    whole = {
        "openapi": "3.0.0",
        "paths": {
            "/schema": {
                "post": {
                    "operationId": "schema",
                    **taking({"type": "object", "properties": {"a": {"$ref": reference}}}),
                }
            },
            "/parameter": {"get": {"operationId": "parameter", "parameters": [{"$ref": reference}]}},
            "/body": {"post": {"operationId": "body", "requestBody": {"$ref": reference}}},
            "/path": {"$ref": reference},
        },
    }
    found = load(orjson.dumps(whole), origin=str(folder / "api.json"), allow_refs=allowed)
    read = specs(found)
    assert read["schema"].input_schema["properties"]["a"] == {
        "$comment": "left out: the reference could not be followed"
    }
    assert "cannot be read" in (read["parameter"].fault or "")
    assert "cannot be read" in (read["body"].fault or "")
    assert set(read) == {"schema", "parameter", "body"}
    told = orjson.dumps([check(found).to_json(), [one.input_schema for one in read.values()]]).decode()
    assert "root:" not in told
    assert "is not" in told


def test_files_below_the_document_are_read_where_they_were_allowed(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "paths").mkdir()
    (tmp_path / "paths" / "thing.yaml").write_text(
        "post:\n  operationId: make\n  requestBody:\n    required: true\n    content:\n      application/json:\n"
        "        schema: {$ref: '../schemas/thing.yaml'}\n"
    )
    (tmp_path / "schemas" / "thing.yaml").write_text(
        "type: object\nproperties:\n  size: {$ref: 'size.yaml#/Size'}\n  more: {$ref: '#'}\n"
    )
    (tmp_path / "schemas" / "size.yaml").write_text("Size: {type: integer, minimum: 1}")
    whole = {"openapi": "3.0.0", "paths": {"/thing": {"$ref": "paths/thing.yaml"}}}
    found = load(orjson.dumps(whole), origin=str(tmp_path / "api.json"), allow_refs=["paths/*", "schemas/*"])
    spec = specs(found)["make"]
    assert list(spec.input_schema["properties"]) == ["size", "more"]
    assert {"type": "integer", "minimum": 1} in spec.input_schema["$defs"].values()
    assert found.notes.all() == ()
    narrower = load(orjson.dumps(whole), origin=str(tmp_path / "api.json"), allow_refs=["paths/*"])
    assert list(specs(narrower)["make"].input_schema["properties"]) == ["body"]
    assert any("thing.yaml" in note and "not allowed" in note for note in narrower.notes.all())


def test_files_are_not_read_for_a_document_from_elsewhere() -> None:
    whole = {"openapi": "3.0.0", "paths": {"/a": {"$ref": "etc/passwd"}}}
    found = load(orjson.dumps(whole), origin="https://example.com/", allow_refs=["*"])
    assert specs(found) == {}
    assert "outside of the document" in found.notes.all()[0]


def test_references_in_circles_and_long_chains_let_anything_through() -> None:
    chain = {f"A{n}": {"$ref": f"#/components/schemas/A{n + 1}"} for n in range(10_000)}
    schemas = {
        **chain,
        "A10000": {"type": "object"},
        "B": {"$ref": "#/components/schemas/C"},
        "C": {"$ref": "#/components/schemas/B"},
    }
    found = document(
        paths={
            "/a": {"post": {"operationId": "chain", **taking({"$ref": "#/components/schemas/A0"})}},
            "/b": {"post": {"operationId": "circle", **taking({"$ref": "#/components/schemas/B"})}},
            "/c": {
                "post": {"operationId": "short", **taking({"$ref": f"#/components/schemas/A{10_000 - MAX_HOPS + 1}"})}
            },
        },
        components={"schemas": schemas},
    )
    read = specs(found)
    assert [one.fault for one in read.values()] == [None, None, None]
    assert any("in circles" in note for note in found.notes.all())
    assert any(f"more than {MAX_HOPS} in a row" in note for note in found.notes.all())
    assert read["short"].input_schema["$defs"] == {"A10000": {"type": "object"}}


def test_a_path_that_refers_to_itself_is_left_out_with_a_note() -> None:
    found = document(paths={"/a": {"$ref": "#/paths/~1b"}, "/b": {"$ref": "#/paths/~1a"}, "/c": {"get": {}}})
    assert list(specs(found)) == ["get_c"]
    assert any("`/a` cannot be read" in note for note in found.notes.all())


def test_notes_are_few_and_short() -> None:
    paths = {f"/{n}": {"$ref": f"#/{'x' * 10_000}/{n}"} for n in range(1_000)}
    found = document(paths=paths)
    assert specs(found) == {}
    assert len(found.notes.all()) < 100
    assert max(len(note) for note in found.notes.all()) < 300
