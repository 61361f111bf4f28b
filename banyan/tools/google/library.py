"""Where the discovery documents lie, and which version of each API is taken."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from banyan.core.errors import BanyanError, InvalidArgument, UserError
from banyan.core.shorten import cut

DOCUMENT_BYTES = 64 * 2**20
"""Bytes of one discovery document that are read; the largest today has 6 million."""

_PART = re.compile(r"(?:([A-Za-z]\w*)_)?((?:v\d|alpha|beta|preview).*)")
_VERSION = re.compile(r"v?(\d*)(?:\.(\d+))?(?:p(\d+))?([a-z]*)(\d*)")
_UNSTABLE = ("", "preview", "beta", "alpha")
"""Stages of a version, most settled first; an unknown one counts as the least settled."""


class NoDiscoveryDocuments(UserError):
    """The package that brings the discovery documents is not installed."""

    code = "no_discovery_documents"

    def __init__(self) -> None:
        super().__init__(
            "Google's discovery documents are not here; install them with the extra `banyan-agents[google]`"
        )


class BadDocument(BanyanError):
    """A discovery document cannot be read."""

    code = "bad_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One version of one API."""

    name: str
    """As Google calls it: `gmail`; for an API in parts with the part: `admin.directory`."""
    version: str
    path: Path
    server: str
    """What its tools are grouped under: the name, and for a version beside the preferred one that, too."""


def folder() -> Path:
    """Return the folder of the discovery documents.

    Raises:
        NoDiscoveryDocuments: google-api-python-client is not installed.
    """
    # The package is found, and not imported: what it imports takes a second, and none of it is needed.
    found = importlib.util.find_spec("googleapiclient")
    for place in (found.submodule_search_locations if found else None) or ():
        documents = Path(place) / "discovery_cache" / "documents"
        if documents.is_dir():
            return documents
    raise NoDiscoveryDocuments


def families(documents: Path) -> dict[str, tuple[Api, ...]]:
    """Return every API by name, each with its versions, the preferred one first."""
    found: dict[str, dict[str, Api]] = {}
    for path in sorted(documents.glob("*.json")):
        head, dot, rest = path.stem.partition(".")
        match = _PART.fullmatch(rest)
        if not dot or match is None:
            continue
        name = f"{head}.{match[1]}" if match[1] else head
        found.setdefault(name, {}).setdefault(match[2], Api(name=name, version=match[2], path=path, server=name))
    return {name: _ordered(versions.values()) for name, versions in found.items()}


def chosen(known: Mapping[str, Sequence[Api]], wanted: Sequence[str], *, all_versions: bool) -> list[Sequence[Api]]:
    """Return the servers to list, each as the versions that its methods are taken of, the preferred one first.

    By default these are the stable versions of an API: a method that several have is taken from the first. Where
    nothing is stable it is the version nearest to it.

    Args:
        known: every API, as `families` gives them.
        wanted: names, each maybe with a version, as `drive` or `drive.v2`; empty means every API.
        all_versions: take every version for itself.

    Raises:
        InvalidArgument: there is no API of one of these names.
    """
    groups: dict[str, Sequence[Api]] = {}
    for want in wanted or known:
        groups.update(_named(known, want))
    if all_versions:
        return [(one,) for versions in groups.values() for one in versions]
    return [_settled(versions) for versions in groups.values()]


def _settled(versions: Sequence[Api]) -> Sequence[Api]:
    stable = [one for one in versions if age(one.version)[0] == 0]
    return stable or versions[:1]


def load(path: Path) -> dict[str, Any]:
    """Return a discovery document.

    Raises:
        BadDocument: it cannot be read, or is no discovery document.
    """
    try:
        if path.stat().st_size > DOCUMENT_BYTES:
            raise BadDocument(f"`{path.name}` has more than {DOCUMENT_BYTES:,} bytes")
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadDocument(f"`{path.name}` cannot be read: {cut(str(error), 200)}") from error
    if not isinstance(document, dict) or not isinstance(document.get("rootUrl"), str):
        raise BadDocument(f"`{path.name}` is no discovery document")
    return document


def _named(known: Mapping[str, Sequence[Api]], want: str) -> list[tuple[str, Sequence[Api]]]:
    """Return the APIs that a person means: one, one version of it, or the parts of one that is in parts."""
    folded = {name.casefold(): name for name in known}
    wish = want.strip().casefold()
    if wish in folded:
        return [(folded[wish], known[folded[wish]])]
    parts = [(name, known[name]) for name in known if name.casefold().startswith(f"{wish}.")]
    if parts:
        return parts
    for name, versions in known.items():
        for one in versions:
            if wish in {f"{name}.{one.version}".casefold(), f"{name}:{one.version}".casefold()}:
                return [(one.server, (one,))]
    raise InvalidArgument("google", f"there is no API `{cut(want, 80)}`{_hint(wish, list(folded))}")


def _hint(wish: str, names: Sequence[str]) -> str:
    from rapidfuzz import process

    near = [name for name, score, _ in process.extract(wish, names, limit=3) if score >= 60.0]
    return f"; did you mean {', '.join(f'`{name}`' for name in near)}?" if near else ""


def _ordered(versions: Iterable[Api]) -> tuple[Api, ...]:
    """Return the versions of one API, the preferred one first.

    That is the newest stable one, unless an older stable one has more than twice its methods: then it is a beginning,
    or a supplement, as version 2 of `iam`. The flag in Google's own directory is not asked: the copy of it that comes
    with the documents is years older than they are, and prefers what has been switched off.
    """
    ranked = sorted(versions, key=lambda one: age(one.version))
    peers = [one for one in ranked if age(one.version)[0] == age(ranked[0].version)[0]]
    # Counted in the text: to parse every version of every API takes seconds.
    counts = [one.path.read_bytes().count(b'"httpMethod"') for one in peers] if len(peers) > 1 else [1]
    first = next(one for one, count in zip(peers, counts, strict=True) if count * 2 >= max(counts))
    rest = (replace(one, server=f"{one.name}.{one.version}") for one in ranked if one is not first)
    return (first, *rest)


def age(version: str) -> tuple[int, tuple[int, ...]]:
    """Return a key that sorts versions: stable before the others, newer before older; its first part is the stage."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return len(_UNSTABLE), ()
    stage = _UNSTABLE.index(match[4]) if match[4] in _UNSTABLE else len(_UNSTABLE)
    return stage, tuple(-int(match[at] or 0) for at in (1, 2, 3, 5))
