"""What a source still needs from a person before its operations can be called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from banyan.core.canonical import digest
from banyan.core.errors import CallFailed, SecretMissing
from banyan.tools.openapi.binding import Binding
from banyan.tools.openapi.proof import choose
from banyan.tools.openapi.request import Address, server


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that is missing, and how many operations cannot be called for want of it."""

    what: str
    fix: str
    operations: int

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        return {"what": self.what, "fix": self.fix, "operations": self.operations}


def address_of(config: Mapping[str, Any]) -> Address:
    """Return where a source's configuration says that the API is."""
    return Address(base_url=config.get("base_url") or "", variables=config.get("server_variables") or {})


def needs(
    bindings: Iterable[Mapping[str, Any]], config: Mapping[str, Any], secret: Callable[[str], str | None]
) -> list[Need]:
    """Return what is missing for the operations of these bindings, the most wanted first.  May block, for the secrets.

    Args:
        bindings: as they stand in the specs of the source's tools.
        config: the source's configuration.
        secret: returns a secret by its name.
    """
    alike: Counter[str] = Counter()
    samples: dict[str, Mapping[str, Any]] = {}
    for one in bindings:
        # Operations of one API differ in little of what is looked at here: each kind is looked at once.
        kind = digest([one.get(key) for key in ("servers", "security", "schemes")])
        alike[kind] += 1
        samples.setdefault(kind, one)
    found: Counter[tuple[str, str]] = Counter()
    for kind, count in alike.items():
        for need in _of(Binding.from_json(samples[kind]), config, secret):
            found[need] += count
    return [Need(what=what, fix=fix, operations=count) for (what, fix), count in found.most_common()]


def _of(binding: Binding, config: Mapping[str, Any], secret: Callable[[str], str | None]) -> Iterable[tuple[str, str]]:
    try:
        server(binding, address_of(config))
    except CallFailed as failure:
        yield failure.message, failure.fix or ""
    try:
        choose(binding, config, secret, source="")
    except CallFailed as failure:
        yield failure.message, failure.fix or ""
    except SecretMissing as missing:
        yield f"the secret `{missing.reference}` is not set", f"banyan secret set {missing.reference}"
