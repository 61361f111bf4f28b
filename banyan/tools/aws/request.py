"""JSON arguments as what botocore takes: bytes where a blob stands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from banyan.core.call import Category
from banyan.core.errors import CallFailed

if TYPE_CHECKING:
    from botocore.model import Shape


def parameters(arguments: Mapping[str, Any], shape: Shape | None) -> dict[str, Any]:
    """Return `arguments` as the parameters of an operation whose input has `shape`.

    Raises:
        CallFailed: what should be base64 is not.
    """
    return {} if shape is None else dict(_value(arguments, shape))


def _value(value: Any, shape: Shape) -> Any:
    kind = shape.type_name
    if kind == "blob":
        return _bytes(value, shape.name)
    if kind == "structure" and isinstance(value, Mapping) and not getattr(shape, "is_document_type", False):
        members = shape.members
        return {key: _member(one, members[key]) if key in members else one for key, one in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_value(one, shape.member) for one in value]
    if kind == "map" and isinstance(value, Mapping):
        return {key: _value(one, shape.value) for key, one in value.items()}
    return value


def _member(value: Any, shape: Shape) -> Any:
    is_json = shape.serialization.get("jsonvalue") and shape.serialization.get("location") == "header"
    return value if is_json else _value(value, shape)


def _bytes(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, Mapping) and isinstance(value.get("base64"), str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except binascii.Error as error:
            raise CallFailed(Category.BAD_VALUE, f"`{name}` is not base64: {error}", sent=False) from error
    return value
