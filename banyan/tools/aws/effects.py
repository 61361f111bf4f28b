"""What a call of an AWS operation may do: by a reviewed table of verbs, and by AWS's own traits."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from banyan.core.tool import EffectKind, Effects

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbs:
    """The table of verbs; see `verbs.toml` for where it comes from."""

    verbs: Mapping[str, EffectKind]
    operations: Mapping[str, EffectKind]
    """`service.Operation`, for those that do other than their verb says."""

    def kind(self, service: str, operation: str) -> EffectKind | None:
        """Return what the table says of an operation; None where it is silent."""
        if (known := self.operations.get(f"{service}.{operation}")) is not None:
            return known
        words = _WORD.findall(operation)
        for count in range(min(3, len(words)), 0, -1):
            if (known := self.verbs.get("".join(words[:count]))) is not None:
                return known
        return None


def load_verbs() -> Verbs:
    """Return the table that ships with Banyan."""
    found = tomllib.loads(files("banyan.tools.aws").joinpath("verbs.toml").read_text(encoding="utf-8"))
    return Verbs(
        verbs={verb: EffectKind(kind) for kind, verbs in found["verbs"].items() for verb in verbs},
        operations={name: EffectKind(kind) for name, kind in found["operations"].items()},
    )


def effects_of(service: str, name: str, operation: Mapping[str, Any], verbs: Verbs) -> Effects:
    """Return what a call of the operation `name` may do; `operation` is what its service model says of it."""
    known = verbs.kind(service, name)
    stated = EffectKind.READ_ONLY if operation.get("readonly") is True else None
    kind = known or stated
    reads = kind is EffectKind.READ_ONLY
    return Effects(
        read_only=reads,
        destructive=kind is EffectKind.DESTRUCTIVE,
        idempotent=reads or operation.get("idempotent") is True,
        guessed=kind is None,
    )
