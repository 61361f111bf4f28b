"""What is known of a tool, within bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import InvalidArgument, UnknownTool
from banyan.core.shorten import compact
from banyan.core.tool import Example
from banyan.tools.describe import DescribeLimits, Describer
from banyan.tools.elide import elide
from tests.tools.room import Room, schema, spec

DEEP = schema(
    ["filter"],
    filter={"$ref": "#/$defs/filter"},
    **{f"p{at}": {"type": "string", "description": "what it means " * 20} for at in range(60)},
) | {"$defs": {"filter": schema(text="string", more={"$ref": "#/$defs/filter"})}}


async def test_a_small_tool_is_described_whole(room: Room) -> None:
    root = schema(["path"], path="string")
    example = Example(text="read it", arguments={"path": "a"})
    made = spec(
        "read",
        input_schema=root,
        output_schema=schema(x="string"),
        description="Reads.",
        title="Read",
        tags=("io",),
        examples=(example,),
        combines_with="After `list`.",
    )
    await room.offer(made, "text")
    (one,) = await Describer(room.resolver).describe(["files.read"])
    shown = one.to_json()
    assert shown["input_schema"] == root
    assert shown["output_schema"] == schema(x="string")
    assert (shown["name"], shown["source"], shown["state"], shown["digest"]) == (
        "files__read",
        "files",
        "active",
        made.digest,
    )
    assert (shown["examples"], shown["tags"]) == ([{"text": "read it", "arguments": {"path": "a"}}], ["io"])
    json.dumps(shown)


async def test_a_quarantined_tool_is_described_with_the_reason(room: Room) -> None:
    await room.offer(spec("read", fault="its schema is broken"), "text")
    (one,) = await Describer(room.resolver).describe(["files__read"])
    assert (one.state, one.state_reason) == ("quarantined", "its schema is broken")


async def test_all_descriptions_of_one_answer_share_its_room(room: Room) -> None:
    for at in range(6):
        await room.offer(spec(f"t{at}", input_schema=DEEP, output_schema=DEEP, description="long " * 5_000), "text")
    found = await Describer(room.resolver).describe([f"t{at}" for at in range(6)])
    assert sum(len(compact(one.to_json())) for one in found) <= DescribeLimits().answer_chars


async def test_what_was_left_out_says_by_which_path_it_is_had(room: Room) -> None:
    await room.offer(spec("search", input_schema=DEEP), "text")
    describer = Describer(room.resolver, DescribeLimits(answer_chars=1_500))
    (one,) = await describer.describe(["files__search"])
    text = compact(one.to_json())
    assert "describe with path=/properties" in text
    (part,) = await describer.describe(["files__search"], path="/properties/p7")
    assert part.to_json()["schema"] == DEEP["properties"]["p7"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/properties/p1/type", "string"),
        ("/input_schema/properties/p1/type", "string"),
        ("#/$defs/filter/properties/text", {"type": "string"}),
        ("/properties/filter/properties/more/properties/text", {"type": "string"}),
        ("/output_schema/properties/x", {"type": "string"}),
    ],
)
async def test_a_path_leads_into_the_schemas_and_through_references(room: Room, path: str, expected: Any) -> None:
    await room.offer(spec("search", input_schema=DEEP, output_schema=schema(x="string")), "text")
    (one,) = await Describer(room.resolver).describe(["files__search"], path=path)
    assert one.part == expected


async def test_a_path_that_leads_nowhere_says_what_is_there(room: Room) -> None:
    await room.offer(spec("search", input_schema=schema(query="string")), "text")
    with pytest.raises(InvalidArgument, match="query"):
        await Describer(room.resolver).describe(["files__search"], path="/properties/quary")
    with pytest.raises(InvalidArgument):
        await Describer(room.resolver).describe(["files__search"], path="/output_schema/properties")


async def test_too_many_names_none_or_a_wrong_one_are_refused(room: Room) -> None:
    await room.offer(spec("search"), "text")
    describer = Describer(room.resolver)
    for names in ([], ["files__search"] * 21):
        with pytest.raises(InvalidArgument):
            await describer.describe(names)
    with pytest.raises(UnknownTool):
        await describer.describe(["files__search", "files__serch"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=100),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=10), inner, max_size=10),
    max_leaves=60,
)


@given(JSON, st.integers(60, 2_000))
def test_an_elided_schema_fits_or_is_a_mere_mark(value: Any, limit: int) -> None:
    shown = elide(value, limit, "/input_schema")
    assert len(compact(shown)) <= limit
    if len(compact(value)) <= limit:
        assert shown == value
