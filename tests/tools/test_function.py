"""Python functions as tools."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

import pydantic
import pytest

from banyan.core.call import Category
from banyan.core.errors import CallFailed, InvalidArgument
from banyan.core.tool import Effects, Example
from banyan.tools.function import FunctionTool, function_tool, name_of, result_of, tool


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    y: int = 0


class Person(pydantic.BaseModel):
    name: str
    born: date | None = None


def made(function: Callable[..., Any]) -> FunctionTool:
    return function_tool(function, server="lib")


def called(function: Callable[..., Any], **arguments: Any) -> Any:
    args, kwargs = made(function).bind(arguments)
    return function(*args, **kwargs)


@tool
def add(a: int, b: int = 2) -> int:
    """Add two numbers.

    They may be negative.

    Args:
        a: the first.
        b: the second.
    """
    return a + b


def test_a_decorated_function_is_called_as_before() -> None:
    assert add(1) == 3
    assert add.__name__ == "add"


def test_the_schema_is_made_of_hints_defaults_and_docstring() -> None:
    spec = made(add).spec
    assert spec.input_schema == {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "the first."},
            "b": {"type": "integer", "description": "the second.", "default": 2},
        },
        "required": ["a"],
        "additionalProperties": False,
    }
    assert spec.output_schema == {"type": "integer"}
    assert (spec.upstream_name, spec.server) == ("add", "lib")
    assert spec.description == "Add two numbers.\n\nThey may be negative."
    assert spec.effects == Effects()


def test_options_say_what_hints_cannot() -> None:
    @tool(name="plus", description="Adds.", read_only=True, tags=["maths"], examples=[Example(text="1+1")])
    def inner(a: int) -> int:
        return a

    spec = made(inner).spec
    assert (spec.upstream_name, spec.description, spec.tags) == ("plus", "Adds.", ("maths",))
    assert (spec.effects.read_only, spec.effects.guessed) == (True, False)
    assert spec.examples[0].text == "1+1"


def test_every_usual_kind_of_hint_has_a_schema() -> None:
    def work(  # type: ignore[no-untyped-def]
        colour: Colour,
        mode: Literal["fast", "slow"],
        point: Point,
        person: Person,
        size: Annotated[int, pydantic.Field(gt=0, description="how much")],
        names: list[str],
        table: dict[str, float],
        maybe: int | None = None,
        anything=None,
    ) -> list[Point]:
        return []

    properties = made(work).spec.input_schema["properties"]
    assert properties["colour"] == {"$ref": "#/$defs/Colour"}
    assert properties["mode"]["enum"] == ["fast", "slow"]
    assert properties["size"] == {"type": "integer", "exclusiveMinimum": 0, "description": "how much"}
    assert properties["names"] == {"type": "array", "items": {"type": "string"}}
    assert properties["maybe"] == {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}
    assert properties["anything"] == {"default": None}


def test_arguments_arrive_as_the_types_that_the_hints_name() -> None:
    def work(colour: Colour, point: Point, person: Person, day: date) -> Any:
        return colour, point, person, day

    got = called(work, colour="red", point={"x": 1}, person={"name": "n"}, day="2026-01-02")
    assert got == (Colour.RED, Point(1), Person(name="n"), date(2026, 1, 2))


def test_a_default_is_the_functions_own_when_nothing_is_given() -> None:
    marker = object()

    def work(a: int = 1, b: Any = marker) -> Any:
        return a, b is marker

    assert called(work) == (1, True)


def test_names_that_mean_something_elsewhere_are_no_trouble() -> None:
    def work(schema: str, model_config: str, self: str, json: str, _private: str = "p", *, copy: int) -> Any:
        return schema, model_config, self, json, _private, copy

    got = called(work, schema="a", model_config="b", self="c", json="d", copy=1)
    assert got == ("a", "b", "c", "d", "p", 1)


def test_parameters_by_position_only_are_given_by_position() -> None:
    def work(a: int, b: int = 5, /, *, c: int) -> Any:
        return a, b, c

    assert called(work, a=1, c=3) == (1, 5, 3)


@pytest.mark.parametrize("arguments", [{}, {"a": "x"}, {"a": 1, "other": 2}])
def test_arguments_that_do_not_convert_are_a_bad_value_and_nothing_is_called(arguments: dict[str, Any]) -> None:
    with pytest.raises(CallFailed) as caught:
        made(add).bind(arguments)
    assert (caught.value.category, caught.value.sent) == (Category.BAD_VALUE, False)


def test_methods_partials_and_objects_are_functions_too() -> None:
    class Adder:
        def plus(self, a: int) -> int:
            """Add one."""
            return a + 1

        def __call__(self, a: int) -> int:
            return a + 2

    assert made(Adder().plus).spec.input_schema["properties"] == {"a": {"type": "integer"}}
    assert function_tool(partial(add, b=5), server="lib", name="five").bind({"a": 1}) == ([], {"a": 1})
    assert made(Adder()).spec.input_schema["properties"] == {"a": {"type": "integer"}}
    assert name_of(Adder()) == "Adder"


def starred(*numbers: int) -> None: ...


def keyed(**numbers: int) -> None: ...


@pytest.mark.parametrize("function", [starred, keyed, lambda a: a, 5, dict.__getitem__])
def test_what_has_no_schema_is_refused_where_it_is_decorated(function: Any) -> None:
    with pytest.raises(InvalidArgument):
        function_tool(tool(function), server="lib")


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="readonly"):
        tool(readonly=True)(add)  # type: ignore[call-overload]


def test_a_hint_that_cannot_be_read_is_refused_with_the_reason() -> None:
    def work(a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(InvalidArgument, match="Missing"):
        made(work)


def test_a_hint_without_a_schema_is_refused_with_the_reason() -> None:
    class Opaque:
        pass

    def work(a: Opaque) -> Opaque:
        return a

    work.__annotations__ = {"a": Opaque, "return": Opaque}
    with pytest.raises(InvalidArgument, match="Opaque"):
        made(work)


@pytest.mark.parametrize(
    ("value", "structured", "body"),
    [
        (None, None, None),
        ("text", None, b"text"),
        (b"\x00", None, b"\x00"),
        ({"a": (1, 2)}, {"a": [1, 2]}, None),
        (Point(1, 2), {"x": 1, "y": 2}, None),
        ([Person(name="n", born=date(2026, 1, 2))], [{"name": "n", "born": "2026-01-02"}], None),
        (Colour.RED, "red", None),
        ({"raw": b"\xff"}, {"raw": "_w=="}, None),
        (0, 0, None),
    ],
)
def test_what_a_function_returns_becomes_text_bytes_or_json(value: Any, structured: Any, body: bytes | None) -> None:
    result = result_of(value)
    assert (result.structured, [part.body for part in result.parts]) == (structured, [body] if body else [])
    assert not result.failed


def test_what_is_no_json_is_a_failure_that_says_so() -> None:
    result = result_of({"a": object()})
    assert result.failed
    assert b"no JSON" in result.parts[0].body
