"""What a method answered, as a result, or as why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from banyan.core.call import Category, Part, RawResult
from banyan.core.errors import CallFailed
from banyan.core.shorten import cut
from banyan.tools.web.request import WebResponse

_NEXT_PAGE = "nextPageToken"
_MESSAGE_CHARS = 600
_CATEGORIES: Mapping[str, Category] = {
    "INVALID_ARGUMENT": Category.BAD_VALUE,
    "OUT_OF_RANGE": Category.BAD_VALUE,
    "UNAUTHENTICATED": Category.AUTH,
    "PERMISSION_DENIED": Category.AUTH,
    "NOT_FOUND": Category.NOT_FOUND,
    "RESOURCE_EXHAUSTED": Category.RATE_LIMITED,
    "DEADLINE_EXCEEDED": Category.TIMEOUT,
}
"""Names of `google.rpc.Code`, which are exacter than the status that carries them; others go by the status."""
_FIXES: Mapping[str, str] = {
    "SERVICE_DISABLED": "have a person enable the API for the project, in Google's console",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "have a person log in with the scopes that the method needs",
    "API_KEY_INVALID": "have a person check the API key",
    "rateLimitExceeded": "wait, then call again",
    "userRateLimitExceeded": "wait, then call again",
}


def result(response: WebResponse) -> RawResult:
    """Return the answer of a call that worked: a JSON value, or content of any other type."""
    if not response.body:
        return RawResult()
    if response.media_type == "application/json" or response.media_type.endswith("+json"):
        try:
            value = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            pass
        else:
            return RawResult(structured=value, notes=_notes(value))
    media_type = response.media_type or "application/octet-stream"
    return RawResult(parts=(Part(media_type=media_type, body=response.body),))


def refined(failure: CallFailed, response: WebResponse) -> CallFailed:
    """Return `failure` with what Google's own error says, where the response has one."""
    error = _error(response.body)
    if error is None:
        return failure
    code, reason = str(error.get("status") or ""), _reason(error)
    message = cut(" ".join(str(error.get("message") or "").split()), _MESSAGE_CHARS)
    told = ": ".join(one for one in (code or reason, message) if one)
    category = _CATEGORIES.get(code, failure.category)
    if "ratelimit" in reason.casefold():
        category = Category.RATE_LIMITED
    return CallFailed(category, told or failure.message, fix=_FIXES.get(reason, failure.fix), sent=failure.sent)


def _notes(value: Any) -> tuple[str, ...]:
    token = value.get(_NEXT_PAGE) if isinstance(value, Mapping) else None
    if not isinstance(token, str) or not token:
        return ()
    return (f"there is more: call again with `pageToken` {orjson.dumps(cut(token, 400)).decode()}",)


def _error(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(found, list) and found:  # streamed methods answer a list, of errors too
        found = found[0]
    error = found.get("error") if isinstance(found, Mapping) else None
    if isinstance(error, str):  # as token servers have it
        return {"status": error, "message": found.get("error_description")}
    return error if isinstance(error, Mapping) else None


def _reason(error: Mapping[str, Any]) -> str:
    for key in ("details", "errors"):
        for one in error.get(key) or () if isinstance(error.get(key), list) else ():
            if isinstance(one, Mapping) and isinstance(one.get("reason"), str):
                return str(one["reason"])
    return ""
