"""Shapes of service models as JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from banyan.tools.aws.shapes import LEFT_OUT, Budget, Texts, Unsupported, schema_of

BUDGET = Budget(first_chars=200, deep_chars=100, values=4)
STRING = {"type": "string"}


def schema(members: dict[str, Any], budget: Budget = BUDGET, /, **shapes: Any) -> dict[str, Any]:
    """Return the schema of an input with these members: shapes, or whole members."""
    whole = {name: one if "shape" in one else {"shape": f"{name}Shape"} for name, one in members.items()}
    own = {f"{name}Shape": one for name, one in members.items() if "shape" not in one}
    every = {"In": {"type": "structure", "members": whole}, "Text": STRING, **own, **shapes}
    found = schema_of("In", every, budget, Texts())
    jsonschema_rs.validator_for(found, offline=True)
    return found


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"type": "string", "min": 1, "max": 9}, {"type": "string", "minLength": 1, "maxLength": 9}),
        ({"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"type": "integer", "min": 0, "max": 5}, {"type": "integer", "minimum": 0, "maximum": 5}),
        ({"type": "long"}, {"type": "integer"}),
        ({"type": "double"}, {"type": "number"}),
        ({"type": "boolean", "box": True}, {"type": "boolean"}),
        ({"type": "timestamp", "timestampFormat": "unixTimestamp"}, {"type": "string", "format": "date-time"}),
        (
            {"type": "list", "member": {"shape": "Text"}, "max": 3},
            {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        ),
        (
            {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        ({"type": "structure", "members": {}, "document": True}, {}),
    ],
)
def test_each_type_has_its_schema(shape: dict[str, Any], expected: dict[str, Any]) -> None:
    assert schema({"x": shape})["properties"]["x"] == expected


def test_of_a_long_enumeration_some_values_are_named_and_none_is_refused() -> None:
    found = schema({"x": {"type": "string", "enum": [f"v{number}" for number in range(9)]}})["properties"]["x"]
    assert found == {"type": "string", "description": "One of 9 values, as v0, v1, v2, v3, v4"}


def test_a_blob_is_text_or_base64_by_name() -> None:
    found = jsonschema_rs.validator_for(schema({"x": {"type": "blob"}}))
    assert found.is_valid({"x": "plain text"})
    assert found.is_valid({"x": {"base64": "AAE="}})
    assert not found.is_valid({"x": {"base46": "AAE="}})


def test_a_union_has_exactly_one_member() -> None:
    union = {"type": "structure", "union": True, "members": {"a": {"shape": "Text"}, "b": {"shape": "Text"}}}
    found = jsonschema_rs.validator_for(schema({"x": union}))
    assert [found.is_valid({"x": one}) for one in ({}, {"a": "1"}, {"a": "1", "b": "2"})] == [False, True, False]


def test_a_token_that_the_sdk_makes_is_not_required_and_neither_are_unknown_members_taken() -> None:
    shapes: dict[str, Any] = {
        "In": {
            "type": "structure",
            "required": ["Name", "Token"],
            "members": {"Name": {"shape": "Text"}, "Token": {"shape": "Text", "idempotencyToken": True}},
        },
        "Text": STRING,
    }
    found = schema_of("In", shapes, BUDGET, Texts())
    assert (found["required"], found["additionalProperties"]) == (["Name"], False)


def test_what_holds_itself_is_defined_once_and_referred_to() -> None:
    tree = {"type": "structure", "members": {"left": {"shape": "Tree"}, "all": {"shape": "Trees"}}}
    found = schema({"x": {"shape": "Tree"}}, Tree=tree, Trees={"type": "list", "member": {"shape": "Tree"}})
    assert found["properties"]["x"] == {"$ref": "#/$defs/Tree"}
    assert found["$defs"]["Tree"]["properties"]["left"] == {"$ref": "#/$defs/Tree"}
    valid = jsonschema_rs.validator_for(found).is_valid
    assert valid({"x": {"left": {"left": {"all": [{}]}}}})
    assert not valid({"x": {"left": {"left": {"all": [{"no": 1}]}}}})


def test_a_list_of_lists_of_itself_ends() -> None:
    found = schema({"x": {"shape": "Lists"}}, Lists={"type": "list", "member": {"shape": "Lists"}})
    assert found["$defs"]["Lists"] == {"type": "array", "items": {"$ref": "#/$defs/Lists"}}


def test_documentation_becomes_text_of_the_member_or_of_its_shape_within_bounds() -> None:
    texts = {"type": "string", "documentation": "<p>Of the <b>shape</b>.</p>"}
    long = {"shape": "Text", "documentation": f"<p>A &lt;tag&gt; in <code>code</code>.</p>{'<p>word</p>' * 99}"}
    found = schema({"x": texts, "y": long, "z": {"shape": "Text", "deprecated": True}})["properties"]
    assert found["x"]["description"] == "Of the shape."
    assert found["y"]["description"].startswith("A <tag> in code. word word")
    assert len(found["y"]["description"]) <= BUDGET.first_chars
    assert found["z"]["description"] == "Deprecated."


def test_beyond_its_levels_a_schema_is_open_and_says_so() -> None:
    deep = {"type": "structure", "members": {"inner": {"shape": "Deeper"}}}
    deeper = {"type": "structure", "members": {"a": {"shape": "Text"}}}
    budget = Budget(first_chars=0, deep_chars=0, values=4, levels=1)
    found = schema({"x": {"shape": "Deep"}}, budget, Deep=deep, Deeper=deeper)
    assert found["properties"]["x"]["properties"] == {"inner": {"description": LEFT_OUT}}


def test_json_within_a_header_may_be_anything_and_elsewhere_is_text() -> None:
    members = {
        "x": {"shape": "Text", "jsonvalue": True, "location": "header"},
        "y": {"shape": "Text", "jsonvalue": True},
    }
    assert schema(members)["properties"] == {"x": {}, "y": {"type": "string"}}


def test_a_stream_of_events_cannot_be_an_argument() -> None:
    with pytest.raises(Unsupported, match="stream"):
        schema({"x": {"type": "structure", "members": {}, "eventstream": True}})
