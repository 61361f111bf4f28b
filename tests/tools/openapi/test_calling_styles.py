"""Values of parameters are written as OpenAPI's table of styles says, and can lead nowhere else."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from banyan.tools.openapi.binding import Style
from banyan.tools.openapi.styles import (
    NotWritable,
    cookie_pairs,
    header_value,
    path_segment,
    query_string,
    text,
)

LIST = ["blue", "black", "brown"]
OBJECT = {"R": 100, "G": 200, "B": 150}

# The examples of the specification (3.1.1, "Style Examples").
QUERIES = [
    (Style.FORM, False, "", "color="),
    (Style.FORM, False, "blue", "color=blue"),
    (Style.FORM, False, LIST, "color=blue,black,brown"),
    (Style.FORM, False, OBJECT, "color=R,100,G,200,B,150"),
    (Style.FORM, True, "", "color="),
    (Style.FORM, True, "blue", "color=blue"),
    (Style.FORM, True, LIST, "color=blue&color=black&color=brown"),
    (Style.FORM, True, OBJECT, "R=100&G=200&B=150"),
    (Style.SPACE, False, LIST, "color=blue%20black%20brown"),
    (Style.SPACE, False, OBJECT, "color=R%20100%20G%20200%20B%20150"),
    (Style.SPACE, True, LIST, "color=blue&color=black&color=brown"),
    (Style.PIPE, False, LIST, "color=blue%7Cblack%7Cbrown"),
    (Style.PIPE, False, OBJECT, "color=R%7C100%7CG%7C200%7CB%7C150"),
    (Style.PIPE, True, LIST, "color=blue&color=black&color=brown"),
    (Style.TAB, False, LIST, "color=blue%09black%09brown"),
    (Style.DEEP, True, OBJECT, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    (Style.DEEP, True, {"a": [1, {"c": True}]}, "color%5Ba%5D%5B0%5D=1&color%5Ba%5D%5B1%5D%5Bc%5D=true"),
    (Style.DEEP, True, "blue", "color=blue"),
]  # fmt: skip

PATHS = [
    (Style.SIMPLE, False, "blue", "blue"),
    (Style.SIMPLE, False, LIST, "blue,black,brown"),
    (Style.SIMPLE, False, OBJECT, "R,100,G,200,B,150"),
    (Style.SIMPLE, True, LIST, "blue,black,brown"),
    (Style.SIMPLE, True, OBJECT, "R=100,G=200,B=150"),
    (Style.LABEL, False, "blue", ".blue"),
    (Style.LABEL, False, LIST, ".blue,black,brown"),
    (Style.LABEL, False, OBJECT, ".R,100,G,200,B,150"),
    (Style.LABEL, True, LIST, ".blue.black.brown"),
    (Style.LABEL, True, OBJECT, ".R=100.G=200.B=150"),
    (Style.MATRIX, False, "blue", ";color=blue"),
    (Style.MATRIX, False, LIST, ";color=blue,black,brown"),
    (Style.MATRIX, False, OBJECT, ";color=R,100,G,200,B,150"),
    (Style.MATRIX, True, LIST, ";color=blue;color=black;color=brown"),
    (Style.MATRIX, True, OBJECT, ";R=100;G=200;B=150"),
]


def query(value: Any, style: Style = Style.FORM, *, explode: bool = True, reserved: bool = False) -> str:
    return "&".join(query_string("color", value, style=style, explode=explode, allow_reserved=reserved))


@pytest.mark.parametrize(("style", "explode", "value", "written"), QUERIES)
def test_queries_are_written_as_the_specification_shows(style: Style, explode: bool, value: Any, written: str) -> None:
    assert query(value, style, explode=explode) == written


@pytest.mark.parametrize(("style", "explode", "value", "written"), PATHS)
def test_paths_are_written_as_the_specification_shows(style: Style, explode: bool, value: Any, written: str) -> None:
    assert path_segment("color", value, style=style, explode=explode) == written


@pytest.mark.parametrize(
    ("explode", "value", "written"),
    [
        (False, "blue", "blue"),
        (False, LIST, "blue,black,brown"),
        (False, OBJECT, "R,100,G,200,B,150"),
        (True, OBJECT, "R=100,G=200,B=150"),
        (False, "", ""),
        (False, "a b/c%", "a b/c%"),
    ],
)
def test_headers_are_simple_and_not_escaped(explode: bool, value: Any, written: str) -> None:
    assert header_value(value, explode=explode) == written


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "\x00", "é"])
def test_a_header_cannot_carry_a_line_break_or_foreign_letters(value: str) -> None:
    with pytest.raises(NotWritable, match="header"):
        header_value(value, explode=False)


def test_cookies_are_escaped_pairs() -> None:
    assert cookie_pairs("s", "a; b=c", style=Style.FORM, explode=True) == ["s=a%3B%20b%3Dc"]
    assert cookie_pairs("s", LIST, style=Style.FORM, explode=False) == ["s=blue,black,brown"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (3, "3"),
        (3.0, "3"),
        (0.5, "0.5"),
        (-0.0, "0"),
        (1e300, "1e+300"),
        (10**30, "1" + "0" * 30),
        ("é", "é"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
    ],
)
def test_scalars_are_written_as_json_has_them(value: Any, written: str) -> None:
    assert text(value) == written


@pytest.mark.parametrize("value", [None, [], {}, [None], {"a": None}])
@pytest.mark.parametrize("style", [Style.FORM, Style.SPACE, Style.PIPE, Style.DEEP])
@pytest.mark.parametrize("explode", [True, False])
def test_null_and_empty_lists_are_left_out_of_a_query(value: Any, style: Style, explode: bool) -> None:
    assert query(value, style, explode=explode) == ""


def test_null_within_a_list_is_left_out_and_empty_text_is_not() -> None:
    assert query(["a", None, ""], explode=False) == "color=a,"
    assert query({"a": None, "b": ""}, explode=True) == "b="


@pytest.mark.parametrize("value", [None, "", [], {}, [None], {"a": None}])
@pytest.mark.parametrize("style", [Style.SIMPLE, Style.LABEL])
def test_what_is_empty_is_no_part_of_a_path(value: Any, style: Style) -> None:
    with pytest.raises(NotWritable, match="empty"):
        path_segment("id", value, style=style, explode=False)


@pytest.mark.parametrize(
    "value",
    [
        "..",
        ".",
        "../x",
        "a/../b",
        "a\\..\\b",
        "%2e%2e",
        "%2E.",
        "..%2f",
        "%252e%252e",
        "a%2f..%2fb",
        "..;x",
        " .. ",
        ["a", ".."],
        {"..": 1},
    ],
)
@pytest.mark.parametrize("style", [Style.SIMPLE, Style.LABEL, Style.MATRIX])
def test_no_spelling_of_a_way_up_is_written_into_a_path(value: Any, style: Style) -> None:
    with pytest.raises(NotWritable, match=r"\.\."):
        path_segment("id", value, style=style, explode=False)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("a%2fb", "a%252fb"),
        ("v1.2..3", "v1.2..3"),
        ("...", "..."),
        ("é☃", "%C3%A9%E2%98%83"),
        ("a,b;c=d", "a%2Cb%3Bc%3Dd"),
        (["a,b", "c"], "a%2Cb,c"),
    ],
)
def test_what_has_a_meaning_in_a_path_is_escaped(value: Any, written: str) -> None:
    assert path_segment("id", value, style=Style.SIMPLE, explode=False) == written


def test_reserved_signs_stay_where_that_is_allowed_but_never_end_the_value() -> None:
    assert query("a/b:c?d@e,f", reserved=True) == "color=a/b:c?d@e,f"
    assert query("a&b=c#d[e]+f%", reserved=True) == "color=a%26b%3Dc%23d%5Be%5D%2Bf%25"
    assert query(["a,b", "c"], explode=False, reserved=True) == "color=a%2Cb,c"


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(words, words, max_size=4), st.booleans())
def test_no_text_escapes_from_its_place_in_a_query(members: dict[str, str], reserved: bool) -> None:
    written = "&".join(query_string("color", members, style=Style.FORM, explode=True, allow_reserved=reserved))
    request = Request.from_values(query_string=written)
    assert request.args.to_dict(flat=False) == {name: [value] for name, value in members.items()}
    assert re.fullmatch(r"[A-Za-z0-9_.~%&=:/?@!$'()*,;-]*", written)


@given(st.lists(words, min_size=1, max_size=4), st.sampled_from([Style.FORM, Style.SPACE, Style.PIPE, Style.TAB]))
def test_a_list_is_one_parameter_or_one_for_each_item(items: list[str], style: Style) -> None:
    exploded = Request.from_values(query_string=query(items, style, explode=True)).args
    assert exploded == MultiDict([("color", one) for one in items])
    joined = Request.from_values(query_string=query(items, style, explode=False)).args
    delimiter = {Style.FORM: ",", Style.SPACE: " ", Style.PIPE: "|", Style.TAB: "\t"}[style]
    assert joined.to_dict(flat=False) == {"color": [delimiter.join(items)]}


@given(words.filter(bool), st.sampled_from([Style.SIMPLE, Style.LABEL, Style.MATRIX]))
def test_no_text_leaves_its_segment_of_a_path(value: str, style: Style) -> None:
    try:
        written = path_segment("id", value, style=style, explode=False)
    except NotWritable:
        return
    parts = urlsplit(f"http://host/a/{written}/b")
    before = {Style.SIMPLE: "", Style.LABEL: ".", Style.MATRIX: ";id="}[style]
    assert parts.path.split("/")[1:] == ["a", written, "b"]
    assert not parts.query and not parts.fragment
    assert unquote(written) == before + value
