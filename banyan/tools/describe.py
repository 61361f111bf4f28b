"""What is known of a tool, in full or as much as fits, with the way to the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from banyan.core.errors import InvalidArgument
from banyan.core.shorten import compact, cut
from banyan.core.tool import Effects, Example, Tool, ToolState
from banyan.tools import pointer, schema
from banyan.tools.elide import elide
from banyan.tools.signature import signature

if TYPE_CHECKING:
    from banyan.core.ids import SourceName, ToolName
    from banyan.tools.resolve import Resolver

_INPUT, _OUTPUT = "input_schema", "output_schema"
_LEAST_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeLimits:
    """How much one answer holds."""

    answer_chars: int = 6_000
    """Characters of all descriptions of one answer, as JSON."""
    max_names: int = 20
    """Tools of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A tool as a model or a person is shown it; what was left out of a schema says by which path it is had."""

    name: ToolName
    server: str
    source: SourceName
    title: str
    description: str
    signature: str
    input_schema: Any
    output_schema: Any
    effects: Effects
    tags: tuple[str, ...]
    examples: tuple[Example, ...]
    combines_with: str
    state: ToolState
    state_reason: str | None
    digest: str
    changed_at: datetime
    path: str = ""
    """The JSON Pointer that was followed; "" where the whole tool is described."""
    part: Any = None
    """With a path: the part of the schema that it leads to; the rest of the description is then left out of JSON."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that every surface prints."""
        if self.path:
            return {"name": self.name, "path": self.path, "schema": self.part, "digest": self.digest}
        return {
            "name": self.name,
            "server": self.server,
            "source": self.source,
            "title": self.title,
            "description": self.description,
            "signature": self.signature,
            "effects": asdict(self.effects),
            "tags": list(self.tags),
            "examples": [{"text": one.text, "arguments": one.arguments} for one in self.examples],
            "combines_with": self.combines_with,
            "state": self.state.value,
            "state_reason": self.state_reason,
            "digest": self.digest,
            "changed_at": self.changed_at.isoformat(),
            _INPUT: self.input_schema,
            _OUTPUT: self.output_schema,
        }


class Describer:
    """Describes tools by name."""

    def __init__(self, resolver: Resolver, limits: DescribeLimits | None = None) -> None:
        self._resolver = resolver
        self._limits = limits or DescribeLimits()

    async def describe(self, names: Sequence[str], *, path: str = "") -> list[Description]:
        """Return the tools of these names, in that order, in whatever state they are.

        Args:
            names: tools, as `call` takes them.
            path: a JSON Pointer into the schemas: `/input_schema/..`, `/output_schema/..`, or without either of
                these into the input schema. It goes through local references, and `#/$defs/..` is taken as well.

        Raises:
            UnknownTool: there is no such tool.
            InvalidArgument: there are too many names or none, or `path` leads nowhere.
        """
        if not 1 <= len(names) <= self._limits.max_names:
            raise InvalidArgument("names", f"{len(names)} should be between 1 and {self._limits.max_names}")
        tools = [await self._resolver.resolve(name) for name in names]
        room = max(_LEAST_CHARS, self._limits.answer_chars // len(tools))
        return [_described(tool, path, room) for tool in tools]


def _described(tool: Tool, path: str, room: int) -> Description:
    if not path:
        return _whole(tool, room)
    at, part = _follow(tool, path)
    return _description(tool, room, path=at, part=elide(part, room - 300, at))


def _whole(tool: Tool, room: int) -> Description:
    bare = _description(tool, room)
    left = room - len(compact(bare.to_json()))
    output = tool.spec.output_schema
    needed = len(compact(output))
    # The output schema helps to read a result; the input schema is what makes a call right, and goes first.
    share = left if output is None else max(left - needed, left * 2 // 3)
    inner = elide(tool.spec.input_schema, share, f"/{_INPUT}")
    outer = None if output is None else elide(output, left - len(compact(inner)), f"/{_OUTPUT}")
    return _description(tool, room, inner=inner, outer=outer)


def _description(
    tool: Tool, room: int, *, inner: Any = None, outer: Any = None, path: str = "", part: Any = None
) -> Description:
    spec = tool.spec
    examples: list[Example] = []
    for one in spec.examples:
        if len(compact([[e.text, e.arguments] for e in [*examples, one]])) > room // 6:
            break
        examples.append(one)
    return Description(
        name=tool.name,
        server=spec.server[:80],
        source=tool.source,
        title=cut(spec.title, 120),
        description=cut(spec.description, room // 3),
        signature=signature(tool, limit=min(400, room // 6)),
        input_schema=inner,
        output_schema=outer,
        effects=spec.effects,
        tags=tuple(tag[:40] for tag in spec.tags[:12]),
        examples=tuple(examples),
        combines_with=cut(spec.combines_with, room // 12),
        state=tool.state,
        state_reason=tool.state_reason and cut(tool.state_reason, room // 12),
        digest=tool.digest,
        changed_at=tool.changed_at,
        path=path,
        part=part,
    )


def _follow(tool: Tool, path: str) -> tuple[str, Any]:
    """Return the normal form of `path` and what it leads to.

    Raises:
        InvalidArgument: it leads nowhere.
    """
    roots = {_INPUT: tool.spec.input_schema, _OUTPUT: tool.spec.output_schema}
    try:
        segments = pointer.parse(path)
        head, rest = (segments[0], segments[1:]) if segments and segments[0] in roots else (_INPUT, segments)
        root = value = roots[head]
        for at, segment in enumerate(rest):
            if isinstance(value, Mapping) and segment not in value:
                value = schema.deref(value, root)
            try:
                value = pointer.step(value, segment)
            except KeyError:
                raise pointer.PointerError(pointer.nowhere(value, rest, at)) from None
    except pointer.PointerError as error:
        raise InvalidArgument("path", f"{error} (`{tool.name}`)") from error
    return pointer.build((head, *rest)), value
