"""Where a document's operations are served, and what proves who calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from banyan.tools.openapi.binding import Place, SchemeBinding, SchemeKind, ServerBinding
from banyan.tools.openapi.document import Document, Version
from banyan.tools.openapi.notes import shown
from banyan.tools.openapi.refs import Node

MAX_SERVERS = 20
_MAX_VARIABLES = 50
_URL_CHARS = 1_000
_MAX_SCHEMES = 50
_MAX_ALTERNATIVES = 20
_HOST = re.compile(r"[^\s/?#@\\]{1,255}")

Security = tuple[Mapping[str, tuple[str, ...]], ...]


def servers(document: Document, *nodes: Node) -> tuple[ServerBinding, ...]:
    """Return the servers that the last of `nodes` (a path, an operation) to name any names; empty where none does."""
    for node in reversed(nodes):
        listed = document.follow(node.child("servers")).value
        if isinstance(listed, list) and listed:
            return tuple(one for entry in listed[:MAX_SERVERS] if (one := _server(document, entry)))
    return ()


def document_servers(document: Document) -> tuple[ServerBinding, ...]:
    """Return the servers of the document as a whole."""
    if document.version is Version.V2:
        return _servers_v2(document)
    found = servers(document, Node(document.root))
    # Without any the specification says `/`, which means something where the document was read from a URL.
    return found or _absolute(document, "/")


def _server(document: Document, entry: Any) -> ServerBinding | None:
    url = entry.get("url") if isinstance(entry, Mapping) else None
    if not isinstance(url, str) or len(url) > _URL_CHARS:
        return None
    variables = entry.get("variables")
    known: dict[str, str] = {}
    for name, one in islice(variables.items(), _MAX_VARIABLES) if isinstance(variables, Mapping) else ():
        default = one.get("default") if isinstance(one, Mapping) else None
        if isinstance(default, str | int | float) and f"{{{name}}}" in url:
            known[name] = str(default)
    url = url.strip()
    if "://" in document.origin and not re.match(r"[{a-zA-Z][^/]*:", url) and not url.startswith("{"):
        url = urljoin(document.origin, url)
    return ServerBinding(url=url, variables=known)


def _absolute(document: Document, path: str) -> tuple[ServerBinding, ...]:
    return (ServerBinding(url=urljoin(document.origin, path)),) if "://" in document.origin else ()


def _servers_v2(document: Document) -> tuple[ServerBinding, ...]:
    root = document.root
    base = root.get("basePath")
    base = "/" + base.strip("/") if isinstance(base, str) else ""
    base = "" if base == "/" else base[:_URL_CHARS]
    host = root.get("host")
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        return _absolute(document, base or "/")
    stated = root.get("schemes")
    schemes = [one for one in stated if one in ("https", "http")] if isinstance(stated, list) else []
    # Where both are offered, or none is said, https is the one to use.
    ordered = sorted(dict.fromkeys(schemes), reverse=True) or ["https"]
    return tuple(ServerBinding(url=f"{scheme}://{host}{base}") for scheme in ordered)


def schemes(document: Document) -> dict[str, SchemeBinding]:
    """Return every security scheme that the document declares, by name."""
    v2 = document.version is Version.V2
    node = document.at("securityDefinitions") if v2 else document.at("components", "securitySchemes")
    found: dict[str, SchemeBinding] = {}
    for name in list(node.value)[:_MAX_SCHEMES] if isinstance(node.value, Mapping) else ():
        value = document.follow(node.child(name)).value
        made = _scheme(document, value) if isinstance(value, Mapping) else None
        if made is None:
            document.notes.add(f"the security scheme `{shown(name)}` is of no known kind")
        else:
            found[name] = made
    return found


def _scheme(document: Document, value: Mapping[str, Any]) -> SchemeBinding | None:
    kind = value.get("type")
    if kind == "apiKey":
        return _api_key(value)
    if kind == "http":
        return _http(str(value.get("scheme") or "").casefold())
    if kind == "basic":
        return SchemeBinding(kind=SchemeKind.BASIC)
    if kind == "oauth2":
        return SchemeBinding(kind=SchemeKind.OAUTH2, token_url=_token_url(document, value))
    if kind == "openIdConnect":
        return SchemeBinding(kind=SchemeKind.OPENID)
    return SchemeBinding(kind=SchemeKind.MUTUAL_TLS) if kind == "mutualTLS" else None


def _api_key(value: Mapping[str, Any]) -> SchemeBinding | None:
    name, place = value.get("name"), value.get("in")
    if not isinstance(name, str) or not name or place not in (Place.QUERY, Place.HEADER, Place.COOKIE):
        return None
    return SchemeBinding(kind=SchemeKind.API_KEY, place=Place(place), name=name[:200])


def _http(scheme: str) -> SchemeBinding:
    if scheme in (SchemeKind.BASIC, SchemeKind.BEARER):
        return SchemeBinding(kind=SchemeKind(scheme))
    return SchemeBinding(kind=SchemeKind.OTHER, name=shown(scheme, 40))


def _token_url(document: Document, value: Mapping[str, Any]) -> str:
    """Return where client credentials are exchanged for a token, in 3.x's flows or 2.0's single one."""
    flows = value.get("flows")
    flow = flows.get("clientCredentials") if isinstance(flows, Mapping) else None
    if flow is None and value.get("flow") in ("application", "accessCode"):
        flow = value
    url = flow.get("tokenUrl") if isinstance(flow, Mapping) else None
    if not isinstance(url, str) or len(url) > _URL_CHARS:
        return ""
    return urljoin(document.origin, url) if "://" in document.origin else url


def security(document: Document, operation: Node, known: Mapping[str, SchemeBinding]) -> Security:
    """Return the alternatives that an operation may be called with; none where it needs nothing.

    Where neither the operation nor the document says a word on security, every scheme that is declared may be used and
    none must: documents forget this often.
    """
    stated = operation.value.get("security", document.root.get("security"))
    if not isinstance(stated, list):
        return (*({name: ()} for name in list(known)[: _MAX_ALTERNATIVES - 1]), {}) if known else ()
    found = []
    for one in stated[:_MAX_ALTERNATIVES]:
        if isinstance(one, Mapping) and all(name in known for name in one):
            found.append({name: _scopes(scopes) for name, scopes in one.items()})
        else:
            document.notes.add(f"security names a scheme that is not declared: `{shown(one)}`")
    return tuple(found)


def _scopes(stated: Any) -> tuple[str, ...]:
    return tuple(one for one in stated if isinstance(one, str))[:100] if isinstance(stated, list) else ()
