"""Lists that are wrong in places: every sound tool is still there, and what is wrong is told."""

from __future__ import annotations

import pytest

from banyan.core.errors import SourceUnavailable
from banyan.core.source import Listing
from banyan.core.tool import EffectKind, ToolSpec
from banyan.tools.mcp import SessionLimits
from banyan.tools.mcp.listing import effects
from tests.tools.mcp.conftest import HOSTILE, Start


async def listed(start: Start, *mode: str, **limits: int) -> tuple[Listing, dict[str, ToolSpec]]:
    listing = await start(*HOSTILE, *mode, limits=SessionLimits(**limits)).listing()
    return listing, {spec.upstream_name: spec for spec in listing.tools}


async def test_of_two_tools_of_one_name_the_first_counts_and_it_is_noted(start: Start) -> None:
    listing, tools = await listed(start, "duplicates")
    assert tools["twin"].title == "first"
    assert len(tools) == 3
    assert listing.notes == ("`twin` is listed twice; the first counts",)


@pytest.mark.parametrize("levels", ["60", "150", "600", "2000", "50000"])
async def test_a_schema_nested_too_deep_quarantines_its_own_tool_alone(start: Start, levels: str) -> None:
    _, tools = await listed(start, "deep", levels)
    assert "levels deep" in (tools["deep"].fault or "")
    assert tools["good"].fault is None
    assert tools["also_good"].fault is None
    assert tools["deep"].digest


async def test_a_recursive_schema_is_fine_and_one_that_refers_elsewhere_is_quarantined(start: Start) -> None:
    _, tools = await listed(start, "recursive")
    assert tools["tree"].fault is None
    assert "Retrieval is disabled" in (tools["thief"].fault or "")
    assert tools["good"].fault is None


async def test_bad_entries_hide_no_good_ones(start: Start) -> None:
    listing, tools = await listed(start, "bad_entries")
    assert {name for name, spec in tools.items() if spec.fault is None} == {"odd", "good", "also_good"}
    assert {name for name, spec in tools.items() if spec.fault} == {"no_schema", "nonsense", "big"}
    assert tools["odd"].description == ""
    assert tools["odd"].output_schema is None
    assert len(listing.notes) == 6


async def test_a_description_is_capped_and_loses_what_only_a_model_would_see(start: Start) -> None:
    _, tools = await listed(start, "hidden")
    description = tools["hidden"].description
    assert description.startswith("abc[31mdee")
    assert description.endswith("characters]")
    assert len(description) < 33_000


async def test_all_pages_are_read(start: Start) -> None:
    listing, tools = await listed(start, "pages")
    assert len(tools) == 50
    assert listing.notes == ()


@pytest.mark.parametrize(
    ("mode", "count", "said"),
    [("endless", 200, "does not end"), ("circular", 2, "twice"), ("empty_pages", 0, "does not end")],
)
async def test_a_list_that_does_not_end_is_ended(start: Start, mode: str, count: int, said: str) -> None:
    listing, tools = await listed(start, mode, max_tools=200, max_pages=20)
    assert len(tools) == count
    assert said in listing.notes[0]


async def test_half_a_list_is_no_list(start: Start) -> None:
    with pytest.raises(SourceUnavailable, match="the list is lost"):
        await listed(start, "no_list")


async def test_what_a_server_says_of_itself_comes_with_its_list(start: Start) -> None:
    listing, _ = await listed(start, "good")
    assert listing.instructions == "I am hostile."


@pytest.mark.parametrize(
    ("hints", "kind", "guessed"),
    [
        ({}, EffectKind.WRITES, True),
        ({"readOnlyHint": True}, EffectKind.READ_ONLY, False),
        ({"readOnlyHint": True, "destructiveHint": True}, EffectKind.READ_ONLY, False),
        ({"destructiveHint": True}, EffectKind.DESTRUCTIVE, False),
        ({"readOnlyHint": False, "destructiveHint": False}, EffectKind.WRITES, False),
        ({"readOnlyHint": False}, EffectKind.WRITES, True),
        ({"readOnlyHint": "yes"}, EffectKind.WRITES, True),
    ],
)
def test_effects_are_what_a_tool_states_and_else_guessed(
    hints: dict[str, object], kind: EffectKind, guessed: bool
) -> None:
    found = effects(hints)
    assert (found.kind, found.guessed) == (kind, guessed)


def test_idempotence_and_reach_are_taken_as_stated() -> None:
    found = effects({"idempotentHint": True, "openWorldHint": False})
    assert found.idempotent
    assert not found.open_world
    assert effects({"readOnlyHint": True}).repeatable
