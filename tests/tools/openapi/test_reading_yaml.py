"""YAML: the values JSON has, read safely and within a budget."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from banyan.tools.openapi.yaml_text import YamlBudget, YamlProblem, read_yaml

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=20,
)


def read(text: str, **budget: int) -> Any:
    return read_yaml(text.encode(), YamlBudget(**budget))


@given(VALUES)
def test_what_json_says_is_read_the_same_as_yaml(value: Any) -> None:
    assert read_yaml(orjson.dumps({"it": value}), YamlBudget()) == {"it": value}


@given(VALUES)
def test_what_another_program_writes_is_read_back(value: Any) -> None:
    # Everything quoted, its type stated: of what may stay plain that writer has YAML 1.1's idea.
    assert read(yaml.safe_dump({"it": value}, allow_unicode=True, default_style='"')) == {"it": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("2024-01-31", "2024-01-31"),
        ("12:30:45", "12:30:45"),
        ("0777", "0777"),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("+12", 12),
        ("-0", 0),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        (".5", 0.5),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("-", [None]),
        ("1e999", "1e999"),
        ("99999999999999999999", 1e20),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!python/object:os.system x", "x"),
        ("! 12", "12"),
    ],
)
def test_a_plain_scalar_is_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert read(f"it: {text}" if text != "-" else "it:\n- ") == {"it": value}


def test_keys_are_text_as_it_is_written() -> None:
    assert read("{200: a, on: b, 1.0: c, null: d, 0x1: e}") == {
        "200": "a",
        "on": "b",
        "1.0": "c",
        "null": "d",
        "0x1": "e",
    }


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    assert read("a: 1\na: 2") == {"a": 2}


def test_only_the_first_document_is_read() -> None:
    assert read("a: 1\n---\nb: 2") == {"a": 1}


def test_aliases_and_merges_are_followed() -> None:
    text = (
        "base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: {<<: [*b, {z: 4}]}\nlist: [*b]\nquoted: {'<<': 1}\n&k key: *k"
    )
    assert read(text) == {
        "base": {"x": 1, "y": 2},
        "one": {"x": 1, "y": 3},
        "two": {"x": 1, "y": 2, "z": 4},
        "list": [{"x": 1, "y": 2}],
        "quoted": {"<<": 1},
        "key": "key",
    }


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: &x [*x]", "part of", 1),
        ("a: 1\nb: *nowhere", "undefined alias|no anchor", 2),
        ("a: 1\n[b]: 2", "key is a list", 2),
        ("&x {a: 1}: 2", "key is a list", 1),
        ("a: &x [1]\n*x : 2", "key is a list", 2),
        ("a: [1,\nb: }", "no YAML", 2),
        ("a: \x07", "no YAML", None),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str, line: int | None) -> None:
    with pytest.raises(YamlProblem, match=problem) as caught:
        read(text)
    assert caught.value.line == line


def test_lists_within_lists_end_at_the_budget() -> None:
    assert read("[" * 20 + "]" * 20, levels=20)
    with pytest.raises(YamlProblem, match="more than 20 levels"):
        read("[" * 1_000_000, levels=20)


def test_levels_that_aliases_make_count() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300_000))
    with pytest.raises(YamlProblem, match="aliases it is nested more than"):
        read(chain)


def test_what_aliases_multiply_counts_each_time() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    with pytest.raises(YamlProblem, match=r"more than 5,000,000 values"):
        read(laughs)


def test_long_text_behind_aliases_counts_by_its_length() -> None:
    with pytest.raises(YamlProblem, match="more than"):
        read(f"a: &a {'z' * 100_000}\nl:\n" + "- *a\n" * 10_000)


@given(st.binary(max_size=300))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        orjson.dumps(read_yaml(data, YamlBudget(nodes=10_000, levels=50)))
    except YamlProblem as problem:
        assert str(problem)


@given(st.text("ab{}[]:,&*<!?-|>'\"#% \n", max_size=60))
def test_text_that_is_nearly_yaml_is_read_or_refused(text: str) -> None:
    try:
        orjson.dumps(read(text, nodes=10_000, levels=50))
    except YamlProblem as problem:
        assert str(problem)
