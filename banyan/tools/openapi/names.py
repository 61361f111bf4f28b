"""Names of operations: what the document calls them, or their method and path."""

from __future__ import annotations

import hashlib
import re

MAX_NAME = 120
"""Characters of a name.  Wire names are shorter still; this one is what people know from the API's own pages."""

_GAPS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9]+")
_PARAMETER = re.compile(r"\{([^{}]*)\}")


def named(operation_id: object, method: str, path: str, taken: set[str]) -> tuple[str, str]:
    """Return a name that is not in `taken`, and why it is not the document's own; adds it to `taken`.

    Of two operations of one name the first has it. The others, like those without any, are called by method and path,
    which no other operation has.
    """
    own = _GAPS.sub(" ", operation_id[: MAX_NAME * 4]).strip() if isinstance(operation_id, str) else ""
    why = ""
    if not own:
        why = "has no operationId"
    elif own in taken:
        why = f"has the operationId of another operation: `{own[:60]}`"
    name = own if not why else placed(method, path)
    exact = f"{operation_id} {method} {path}"
    if len(name) > MAX_NAME or name in taken:
        name = f"{name[: MAX_NAME - 9].rstrip('_-. ')}_{_hash(exact)}"
    while name in taken:
        exact += "'"
        name = f"{name[:-9]}_{_hash(exact)}"
    taken.add(name)
    return name, why


def placed(method: str, path: str) -> str:
    """Return the name that method and path make: `get_users_by_id`."""
    words = _PARAMETER.sub(lambda found: f" by {found[1]} ", path)
    return "_".join(part for part in _FOREIGN.sub("_", f"{method.lower()} {words}").split("_") if part)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
