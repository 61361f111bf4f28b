from __future__ import annotations

from typing import Any

import pytest

from banyan.core.call import Category
from banyan.server.mcp.arguments import (
    Arguments,
    CallArguments,
    DescribeArguments,
    FindArguments,
    ReadArguments,
    Refused,
    read,
)
from banyan.server.mcp.definitions import INPUT_SCHEMAS

MODELS: dict[str, type[Arguments]] = {
    "find_tools": FindArguments,
    "describe_tools": DescribeArguments,
    "call_tool": CallArguments,
    "read_result": ReadArguments,
}


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_says_what_is_read(name: str) -> None:
    assert set(INPUT_SCHEMAS[name]["properties"]) == set(MODELS[name].model_fields)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"names": ["a__b", "c__d"]}, ["a__b", "c__d"]),
        ({"names": "a__b"}, ["a__b"]),
        ({"names": "a__b, c__d"}, ["a__b", "c__d"]),
        ({"names": '["a__b"]'}, ["a__b"]),
        ({"names": ["a__b"], "path": None}, ["a__b"]),
    ],
)
def test_a_list_is_read_in_whatever_way_a_model_writes_it(given: dict[str, Any], names: list[str]) -> None:
    assert read(DescribeArguments, given).names == names


def test_a_number_may_be_a_string_and_a_null_means_left_out() -> None:
    assert read(FindArguments, {"query": "x", "k": "7", "server": None, "effects": "read_only"}) == FindArguments(
        query="x", k=7, effects=["read_only"]
    )


@pytest.mark.parametrize(
    ("model", "given", "category", "word"),
    [
        (FindArguments, {"query": "x", "limit": 3}, Category.UNKNOWN_ARGUMENT, "limit"),
        (FindArguments, {"q": "x"}, Category.UNKNOWN_ARGUMENT, "q"),
        (DescribeArguments, {}, Category.MISSING_ARGUMENT, "names"),
        (DescribeArguments, None, Category.MISSING_ARGUMENT, "names"),
        (FindArguments, {"query": 3}, Category.BAD_VALUE, "number"),
        (FindArguments, {"query": "x", "k": 0}, Category.BAD_VALUE, "k"),
        (FindArguments, {"query": "x" * 5_000}, Category.BAD_VALUE, "query"),
        (CallArguments, {"name": "a", "arguments": [1]}, Category.BAD_VALUE, "list"),
        (ReadArguments, {"handle": "r", "offset": -1}, Category.BAD_VALUE, "offset"),
        (DescribeArguments, {"names": []}, Category.BAD_VALUE, "names"),
    ],
)
def test_what_is_wrong_is_told_with_its_category(
    model: type[Arguments], given: dict[str, Any] | None, category: Category, word: str
) -> None:
    with pytest.raises(Refused) as told:
        read(model, given)
    assert told.value.category is category
    assert word in told.value.message
    assert len(told.value.message) < 300


def test_a_tools_own_argument_beside_its_name_is_told_where_it_goes() -> None:
    with pytest.raises(Refused) as told:
        read(CallArguments, {"name": "a__b", "city": "Oslo"})
    assert "inside `arguments`" in told.value.fix
