"""What went wrong with a server, in our own words and categories."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import ErrorData
from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, URL_ELICITATION_REQUIRED

from banyan.core.call import Category
from banyan.core.errors import CallFailed

MAX_MESSAGE = 1_000
"""Characters of a server's error message that are passed on."""

_LOCAL = "banyan"
_LOCAL_CODE = -32_019
"""Of the range that the specification leaves to implementations."""

_RESOURCE_NOT_FOUND = -32_002
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_FOUND = re.compile(r"unknown tool|no such tool|tool .{0,120}not found|not found", re.IGNORECASE)
_MISSING = re.compile(r"missing|required", re.IGNORECASE)


def local_error(category: Category, message: str, *, sent: bool, fix: str | None = None) -> ErrorData:
    """Return the JSON-RPC error by which a transport of ours answers in a server's place."""
    about = {"category": category.value, "sent": sent, "fix": fix}
    return ErrorData(code=_LOCAL_CODE, message=message, data={_LOCAL: about})


def is_local(error: MCPError) -> bool:
    """Return whether `error` is one that a transport of ours made."""
    return error.code == _LOCAL_CODE and isinstance(error.data, Mapping) and _LOCAL in error.data


def call_failed(error: MCPError, redact: Callable[[str], str]) -> CallFailed:
    """Return the failure of a call that was answered with a JSON-RPC error."""
    message = bounded(error.message, redact)
    if is_local(error):
        about = error.data[_LOCAL]
        return CallFailed(Category(about["category"]), message, fix=about["fix"], sent=about["sent"])
    if error.code == URL_ELICITATION_REQUIRED:
        return CallFailed(Category.AUTH, message, fix=_visit(error.data), sent=True)
    return CallFailed(_category(error.code, message), message or "the server gave no reason", sent=True)


def bounded(text: object, redact: Callable[[str], str]) -> str:
    """Return what a server said, short, without secrets and control characters."""
    clean = _CONTROL.sub(" ", redact(str(text))).strip()
    return clean if len(clean) <= MAX_MESSAGE else clean[:MAX_MESSAGE] + " …"


def _category(code: int, message: str) -> Category:
    if code in (METHOD_NOT_FOUND, _RESOURCE_NOT_FOUND):
        return Category.NOT_FOUND
    if code == INVALID_PARAMS:
        if _NOT_FOUND.search(message):
            return Category.NOT_FOUND
        return Category.MISSING_ARGUMENT if _MISSING.search(message) else Category.BAD_VALUE
    return Category.UPSTREAM


def _visit(data: Any) -> str | None:
    asked = data.get("elicitations", ()) if isinstance(data, Mapping) else ()
    urls = [str(one["url"])[:500] for one in asked if isinstance(one, Mapping) and "url" in one]
    return f"open {' and '.join(urls[:3])}, then call again" if urls else None
