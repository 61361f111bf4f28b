"""Python functions as tools: `@tool`, the schema from type hints and docstring, arguments in and results out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, get_type_hints, overload

from banyan.core.call import Category, Part, RawResult
from banyan.core.errors import CallFailed, InvalidArgument
from banyan.core.shorten import cut
from banyan.core.tool import Effects, Example, ToolSpec

if TYPE_CHECKING:
    import pydantic

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__banyan_tool__"
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_ERROR_CHARS = 2_000
_MAX_PROBLEMS = 8


class ToolOptions(TypedDict, total=False):
    """What a decorated function says of itself beyond its signature and docstring."""

    name: str
    """Its name as a tool; the function's own if not given."""
    description: str
    """What it does; the docstring's text if not given."""
    read_only: bool
    """It changes nothing."""
    destructive: bool
    """It may delete or overwrite."""
    idempotent: bool
    """A second call with the same arguments changes nothing more."""
    tags: Sequence[str]
    examples: Sequence[Example]


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(**options: Unpack[ToolOptions]) -> Callable[[F], F]: ...


def tool(function: F | None = None, /, **options: Unpack[ToolOptions]) -> F | Callable[[F], F]:
    """Mark a function as a tool, and return it as it was: it is called as before.

    Its input schema is made of its type hints, its defaults and its docstring; its output schema of what it returns.
    A function of which nothing is stated may write: state `read_only=True` where it only reads.

    Args:
        function: the function, where the decorator stands without parentheses.
        options: what its hints and docstring do not say; see `ToolOptions`.

    Raises:
        InvalidArgument: the function takes `*args` or `**kwargs`, which have no schema, or an option is unknown.
    """

    def mark(marked: F) -> F:
        if unknown := options.keys() - ToolOptions.__annotations__.keys():
            raise InvalidArgument("tool", f"there is no option {', '.join(f'`{one}`' for one in sorted(unknown))}")
        _parameters(marked)
        setattr(marked, _MARK, options)
        return marked

    return mark if function is None else mark(function)


