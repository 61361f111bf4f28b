"""What went wrong with a server, in our own words and categories."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, ErrorData
from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, URL_ELICITATION_REQUIRED

from banyan.core.call import Category
from banyan.core.errors import CallFailed

MAX_MESSAGE = 1_000
"""Characters of a server's error message that are passed on."""

_LOCAL = "banyan"
_LOCAL_CODE = -32_019
"""Of the range that the specification leaves to implementations."""

_RESOURCE_NOT_FOUND = -32_002
_BY_STATUS = {
    401: (Category.AUTH, "the server wants other credentials"),
    403: (Category.AUTH, "the server forbids this"),
    404: (Category.NOT_FOUND, "the server has nothing at this address"),
    405: (Category.NOT_FOUND, "the server does not speak MCP at this address"),
    408: (Category.TIMEOUT, "the server waited too long for the request"),
    429: (Category.RATE_LIMITED, "the server wants fewer requests"),
}

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_FOUND = re.compile(r"unknown tool|no such tool|tool .{0,120}not found|not found", re.IGNORECASE)
_MISSING = re.compile(r"missing|required", re.IGNORECASE)


def local_error(
    category: Category, message: str, *, sent: bool, fix: str | None = None, over: bool = False
) -> ErrorData:
    """Return the JSON-RPC error by which a transport of ours answers in a server's place.

    With `over` the conversation cannot go on.
    """
    about = {"category": category.value, "sent": sent, "fix": fix, "over": over}
    return ErrorData(code=_LOCAL_CODE, message=message, data={_LOCAL: about})


def is_local(error: MCPError) -> bool:
    """Return whether `error` is one that a transport of ours made."""
    return error.code == _LOCAL_CODE and isinstance(error.data, dict) and isinstance(error.data.get(_LOCAL), dict)


def ends_session(error: MCPError) -> bool:
    """Return whether after `error` the conversation cannot go on."""
    if is_local(error):
        return error.data[_LOCAL].get("over") is True
    return error.code == CONNECTION_CLOSED and error.message == "Connection closed"


def call_failed(error: MCPError, redact: Callable[[str], str]) -> CallFailed:
    """Return the failure of a call that was answered with a JSON-RPC error."""
    message = bounded(error.message, redact)
    if is_local(error):
        # A server can imitate these; what it gains is to choose the words for its own failure.
        about = error.data[_LOCAL]
        sent = about.get("sent") is not False
        return CallFailed(Category(about.get("category")), message, fix=about.get("fix"), sent=sent)
    if error.code == URL_ELICITATION_REQUIRED:
        return CallFailed(Category.AUTH, message, fix=_visit(error.data), sent=True)
    return CallFailed(_category(error.code, message), message or "the server gave no reason", sent=True)


def status_error(status: int, retry_after: str | None = None) -> ErrorData:
    """Return the error that an HTTP status stands for."""
    default = (Category.UPSTREAM, "the server failed" if status >= 500 else "the server refused the request")
    category, said = _BY_STATUS.get(status, default)
    fix = None
    if category is Category.AUTH:
        fix = "check the secret that the source's `headers` refer to"
    elif category is Category.RATE_LIMITED:
        fix = f"try again in {retry_after[:40]} s" if retry_after else "try again later"
    # Below 500 the request was turned away before it reached the tool.
    return local_error(category, f"{said} (HTTP {status})", fix=fix, sent=status >= 500)


def bounded(text: object, redact: Callable[[str], str]) -> str:
    """Return what a server said, short, without secrets and control characters."""
    clean = _CONTROL.sub(" ", redact(str(text))).strip()
    return clean if len(clean) <= MAX_MESSAGE else clean[:MAX_MESSAGE] + " …"


def _category(code: int, message: str) -> Category:
    if code == CONNECTION_CLOSED and message.startswith("SSE stream"):
        # The SDK's word for an answer that broke off; servers use the number for anything.
        return Category.TRANSPORT
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
