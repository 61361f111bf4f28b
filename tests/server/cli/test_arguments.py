"""Arguments as people type them become values of the types that the schema names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import InvalidArgument
from banyan.server.cli.arguments import read, typed


@pytest.mark.parametrize(
    ("values", "schema", "value"),
    [
        (["5"], {"type": "integer"}, 5),
        (["5"], {"type": "string"}, "5"),
        (["5"], {}, "5"),
        (["5.5"], {"type": "number"}, 5.5),
        (["many"], {"type": "integer"}, "many"),
        (["yes"], {"type": "boolean"}, True),
        (["0"], {"type": "boolean"}, False),
        (["null"], {"type": ["integer", "null"]}, None),
        (["null"], {"anyOf": [{"type": "string"}, {"type": "null"}]}, "null"),
        (["7"], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, 7),
        (["[1, 2]"], {"type": "array", "items": {"type": "integer"}}, [1, 2]),
        (["1"], {"type": "array", "items": {"type": "integer"}}, [1]),
        (["1", "2"], {"type": "array", "items": {"type": "integer"}}, [1, 2]),
        (["1", "2"], {"type": "array"}, ["1", "2"]),
        (['{"a": 1}'], {"type": "object"}, {"a": 1}),
        (["[1"], {"type": "array"}, ["[1"]),
        (["2"], {"enum": [1, 2]}, 2),
        (["b"], {"enum": ["a", "b"]}, "b"),
        (["x=y"], {"type": "string"}, "x=y"),
    ],
)
def test_text_is_typed_by_its_schema(values: list[str], schema: dict[str, Any], value: Any) -> None:
    assert typed(values, schema) == value
    assert type(typed(values, schema)) is type(value)


async def nothing_known(key: str) -> Mapping[str, Any]:
    return {}


async def test_words_of_every_form_are_read_and_later_ones_count() -> None:
    words = ['{"a": 1, "b": 2}', "b:=3", "c=x=y", "d:={}"]
    assert await read(words, nothing_known) == {"a": 1, "b": 3, "c": "x=y", "d": {}}


async def test_what_is_malformed_is_not_repeated() -> None:
    for word in ('{"password": "hunter2"', "password:=hunter2"):
        with pytest.raises(InvalidArgument) as caught:
            await read([word], nothing_known)
        assert "hunter2" not in str(caught.value)


@given(st.dictionaries(st.text(min_size=1), st.integers() | st.text() | st.lists(st.booleans()), max_size=4))
async def test_json_words_are_read_as_they_are(value: dict[str, Any]) -> None:
    assert await read([json.dumps(value)], nothing_known) == value
