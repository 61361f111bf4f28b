"""Arguments of the tools, as models send them: read leniently, and refused in words a model can act on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from banyan.core.call import Category


def _listed(value: Any) -> Any:
    """Take one string for a list of one, a JSON list in a string for that list, and commas for separators."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return [value]
    return [part.strip() for part in value.split(",") if part.strip()]


def _blank_as_none(value: Any) -> Any:
    return None if value == "" else value


Listed = Annotated[list[str], BeforeValidator(_listed)]
Optional = Annotated[str | None, BeforeValidator(_blank_as_none)]


class Arguments(BaseModel):
    """Arguments of a tool of this server: what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FindArguments(Arguments):
    """Arguments of `find_tools`."""

    query: str = Field(default="", max_length=4_000)
    k: int = Field(default=5, ge=1, le=50)
    server: Optional = Field(default=None, max_length=200)
    effects: Listed = Field(default=[], max_length=3)
    task: Optional = Field(default=None, max_length=200)


class DescribeArguments(Arguments):
    """Arguments of `describe_tools`."""

    names: Listed = Field(min_length=1, max_length=20)
    path: str = Field(default="", max_length=2_000)


class CallArguments(Arguments):
    """Arguments of `call_tool`."""

    name: str = Field(min_length=1, max_length=400)
    arguments: dict[str, Any] | str | None = None
    task: Optional = Field(default=None, max_length=200)
    idempotency_key: Optional = Field(default=None, max_length=200)


class ReadArguments(Arguments):
    """Arguments of `read_result`."""

    handle: str = Field(min_length=1, max_length=200)
    path: str = Field(default="", max_length=2_000)
    offset: int = Field(default=0, ge=0)
    limit: int | None = Field(default=None, ge=1)


class Refused(Exception):
    """Arguments that cannot be used; it becomes an answer at once, and never leaves the server."""

    def __init__(self, category: Category, message: str, fix: str) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.fix = fix


Read = TypeVar("Read", bound=Arguments)


def read(model: type[Read], given: Mapping[str, Any] | None) -> Read:
    """Return the arguments of a tool.

    Raises:
        Refused: one is unknown, missing, or of a wrong type or size; the first problem is told.
    """
    # A null for an argument that may be left out means that it was left out.
    present = {key: value for key, value in (given or {}).items() if value is not None}
    try:
        return model.model_validate(present)
    except ValidationError as error:
        raise _refused(model, error) from None


_KINDS = {"extra_forbidden": Category.UNKNOWN_ARGUMENT, "missing": Category.MISSING_ARGUMENT}
_ORDER = (Category.UNKNOWN_ARGUMENT, Category.MISSING_ARGUMENT, Category.BAD_VALUE)


def _refused(model: type[Arguments], error: ValidationError) -> Refused:
    """Tell the first problem, an unknown name before a missing one: it is often the missing one, misspelt."""
    problems = sorted(
        ((_KINDS.get(one["type"], Category.BAD_VALUE), one) for one in error.errors(include_url=False)),
        key=lambda pair: _ORDER.index(pair[0]),
    )
    category, first = problems[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    takes = ", ".join(
        f"`{key}`" if field.is_required() else f"`{key}` (optional)" for key, field in model.model_fields.items()
    )
    if category is Category.UNKNOWN_ARGUMENT:
        inside = " A tool's own arguments go inside `arguments`." if model is CallArguments else ""
        return Refused(category, f"there is no argument `{name[:80]}`", f"It takes {takes}.{inside}")
    if category is Category.MISSING_ARGUMENT:
        return Refused(category, f"`{name}` is missing", f"It takes {takes}.")
    where = "/".join(str(part) for part in first["loc"])
    got = type(first["input"]).__name__
    return Refused(
        category, f"`{where[:80]}`: {first['msg'].lower()}; got a {_JSON_NAMES.get(got, got)}", f"It takes {takes}."
    )


_JSON_NAMES = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "dict": "object", "list": "list"}
