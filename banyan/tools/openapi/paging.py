"""Whether an answer has a next page, and the arguments that get it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from banyan.tools.openapi.binding import Binding, Place
from banyan.tools.openapi.styles import json_text
from banyan.tools.web.request import WebResponse

_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)")
_NEXT = re.compile(r"rel\s*=\s*\"?(?:[^\";,]*\s)?next(?:[\s\";,]|$)", re.IGNORECASE)

_PARENTS = (
    "", "meta", "metadata", "response_metadata", "pagination", "paging", "paging.cursors", "page", "page_info",
    "pageInfo", "pages", "pages.next", "result_info", "links", "_links", "next_page", "cursor", "cursors", "meta.page",
    "meta.pagination", "response", "data",
)  # fmt: skip
"""Where in an answer what tells of the next page stands: paths of keys."""

_CURSORS: Mapping[str, tuple[str, ...]] = {
    "next_page_token": ("page_token", "pagetoken", "next_page_token", "token"),
    "nextpagetoken": ("page_token", "pagetoken"),
    "next_token": ("next_token", "nexttoken", "pagination_token"),
    "nexttoken": ("nexttoken", "next_token"),
    "next_cursor": ("cursor", "next_cursor", "after", "page[cursor]", "start_cursor"),
    "nextcursor": ("cursor", "nextcursor", "after"),
    "end_cursor": ("after", "cursor"),
    "endcursor": ("after", "cursor"),
    "next_marker": ("marker",),
    "nextmarker": ("marker",),
    "starting_after": ("starting_after",),
    "after": ("page[cursor]", "after", "cursor", "starting_after"),
    "continue": ("continue",),
    "continuationtoken": ("continuationtoken", "continuation_token"),
    "continuation_token": ("continuation_token", "continuationtoken"),
    "cursor": ("cursor",),
    "bookmark": ("bookmark",),
    "scroll_id": ("scroll_id",),
    "_scroll_id": ("scroll_id",),
    "offset": ("offset",),
}
"""Field of an answer, lower case, to the parameters that take its value, the likeliest first."""

_ADDRESSES = frozenset(
    {"next", "next_page", "next_url", "nexturl", "nextlink", "next_link", "@odata.nextlink", "next_page_uri", "href",
     "next_page_url", "odata.nextlink", "next_href", "next_uri"}
)  # fmt: skip
"""Fields that hold the address of the next page."""

_MORE = ("has_more", "hasmore", "more", "has_next", "has_next_page", "hasnextpage")
_AFTER_ID = ("starting_after", "after", "after_id", "since_id")
_LIMITS = ("limit", "per_page", "page_size", "pagesize", "count", "max_results")
_MAX_CURSOR_CHARS = 2_000


def next_page(response: WebResponse, value: Any, binding: Binding, arguments: Mapping[str, Any]) -> list[str]:
    """Return the note that says how the next page is had; nothing where there is none, or none that can be named."""
    if binding.method not in ("GET", "POST") or not (known := _arguments(binding)):
        return []
    for found in _candidates(response, value, known):
        changed = {name: one for name, one in found.items() if _differs(arguments.get(name), one)}
        if changed and len(json_text(changed)) <= _MAX_CURSOR_CHARS:
            return [f"there is a next page: call it again with {json_text(changed)} added to the arguments"]
    return []


def _differs(given: Any, wanted: Any) -> bool:
    # A list comes back as several parameters of one name, of which the last alone is seen here: it is the same.
    return not isinstance(given, list | Mapping) and str(given) != str(wanted)


def _arguments(binding: Binding) -> dict[str, str]:
    """Return the arguments by the lower-case name of what they are sent as: of the query, and of the body."""
    known = {one.name.lower(): one.argument for one in binding.parameters if one.place is Place.QUERY}
    if binding.body is not None and not binding.body.argument:
        known = {one.name.lower(): one.argument for one in binding.body.fields} | known
    return known


def _candidates(response: WebResponse, value: Any, known: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Yield arguments of the next page, as each sign of one says; the surest first."""
    if url := _linked(response.headers.get("link", "")):
        yield _from_url(url, known)
    if not isinstance(value, Mapping) or _says_no(value):
        return
    yield from _from_fields(value, known)
    yield _after_last(value, known)
    yield _counted(value, known)


def _linked(header: str) -> str:
    return next((match[1] for match in _LINK.finditer(header) if _NEXT.search(match[2])), "")


def _from_url(url: str, known: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that the query of the next page's address stands for."""
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return {}
    found: dict[str, Any] = {}
    for name, one in pairs:
        if argument := known.get(name.lower()):
            found[argument] = _as_given(one)
    return found


def _as_given(text: str) -> Any:
    return int(text) if re.fullmatch(r"0|[1-9]\d{0,8}", text) else text


def _says_no(value: Mapping[str, Any]) -> bool:
    return any(one is False for place in _places(value) for key, one in place.items() if str(key).lower() in _MORE)


def _from_fields(value: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for place in _places(value):
        for key, one in place.items():
            if not isinstance(one, str | int) or isinstance(one, bool) or one in ("", "null"):
                continue
            name = str(key).lower()
            if name in _ADDRESSES and isinstance(one, str) and ("?" in one or "://" in one):
                yield _from_url(one, known)
            elif name == "offset" and place is not value.get("next_page"):
                # Elsewhere the offset is that of this page.
                continue
            elif argument := next((known[each] for each in _CURSORS.get(name, ()) if each in known), None):
                yield {argument: one}


def _places(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for path in _PARENTS:
        found: Any = value
        for key in path.split(".") if path else ():
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            yield found
            if isinstance(inner := found.get("next"), Mapping):
                yield inner


def _after_last(value: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments where the answer says that there is more, and pages follow the last item's id."""
    argument = next((known[one] for one in _AFTER_ID if one in known), None)
    if argument is None or not any(value.get(one) is True for one in _MORE):
        return {}
    last: Any = value.get("last_id")
    items = value.get("data") or value.get("items") or value.get("results")
    if last is None and isinstance(items, Sequence) and items and isinstance(items[-1], Mapping):
        last = items[-1].get("id")
    return {argument: last} if isinstance(last, str | int) else {}


def _counted(value: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments where pages or items are counted, and this is not the last."""
    for place in _places(value):
        numbers = {str(key).lower(): one for key, one in place.items() if type(one) is int}
        more = any(place.get(key) is True for key in _MORE)
        if found := _next_number(numbers, known) or _next_offset(numbers, known, more=more):
            return found
    return {}


def _next_number(numbers: Mapping[str, int], known: Mapping[str, str]) -> dict[str, Any]:
    page = numbers.get("page", numbers.get("current_page"))
    pages = max(numbers.get(key, 0) for key in ("total_pages", "totalpages", "page_count", "pagecount"))
    return {known["page"]: page + 1} if "page" in known and page is not None and page < pages else {}


def _next_offset(numbers: Mapping[str, int], known: Mapping[str, str], *, more: bool) -> dict[str, Any]:
    step = next((numbers[key] for key in _LIMITS if numbers.get(key, 0) > 0), 0)
    if "offset" not in known or "offset" not in numbers or not step:
        return {}
    total = max(numbers.get(key, 0) for key in ("total", "total_count", "totalcount"))
    after = numbers["offset"] + step
    return {known["offset"]: after} if more or after < total else {}