def options_of(function: Any) -> ToolOptions | None:
    """Return what `@tool` was given for `function`; None if it is not decorated."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, dict) else None  # type: ignore[return-value]


def name_of(function: Callable[..., Any]) -> str:
    """Return the name that `function` has as a tool."""
    options = options_of(function) or {}
    return str(options.get("name") or getattr(function, "__name__", type(function).__name__))


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A function ready to be listed and called."""

    spec: ToolSpec
    function: Callable[..., Any]
    arguments: type[pydantic.BaseModel]
    """Converts the arguments; its fields are `p0`, `p1` …, so that no name of a parameter can clash."""
    positional: frozenset[str]
    """Fields of parameters that can only be given by position."""

    @property
    def is_async(self) -> bool:
        """Whether the function is awaited rather than run in a thread."""
        called = getattr(self.function, "__call__", None)  # noqa: B004 - an object with an async `__call__` counts
        return inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(called)

    def bind(self, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments converted to what the function's hints say, by position and by name.

        Raises:
            CallFailed: one of them cannot be converted; nothing was called.
        """
        from pydantic import ValidationError

        try:
            model = self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_PROBLEMS]
            text = "; ".join(f"`/{'/'.join(map(str, one['loc']))}`: {one['msg']}" for one in problems)
            raise CallFailed(Category.BAD_VALUE, text, fix="correct the arguments", sent=False) from error
        given = model.model_fields_set
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for key, field in self.arguments.model_fields.items():
            if key in self.positional:
                args.append(getattr(model, key))
            elif key in given:
                kwargs[str(field.alias)] = getattr(model, key)
        return args, kwargs


def function_tool(function: Callable[..., Any], *, server: str, name: str | None = None) -> FunctionTool:
    """Return `function` as a tool of `server`.

    Raises:
        InvalidArgument: no schema can be made of it; the text says why.
    """
    options = options_of(function) or ToolOptions()
    name = name or name_of(function)
    parameters = _parameters(function)
    hints = _hints(function, name)
    documented = _Documented.of(function)
    model = _model(name, parameters, hints, documented)
    spec = ToolSpec(
        server=server,
        upstream_name=name,
        description=options.get("description") or documented.text,
        input_schema=_input_schema(name, model),
        output_schema=_output_schema(hints.get("return")),
        effects=_effects(options),
        tags=tuple(options.get("tags", ())),
        examples=tuple(options.get("examples", ())),
    )
    return FunctionTool(
        spec=spec,
        function=function,
        arguments=model,
        positional=frozenset(
            f"p{at}" for at, one in enumerate(parameters) if one.kind is inspect.Parameter.POSITIONAL_ONLY
        ),
    )


def result_of(value: Any) -> RawResult:
    """Return what a function returned as a result: text, bytes, or anything that can be written as JSON."""
    if value is None:
        return RawResult()
    if isinstance(value, str):
        return RawResult(parts=(Part(media_type="text/plain", body=value.encode("utf-8", "replace")),))
    if isinstance(value, bytes | bytearray | memoryview):
        return RawResult(parts=(Part(media_type="application/octet-stream", body=bytes(value)),))
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return RawResult(structured=to_jsonable_python(value, bytes_mode="base64", by_alias=True))
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        return failure(
            TypeError(f"it returned a {type(value).__name__}, which is no JSON value ({cut(str(error), 200)})")
        )


def failure(error: BaseException) -> RawResult:
    """Return the result of a function that raised: the type and the message, and no traceback."""
    text = cut(f"{type(error).__name__}: {error}", _ERROR_CHARS)
    return RawResult(parts=(Part(media_type="text/plain", body=text.encode("utf-8", "replace")),), failed=True)


@dataclass(frozen=True, slots=True)
class _Documented:
    """What a docstring says."""

    text: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, function: Callable[..., Any]) -> _Documented:
        from docstring_parser import parse

        found = parse(inspect.getdoc(function) or "")
        text = "\n\n".join(part for part in (found.short_description, found.long_description) if part)
        return cls(text, {one.arg_name: one.description for one in found.params if one.description})


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    name = name_of(function)
    if not callable(function):
        raise InvalidArgument("tool", f"`{type(function).__name__}` is no function")
    if name == "<lambda>":
        raise InvalidArgument("tool", "a lambda has no name that a model could call; define a function")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise InvalidArgument("tool", f"`{name}` does not tell its parameters") from error
    for one in parameters:
        if one.kind in _STARRED:
            stars = "*" if one.kind is inspect.Parameter.VAR_POSITIONAL else "**"
            raise InvalidArgument(
                "tool", f"`{name}` takes `{stars}{one.name}`, which has no schema: name its parameters"
            )
    return parameters


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    # Of a partial or of an object that is called, the hints are on what stands behind it.
    behind = getattr(function, "func", function)
    if not (inspect.isfunction(behind) or inspect.ismethod(behind) or inspect.isbuiltin(behind)):
        behind = type(behind).__call__
    try:
        return get_type_hints(behind, include_extras=True)
    except (NameError, TypeError, SyntaxError) as error:
        raise InvalidArgument("tool", f"the type hints of `{name}` cannot be read: {error}") from error


def _model(
    name: str, parameters: Sequence[inspect.Parameter], hints: Mapping[str, Any], documented: _Documented
) -> type[pydantic.BaseModel]:
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    fields: dict[str, Any] = {}
    for at, one in enumerate(parameters):
        told: dict[str, Any] = {"alias": one.name}
        if one.name in documented.parameters:
            told["description"] = documented.parameters[one.name]
        default = ... if one.default is inspect.Parameter.empty else one.default
        fields[f"p{at}"] = (hints.get(one.name, Any), Field(default, **told))
    config = ConfigDict(extra="forbid", use_attribute_docstrings=False)
    try:
        return create_model(name, __config__=config, **fields)
    except (PydanticSchemaGenerationError, PydanticUserError, NameError, TypeError) as error:
        reason = cut(str(error).partition("\n")[0], 200)
        raise InvalidArgument("tool", f"no schema can be made of the hints of `{name}`: {reason}") from error


def _input_schema(name: str, model: type[pydantic.BaseModel]) -> dict[str, Any]:
    from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

    try:
        made = model.model_json_schema(by_alias=True, schema_generator=_generator())
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        reason = cut(str(error).partition("\n")[0], 200)
        raise InvalidArgument("tool", f"no schema can be made of the hints of `{name}`: {reason}") from error
    made.pop("title", None)
    made.setdefault("properties", {})
    return made


def _output_schema(hint: Any) -> dict[str, Any] | None:
    """Return the schema of what is returned; None where the hint says nothing that a schema could."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError

    if hint in (None, type(None), Any, inspect.Parameter.empty, bytes, bytearray, memoryview):
        return None
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        made = adapter.json_schema(mode="serialization", by_alias=True, schema_generator=_generator())
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError, NameError, TypeError):
        return None
    return made or None


def _generator() -> Any:
    from pydantic.json_schema import GenerateJsonSchema

    class Plain(GenerateJsonSchema):
        """Schemas without the titles that only repeat a field's name, and without defaults that are no JSON."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - as its base has it

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

    return Plain


def _effects(options: ToolOptions) -> Effects:
    """Return what the options state; where they state nothing, the function may write and that is a guess."""
    stated = {key for key in ("read_only", "destructive", "idempotent") if key in options}
    return Effects(
        read_only=options.get("read_only", False),
        destructive=options.get("destructive", False),
        idempotent=options.get("idempotent", False),
        guessed=not stated,
    )
