"""Small documents, and what is read of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from banyan.core.tool import ToolSpec
from banyan.tools.openapi.binding import Binding
from banyan.tools.openapi.document import Document, load
from banyan.tools.openapi.operations import SpecLimits, operations

ORIGIN = "https://api.example.com/docs/openapi.json"


def document(version: Any = "3.0.3", **parts: Any) -> Document:
    key = "swagger" if version.startswith("2") else "openapi"
    whole = {key: version, "info": {"title": "Shop", "version": "7"}, **parts}
    return load(orjson.dumps(whole), origin=ORIGIN)


def specs(found: Document, limits: SpecLimits | None = None) -> dict[str, ToolSpec]:
    return {one.spec.upstream_name: one.spec for one in operations(found, server="shop", limits=limits)}


def spec_of(operation: Mapping[str, Any], version: str = "3.0.3", **parts: Any) -> ToolSpec:
    """Return the tool of a document whose single operation, `POST /things`, is `operation`."""
    path = parts.pop("path", "/things")
    return next(iter(specs(document(version, paths={path: {"post": operation}}, **parts)).values()))


def binding_of(spec: ToolSpec) -> Binding:
    return Binding.from_json(spec.binding)


def taking(schema: Any, media_type: str = "application/json", *, required: bool = True, **media: Any) -> dict[str, Any]:
    """Return an operation whose body has `schema`."""
    return {"requestBody": {"required": required, "content": {media_type: {"schema": schema, **media}}}}
