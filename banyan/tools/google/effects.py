"""What a method may do to the world, by its HTTP method, its verb and its scopes.

The verbs were read off the discovery documents of google-api-python-client 2.202, each with the descriptions of the
methods that have it; the HTTP methods mean what RFC 9110, section 9, says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from banyan.core.tool import Effects

_WORD = re.compile(r"[A-Za-z][a-z]*")
_READS = frozenset(
    {
        *("aggregate", "aggregated", "analyze", "calculate", "check", "compare", "compute", "count"),
        *("describe", "estimate", "explain", "find", "get", "inspect", "list", "lookup", "preview", "query", "read"),
        *("retrieve", "search", "show", "test", "translate", "validate", "view"),
    }
)
"""First words of verbs that only look, in methods that are a POST because what they are asked is long."""
_READS_WITH_SCOPE = frozenset({"completions", "embed", "embeddings", "evaluate", "generate", "predict", "run"})
"""First words that mean looking only where a scope to read is enough for the method."""
_WRITES_DESPITE_GET = frozenset({"cancel", "finish", "move", "restart", "restore", "start", "upload"})
_DESTROYS = frozenset(
    {
        *("clear", "delete", "deprovision", "drop", "empty", "erase", "expire", "purge", "remove", "revoke", "trash"),
        *("uninstall", "wipe"),
    }
)
_NOT_READING = re.compile(
    r"(?<!count)(?<!compute)(?<!page)token|credential|password(?!policy)|confirmationcode|verificationcode"
    r"|authorization|longrunning|^checkin|^checkout|^batchtranslate|^bulkanalyze",
    re.IGNORECASE,
)
"""Parts of verbs that hand out a right or begin something, whatever they begin with."""
_ACTING = frozenset(
    {"add", "begin", "create", "execute", "forward", "initiate", "mark", "put", "record", "send", "start", "trigger"}
)
"""First words of descriptions that say that something is done, whatever the verb is."""
_NOT_READ_ONLY = re.compile(r"bigquery\.jobs\.query|.*\.reasoningEngines\..*query")
"""Methods that look like reading and can be told to write: what they are asked to run may change data."""
_READ_SCOPE = re.compile(r"read-?only$")


def effects_of(http_method: str, method_id: str, scopes: Sequence[str], description: str = "") -> Effects:
    """Return the effects of the method `method_id`, as far as its kind and what is said of it tell."""
    verb = method_id.rpartition(".")[2]
    words = [word.casefold() for word in _WORD.findall(verb)] or [""]
    if http_method == "GET":
        return Effects(read_only=words[0] not in _WRITES_DESPITE_GET and not _NOT_READING.search(verb), guessed=False)
    if http_method in {"DELETE", "PUT"}:
        return Effects(destructive=True, idempotent=True, guessed=False)
    if _DESTROYS & {*words[:2]}:
        return Effects(destructive=True)
    reads = http_method == "POST" and _reads(words, method_id, scopes) and not _acts(description)
    return Effects(read_only=reads)


def _reads(words: Sequence[str], method_id: str, scopes: Sequence[str]) -> bool:
    of_what, _, verb = method_id.rpartition(".")
    if (
        _NOT_READING.search(verb)
        or _NOT_READING.search(of_what.rpartition(".")[2])
        or _NOT_READ_ONLY.fullmatch(method_id)
    ):
        return False
    first = words[1] if words[0] in {"batch", "bulk"} and len(words) > 1 else words[0]
    if first in _READS:
        return True
    return first in _READS_WITH_SCOPE and any(_READ_SCOPE.search(scope) for scope in scopes)


def _acts(description: str) -> bool:
    first = _WORD.search(description)
    return first is not None and first[0].casefold().removesuffix("s") in _ACTING
