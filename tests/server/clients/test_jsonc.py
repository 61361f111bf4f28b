"""JSON with comments is edited in place: the member comes and goes, and every other byte stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.server.clients.jsonc import JsoncError, parse, put, remove

ENTRY = {"command": "/bin/banyan", "args": ["serve"]}

PUT = {
    "nothing": ("", '{\n  "s": {\n    "b": 1\n  }\n}\n'),
    "only a comment": ("// mine\n", '// mine\n{\n  "s": {\n    "b": 1\n  }\n}\n'),
    "an empty object": ("{}", '{\n  "s": {\n    "b": 1\n  }\n}'),
    "an empty section": ('{\n\t"s": {}\n}\n', '{\n\t"s": {\n\t\t"b": 1\n\t}\n}\n'),
    "a line comment after the last": (
        '{\n    "s": {\n        "a": 0 // why\n    }\n}',
        '{\n    "s": {\n        "a": 0, // why\n        "b": 1\n    }\n}',
    ),
    "a trailing comma": ('{\n  "s": {\n    "a": 0,\n  },\n}', '{\n  "s": {\n    "a": 0,\n    "b": 1,\n  },\n}'),
    "one line": ('{"x": 2, "s": {"a": 0}}', '{"x": 2, "s": {"a": 0, "b": 1}}'),
    "one line with a comment": (
        '{ "s": { "a": 0 } // why\n}',
        '{ "s": { "a": 0, "b": 1 } // why\n}',
    ),
    "a comment that holds a brace": (
        '{\n  "s": { /* } */\n    "a": "}" // }\n  }\n}',
        '{\n  "s": { /* } */\n    "a": "}", // }\n    "b": 1\n  }\n}',
    ),
    "the same there already": ('{"s":{"b":1 }}', '{"s":{"b":1 }}'),
    "another there already": ('{"s": {"b": [2], "c": 3}}', '{"s": {"b": 1, "c": 3}}'),
}


@pytest.mark.parametrize(("before", "after"), PUT.values(), ids=PUT.keys())
def test_a_member_is_put_where_it_belongs(before: str, after: str) -> None:
    assert put(before, ("s", "b"), 1) == after


@pytest.mark.parametrize("case", ["a line comment after the last", "a trailing comma", "one line"])
def test_what_was_put_is_removed_without_a_trace(case: str) -> None:
    before, after = PUT[case]
    assert remove(after, ("s", "b")) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"s": {"b": 1, "c": 2}}', '{"s": { "c": 2}}'),
        ('{"s": {"b": 1}}', '{"s": {}}'),
        ('{\n  // keep\n  "b": 1 }', "{\n  // keep\n   }"),
        ('{"a": 0, // keep\n "b": 1, "c": 2}', '{"a": 0, // keep\n  "c": 2}'),
        ('{"a": 0}', '{"a": 0}'),
        ("", ""),
    ],
)
def test_a_member_is_removed_with_its_comma_alone(before: str, after: str) -> None:
    path = ("s", "b") if '"s"' in before else ("b",)
    assert remove(before, path) == after


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1,,2]",
        '{"a" 1}',
        "{'a': 1}",
        '{"a": 1} x',
        '{"a": nul}',
        "{" * 200,
        '{"a": "\\x"}',
        "/* open",
        "[" * 9999,
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(JsoncError):
        parse(text)


def test_something_else_in_the_place_of_the_section_is_refused() -> None:
    with pytest.raises(JsoncError):
        put('{"s": [1]}', ("s", "b"), 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from('abcs"/}'), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "s", "//", '"']), JSON, max_size=3)


@given(OBJECTS, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_putting_and_removing_change_that_member_alone(value: dict[str, Any], indent: Any, commented: bool) -> None:
    section = value.get("s", {})
    if not isinstance(section, dict):
        return
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    if commented and indent is not None:
        text = text.replace("\n", " // a } , comment\n")
    there = put(text, ("s", "new"), ENTRY)
    parsed = parse(there)
    assert parsed is not None
    assert parsed.value == value | {"s": section | {"new": ENTRY}}
    gone = parse(remove(there, ("s", "new")))
    assert gone is not None
    assert gone.value == value | {"s": section}
    if section:
        assert remove(there, ("s", "new")) == text
