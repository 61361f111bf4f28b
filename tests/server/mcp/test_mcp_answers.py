from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan.core.call import Category, Outcome, OutcomeKind, Page
from banyan.core.errors import Conflict, InvalidArgument, UnknownTool
from banyan.core.find import Candidate, FindAnswer
from banyan.core.ids import ApprovalId, CallId, Handle, SourceName, ToolName
from banyan.core.tool import Effects, ToolState
from banyan.server.mcp import answers
from banyan.tools.describe import Description

ANY = st.text(alphabet=st.characters(exclude_categories=()), max_size=60) | st.sampled_from(
    ["", "x" * 9_000, '"' * 9_000, "\x1b" * 9_000, "é\n" * 5_000, "\\" * 9_000]
)
LIMITS = st.sampled_from([2_000, 8_000])
HANDLE = Handle("r_aaaaaaaaaaaaaaaa")


@given(
    kind=st.sampled_from(OutcomeKind),
    texts=st.tuples(ANY, ANY, ANY, ANY),
    notes=st.lists(ANY, max_size=4),
    limit=LIMITS,
)
@settings(max_examples=60, deadline=None)
def test_an_outcome_fits_whatever_it_says(
    kind: OutcomeKind, texts: tuple[str, str, str, str], notes: list[str], limit: int
) -> None:
    preview, message, fix, rule = texts
    outcome = Outcome(
        call_id=CallId("c"),
        tool="t",
        outcome=kind,
        took_ms=1.0,
        handle=HANDLE,
        media_type="text/plain",
        preview=preview,
        size_bytes=len(preview),
        category=None if kind is OutcomeKind.OK else Category.UPSTREAM,
        message=message,
        fix=fix,
        rule=rule,
        approval_id=ApprovalId("a_aaaaaaaa"),
        notes=tuple(notes),
    )
    answer = answers.called(outcome, limit)
    assert answer.size_chars <= limit
    assert answer.failed is (kind is not OutcomeKind.OK)
    assert answer.data["truncated"] or len(answer.data["preview"]) <= len(preview)
    if answer.data["truncated"]:
        assert HANDLE in answer.text


@given(query=ANY, note=ANY, texts=st.lists(st.tuples(ANY, ANY), max_size=12), fits=st.booleans(), limit=LIMITS)
@settings(max_examples=60, deadline=None)
def test_a_search_fits_and_counts_what_it_leaves_out(
    query: str, note: str, texts: list[tuple[str, str]], fits: bool, limit: int
) -> None:
    results = tuple(
        Candidate(
            name=ToolName(f"s__t{number}"),
            server="s",
            title=title,
            signature=signature,
            confidence=0.5,
            effects=Effects(),
        )
        for number, (title, signature) in enumerate(texts)
    )
    answer = answers.found(FindAnswer(query=query, fits=fits, note=note, took_ms=1.0, results=results), limit)
    assert answer.size_chars <= limit
    assert len(answer.data["results"]) + answer.data.get("left_out", 0) == len(results)
    assert bool(results) == bool(answer.data["results"])
    assert all(one["name"] in answer.text for one in answer.data["results"])


@pytest.mark.parametrize("count", [1, 20])
@given(text=ANY, title=ANY, width=st.integers(0, 400), limit=LIMITS)
@settings(max_examples=25, deadline=None)
def test_descriptions_fit_and_name_what_they_leave_out(
    count: int, text: str, title: str, width: int, limit: int
) -> None:
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "d"} for n in range(width)}}
    one: dict[str, Any] = {
        "server": "s" * 80,
        "source": SourceName("s"),
        "title": title[:120],
        "description": text,
        "signature": text[:400],
        "input_schema": schema,
        "output_schema": schema,
        "effects": Effects(),
        "tags": ("a",),
        "examples": (),
        "combines_with": text,
        "state": ToolState.ACTIVE,
        "state_reason": None,
        "digest": "0" * 64,
        "changed_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    names = [ToolName(f"s__t{number}") for number in range(count)]
    answer = answers.described([Description(name=name, **one) for name in names], limit)
    assert answer.size_chars <= limit
    assert [tool["name"] for tool in answer.data["tools"]] + answer.data.get("left_out", []) == names
    assert all(name in answer.text for name in names)
    if "cut" in answer.data:
        assert answer.data["cut"][0] in answer.text


PAGES = st.one_of(
    ANY.map(lambda text: ("characters", text)),
    st.lists(ANY, max_size=30).map(lambda items: ("items", items)),
    st.dictionaries(st.text(max_size=8), ANY, max_size=30).map(lambda items: ("items", items)),
)


@given(content=PAGES, before=st.integers(0, 100), after=st.integers(0, 100), limit=LIMITS)
@settings(max_examples=60, deadline=None)
def test_a_page_fits_and_the_next_one_goes_on_where_it_ends(
    content: tuple[str, Any], before: int, after: int, limit: int
) -> None:
    unit, held = content
    page = Page(
        handle=HANDLE,
        media_type="text/plain",
        path="",
        unit=unit,
        offset=before,
        limit=len(held),
        total=before + len(held) + after,
        content=held,
    )
    answer = answers.paged(page, limit)
    data = answer.data
    assert answer.size_chars <= limit
    assert data["offset"] == before
    assert data["limit"] <= len(held)
    assert data["limit"] > 0 or not held
    more = before + data["limit"] < page.total
    assert data["next_offset"] == (before + data["limit"] if more else None)
    assert ("more: offset" in answer.text) is more


def test_a_page_of_bytes_is_cut_between_bytes() -> None:
    page = Page(
        handle=HANDLE,
        media_type="image/png",
        path="",
        unit="bytes",
        offset=0,
        limit=9_000,
        total=9_000,
        content="QUJD" * 3_000,
    )
    data = answers.paged(page, 2_000).data
    assert len(data["content"]) % 4 == 0
    assert data["next_offset"] == data["limit"] == len(data["content"]) // 4 * 3


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (UnknownTool("x", nearest=["y"]), "unknown_tool"),
        (InvalidArgument("k", "too many"), "bad_value"),
        (Conflict("changed"), "conflict"),
    ],
)
def test_a_typed_error_is_told_with_its_category(error: Any, category: str) -> None:
    answer = answers.failure(error, 8_000)
    assert answer.failed
    assert answer.data["category"] == category
    assert str(error) in answer.text
