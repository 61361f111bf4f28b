from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from banyan.core.ids import SourceName, ToolName
from banyan.core.ports import ToolNameRow
from banyan.core.tool import ToolState
from banyan.server.mcp.blurb import blurb_of


def row(server: str, tool: str, state: ToolState = ToolState.ACTIVE) -> ToolNameRow:
    name = ToolName(f"{server}__{tool}")
    return ToolNameRow(name=name, source=SourceName(server), server=server, upstream_name=tool, state=state)


def test_it_counts_what_can_be_called_and_names_a_few() -> None:
    rows = [row("github", f"{verb}_{what}") for verb in ("create", "list") for what in ("issue", "branch", "fork")]
    rows += [row("time", "now"), row("time", "off", ToolState.DISABLED), row("bad", "bad", ToolState.QUARANTINED)]
    assert blurb_of(rows, 1_200) == (
        "Behind it now: 7 tools of 2 servers: github (6: create_branch, create_fork, create_issue, list_branch, …); "
        "time (1: now)."
    )


def test_an_empty_catalogue_says_how_to_fill_it() -> None:
    assert "no tools yet" in blurb_of([], 1_200)


def test_of_many_servers_the_largest_are_named_and_the_rest_counted() -> None:
    rows = [row(f"server{n:03}", f"tool{m}") for n in range(300) for m in range(1 + n % 7)]
    text = blurb_of(rows, 600)
    assert len(text) <= 600
    assert text.startswith("Behind it now: 1,197 tools of 300 servers: server006 (7); ")
    assert "more." in text


@given(st.lists(st.tuples(st.text(max_size=80), st.text(max_size=80)), max_size=60), st.integers(300, 1_500))
def test_whatever_the_names_are_it_is_short_and_one_paragraph(pairs: list[tuple[str, str]], limit: int) -> None:
    text = blurb_of([row(server, tool) for server, tool in pairs], limit)
    assert len(text) <= limit
    assert not set("\n\r\x1b<>#`\u200b\u202e") - {"`"} & set(text)
