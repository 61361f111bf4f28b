"""The operations of a service model as tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from banyan.core.tool import Effects, ToolSpec
from banyan.tools.aws.effects import Verbs, effects_of
from banyan.tools.aws.shapes import Budget, Shapes, Texts, Unsupported, schema_of
from banyan.tools.aws.text import plain_text, without_notices
from banyan.tools.replay import KEY_ARGUMENT

REGION = "aws_region"
"""The argument that every tool has beside those of its operation."""

PAGES = "pages"
"""Key of a binding: how the next page is had."""

DEPRECATED = "deprecated"
"""Tag of operations that AWS would rather not have called."""

_DESCRIPTION_CHARS = 1_200
_REGION_SCHEMA = {"type": "string", "description": "Region to call in, as us-east-1; the configured one if not given"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """How large a tool's schemas may be."""

    input_bytes: int = 256 * 1024
    """Bytes of an input schema as JSON."""
    output_bytes: int = 16 * 1024
    """Bytes of an output schema; one that is larger even without its texts and depths is left out."""


_INPUT = (
    Budget(first_chars=400, deep_chars=200, values=100),
    Budget(first_chars=300, deep_chars=100, values=60),
    Budget(first_chars=200, deep_chars=0, values=30),
    Budget(first_chars=100, deep_chars=0, values=12, levels=5, bounds=False),
    Budget(first_chars=60, deep_chars=0, values=6, levels=2, bounds=False),
    Budget(first_chars=0, deep_chars=0, values=6, levels=0, bounds=False),
)
_OUTPUT = (
    Budget(first_chars=120, deep_chars=0, values=12, bounds=False),
    Budget(first_chars=60, deep_chars=0, values=6, levels=2, bounds=False),
    Budget(first_chars=0, deep_chars=0, values=6, levels=1, bounds=False),
)
"""Ever less, until it fits."""


def operation_specs(
    service: str,
    model: Mapping[str, Any],
    pages: Mapping[str, Mapping[str, Any]],
    verbs: Verbs,
    limits: SchemaLimits | None = None,
) -> list[ToolSpec]:
    """Return the operations of a service as tools, each with its schemas; one that cannot be called has its fault.

    Args:
        service: short name of the service, as `s3`.
        model: its service model, `service-2`.
        pages: how its operations are paged, by name, from `paginators-1`.
        verbs: what operations do, where the model does not say.
        limits: of the schemas.
    """
    reader = _Reader(service, model, limits or SchemaLimits())
    return [
        # The key is what the SDKs call it; its own `name` is the wire's, in which some services write a date.
        reader.spec(name, operation, effects_of(service, name, operation, verbs), pages.get(name, {}))
        for name, operation in model["operations"].items()
    ]


class _Reader:
    """Reads the operations of one service."""

    def __init__(self, service: str, model: Mapping[str, Any], limits: SchemaLimits) -> None:
        self._service = service
        metadata = model["metadata"]
        self._title = metadata.get("serviceAbbreviation") or metadata["serviceFullName"]
        self._shapes: Shapes = model["shapes"]
        self._limits = limits
        self._texts = Texts()

    def spec(self, name: str, operation: Mapping[str, Any], effects: Effects, pages: Mapping[str, Any]) -> ToolSpec:
        fault = None
        try:
            schema = self._input(operation.get("input", {}).get("shape"))
        except Unsupported as error:
            schema, fault = schema_of(None, {}, _INPUT[0], self._texts), str(error)
        return ToolSpec(
            server=self._service,
            upstream_name=name,
            title=self._title,
            description=_description(operation),
            input_schema=schema,
            output_schema=self._output(operation.get("output", {}).get("shape")),
            effects=effects,
            tags=("aws", DEPRECATED) if operation.get("deprecated") else ("aws",),
            binding=self._binding(operation, pages),
            fault=fault,
        )

    def _input(self, name: str | None) -> dict[str, Any]:
        for budget in _INPUT:
            schema = schema_of(name, self._shapes, budget, self._texts)
            schema["properties"][REGION] = _REGION_SCHEMA
            if len(orjson.dumps(schema)) <= self._limits.input_bytes:
                break
        return schema

    def _output(self, name: str | None) -> dict[str, Any] | None:
        if name is None or not self._shapes[name].get("members"):
            return None
        for budget in _OUTPUT:
            try:
                schema = schema_of(name, self._shapes, budget, self._texts)
            except Unsupported:
                return None
            if len(orjson.dumps(schema)) <= self._limits.output_bytes:
                return schema
        return None

    def _binding(self, operation: Mapping[str, Any], pages: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        members = self._shapes.get(operation.get("input", {}).get("shape", ""), {}).get("members", {})
        tokens = [name for name, one in members.items() if one.get("idempotencyToken")]
        if tokens:
            found[KEY_ARGUMENT] = tokens[0]
        if pages.get("input_token") and pages.get("output_token"):
            found[PAGES] = {
                "input": _listed(pages["input_token"]),
                "output": _listed(pages["output_token"]),
                "more": pages.get("more_results", ""),
            }
        return found


def _description(operation: Mapping[str, Any]) -> str:
    said = plain_text(without_notices(operation.get("documentation", "")), _DESCRIPTION_CHARS)
    if not operation.get("deprecated"):
        return said
    why = plain_text(operation.get("deprecatedMessage", ""), 300)
    return " ".join(filter(None, ("Deprecated.", why, said)))


def _listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
