"""The operations of a document, each as a tool."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

import jsonschema_rs

from banyan.core.tool import Effects, ToolSpec
from banyan.tools.faults import schema_fault
from banyan.tools.openapi import body as bodies
from banyan.tools.openapi import endpoints, parameters
from banyan.tools.openapi.answers import answer
from banyan.tools.openapi.arguments import Arguments, arguments
from banyan.tools.openapi.binding import Binding, Place, Style
from banyan.tools.openapi.definitions import Definitions, Patterns
from banyan.tools.openapi.dialect import Converted, Direction
from banyan.tools.openapi.document import Document, Version
from banyan.tools.openapi.names import named
from banyan.tools.openapi.notes import shown
from banyan.tools.openapi.parameters import Parameter, ParameterProblem
from banyan.tools.openapi.plain import line, prose
from banyan.tools.openapi.refs import Node

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MAX_TITLE = 200
MAX_DESCRIPTION = 4_000
_TAG_CHARS = 64
_MAX_TAGS = 12
_PATH_CHARS = 2_000
_TEMPLATE = re.compile(r"\{([^{}/]*)\}")

_EFFECTS = {
    "get": Effects(read_only=True, idempotent=True),
    "put": Effects(idempotent=True),
    "delete": Effects(destructive=True, idempotent=True),
}
_EFFECTS |= dict.fromkeys(("head", "options", "trace"), _EFFECTS["get"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecLimits:
    """How much of a document one tool holds."""

    input_bytes: int = 128 * 1024
    """An operation's input schema as JSON, with all that it refers to."""
    output_bytes: int = 16 * 1024
    """The schema of its answer."""
    max_operations: int = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a document."""

    method: str
    path: str
    spec: ToolSpec


def operations(document: Document, *, server: str, limits: SpecLimits | None = None) -> Iterator[Operation]:
    """Yield every operation of `document`, one at a time; one that cannot be offered has a `fault` in its spec.

    Args:
        document: what was loaded.
        server: the name that the tools' specs have as their server's.
        limits: how much one tool holds.
    """
    yield from _Reader(document, server, limits or SpecLimits()).operations()


class _Reader:
    """Reads operations; what they share is read once."""

    def __init__(self, document: Document, server: str, limits: SpecLimits) -> None:
        self._document = document
        self._server = server
        self._limits = limits
        patterns = Patterns()
        self._inputs = Definitions(document.refs, document.notes, Direction.REQUEST, patterns)
        self._outputs = Definitions(document.refs, document.notes, Direction.RESPONSE, patterns)
        self._servers = endpoints.document_servers(document)
        self._schemes = endpoints.schemes(document)

    def operations(self) -> Iterator[Operation]:
        """Yield every operation."""
        taken: set[str] = set()
        count = 0
        for path, item in self._paths():
            for method in METHODS:
                operation = item.child(method)
                if operation.value is None:
                    continue
                count += 1
                if count > self._limits.max_operations:
                    self._document.notes.add(f"there are more than {self._limits.max_operations:,} operations")
                    return
                yield self._operation(method, path, item, operation, taken)

    def _paths(self) -> Iterator[tuple[str, Node]]:
        for section in ("paths", "x-ms-paths"):
            paths = self._document.at(section)
            if not isinstance(paths.value, Mapping):
                if section == "paths":
                    self._document.notes.add("the document has no paths")
                continue
            for path in paths.value:
                if path.startswith("x-"):
                    continue
                item = self._document.follow(paths.child(path))
                if isinstance(item.value, Mapping):
                    yield path, item
                else:
                    self._document.notes.add(f"the path `{shown(path)}` cannot be read, nor how many operations it has")

    def _operation(self, method: str, path: str, item: Node, operation: Node, taken: set[str]) -> Operation:
        operation = self._document.follow(operation)
        value = operation.value if isinstance(operation.value, Mapping) else {}
        name, _ = named(value.get("operationId"), method, path, taken)
        bare = ToolSpec(
            server=self._server,
            upstream_name=name,
            title=line(value.get("summary"), MAX_TITLE),
            description=described(value),
            effects=_EFFECTS.get(method, Effects()),
            tags=_tags(value),
        )
        try:
            spec = self._spec(bare, method, path, item, operation)
        except ParameterProblem as problem:
            spec = replace(bare, fault=str(problem))
        return Operation(method=method.upper(), path=path, spec=spec)

    def _spec(self, bare: ToolSpec, method: str, path: str, item: Node, operation: Node) -> ToolSpec:
        if not isinstance(operation.value, Mapping):
            raise ParameterProblem("it is no object")
        if len(path) > _PATH_CHARS:
            raise ParameterProblem(f"its path has {len(path):,} characters, more than {_PATH_CHARS:,}")
        given = list(parameters.nodes(self._document, item.child("parameters"), operation.child("parameters")))
        body = self._body(operation, given)
        template, query = _split(path)
        taken = arguments(self._parameters(template, given), body)
        schema = self._inputs.whole(Converted(taken.schema, taken.refs), self._limits.input_bytes)
        fault = schema_fault(schema)
        if fault is not None:
            raise ParameterProblem(fault)
        accept, output = answer(self._document, self._outputs, operation, self._limits.output_bytes)
        return replace(
            bare,
            input_schema=schema,
            output_schema=output,
            examples=tuple(replace(one, text=bare.title) for one in taken.examples if _fits(one.arguments, schema)),
            binding=self._binding(method, template, query, item, operation, taken, accept).to_json(),
        )

    def _body(self, operation: Node, given: list[Node]) -> bodies.Body | None:
        if self._document.version is Version.V2:
            return bodies.v2(self._document, self._inputs, operation, given)
        return bodies.v3(self._document, self._inputs, operation)

    def _parameters(self, template: str, given: list[Node]) -> list[Parameter]:
        wanted = dict.fromkeys(_TEMPLATE.findall(template))
        found: list[Parameter] = []
        for node in given:
            if node.value.get("in") in ("body", "formData"):
                continue
            one = parameters.parameter(self._document, self._inputs, node)
            if one is None:
                continue
            if one.place is not Place.PATH:
                found.append(one)
            elif one.name in wanted:
                del wanted[one.name]
                found.append(one)
            else:
                self._document.notes.add(f"the path `{shown(template)}` has no place for `{shown(one.name, 40)}`")
        return [*(_missing(name) for name in wanted), *found]

    def _binding(
        self,
        method: str,
        template: str,
        query: tuple[tuple[str, str], ...],
        item: Node,
        operation: Node,
        taken: Arguments,
        accept: tuple[str, ...],
    ) -> Binding:
        own = endpoints.servers(self._document, item, operation) if self._document.version is not Version.V2 else ()
        security = endpoints.security(self._document, operation, self._schemes)
        used = {name for one in security for name in one}
        return Binding(
            method=method.upper(),
            path=template,
            query=query,
            servers=own or self._servers,
            own_servers=bool(own) and own != self._servers,
            parameters=taken.parameters,
            body=taken.body,
            security=security,
            schemes={name: scheme for name, scheme in self._schemes.items() if name in used},
            accept=accept,
        )


def _fits(arguments: Mapping[str, object], schema: Mapping[str, object]) -> bool:
    """Return whether an example is one: many in documents are not what the same document asks for."""
    return jsonschema_rs.validator_for(dict(schema), offline=True).is_valid(dict(arguments))


def _split(path: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a path without the query and fragment that some documents tell operations apart by, and the query."""
    template = path.partition("#")[0]
    template, _, query = template.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True) if query and "{" not in query else []
    return template if template.startswith("/") else f"/{template}", tuple(pairs)


def _missing(name: str) -> Parameter:
    """Return the parameter that a path has a place for and nobody declared."""
    return Parameter(
        name=name,
        place=Place.PATH,
        style=Style.SIMPLE,
        explode=False,
        required=True,
        schema=Converted({"type": "string"}),
    )


def described(value: Mapping[str, object]) -> str:
    """Return what an operation says of itself: its summary, and its description where that says more."""
    summary = line(value.get("summary"), MAX_TITLE)
    told = prose(value.get("description"), MAX_DESCRIPTION)
    if summary and not told.casefold().startswith(summary.casefold().rstrip(".")):
        told = f"{summary}\n\n{told}".strip()
    if value.get("deprecated") is True:
        told = f"Deprecated. {told}".strip()
    return told


def _tags(value: Mapping[str, object]) -> tuple[str, ...]:
    stated = value.get("tags")
    texts = [shown(one, _TAG_CHARS) for one in stated[:100] if isinstance(one, str)] if isinstance(stated, list) else []
    return tuple(dict.fromkeys(one for one in texts if one))[:_MAX_TAGS]
