"""The methods of a discovery document as tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from banyan.core.shorten import cut
from banyan.core.tool import ToolSpec
from banyan.tools.faults import schema_fault
from banyan.tools.google.effects import effects_of
from banyan.tools.google.schemas import Definitions, parameter
from banyan.tools.replay import KEY_ARGUMENT

BODY, MEDIA, FIELDS, ALT = "body", "media", "fields", "alt"
"""Arguments that are no parameters of a method's own: its JSON body, the content to upload, what to answer, and how."""

DESCRIPTION_CHARS = 4_000
"""Characters kept of what is said of one method."""

_REQUEST_ID = "requestId"
"""By this, a UUID, a server knows a request that comes twice: https://google.aip.dev/155."""
_LEVELS = 24
_CONTAINERS = ("projects.locations.", "projects.")
_SCOPES = "https://www.googleapis.com/auth/"
_FIELDS = {
    "type": "string",
    "description": "What to answer, to save the rest: names of fields, as `items(id,name),nextPageToken`.",
}
_ALT = {
    "type": "string",
    "enum": ["json", "media"],
    "default": "json",
    "description": "`media` answers the content itself, `json` what is known about it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method as its document has it."""

    id: str
    """Without the API's own name: `users.messages.send`."""
    raw: Mapping[str, Any]


def methods(document: Mapping[str, Any]) -> Iterator[Method]:
    """Yield every method of a document, in its order."""
    waiting: list[tuple[Any, int]] = [(document, 0)]
    while waiting:
        resource, level = waiting.pop()
        for raw in _values(resource, "methods"):
            if isinstance(raw.get("id"), str) and isinstance(raw.get("path"), str):
                yield Method(id=raw["id"].partition(".")[2] or raw["id"], raw=raw)
        if level < _LEVELS:
            waiting.extend((inner, level + 1) for inner in reversed(list(_values(resource, "resources"))))


def tools(documents: Sequence[Mapping[str, Any]], server: str) -> list[ToolSpec]:
    """Return the methods of the versions of one API as tools of `server`; one that cannot be offered has its fault.

    A method that several versions have is taken from the first of them.
    """
    taken: set[str] = set()
    found: list[ToolSpec] = []
    for document in documents:
        definitions = Definitions(document.get("schemas"))
        named = _names({one.id: one for one in methods(document)})
        fresh = {name: one for name, one in named.items() if name not in taken}
        taken |= fresh.keys()
        found += [_tool(document, definitions, one, server, name) for name, one in fresh.items()]
    return found


def _tool(document: Mapping[str, Any], definitions: Definitions, method: Method, server: str, name: str) -> ToolSpec:
    raw = method.raw
    schema = _input_schema(definitions, raw)
    response = _reference(raw, "response")
    scopes = [one.removeprefix(_SCOPES) for one in _texts(raw.get("scopes"))]
    description = str(raw.get("description") or "").strip()
    return ToolSpec(
        server=server,
        upstream_name=name,
        title=f"{document.get('title') or server} {document.get('version', '')}".strip(),
        description=cut(description, DESCRIPTION_CHARS),
        input_schema=schema,
        output_schema=definitions.outline(response) if response and definitions.has(response) else None,
        effects=effects_of(str(raw.get("httpMethod", "GET")), raw["id"], scopes, description),
        binding=_binding(document, raw, scopes),
        fault=schema_fault(schema) or _path_fault(raw),
    )


def _binding(document: Mapping[str, Any], raw: Mapping[str, Any], scopes: list[str]) -> dict[str, Any]:
    service = str(document.get("servicePath") or "")
    found: dict[str, Any] = {
        "id": raw["id"],
        "method": str(raw.get("httpMethod", "GET")),
        "root": str(document["rootUrl"]),
        "path": urljoin(f"/{service}", raw["path"]).lstrip("/") if not raw["path"].startswith("/") else raw["path"][1:],
        "scopes": scopes,
    }
    if defaults := _defaults(raw):
        found["defaults"] = defaults
    if found["method"] != "GET" and _mapping(_mapping(raw.get("parameters")).get(_REQUEST_ID)).get("type") == "string":
        found[KEY_ARGUMENT] = _REQUEST_ID
    if "request" in raw:
        found[BODY] = True
    if upload := _upload(raw):
        found[MEDIA] = upload
    if raw.get("supportsMediaDownload") is True:
        found[ALT] = True
    return found


def _upload(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the path that content is uploaded to, and the media types that it may have."""
    media = _mapping(raw.get("mediaUpload"))
    simple = _mapping(_mapping(media.get("protocols")).get("simple"))
    if not isinstance(path := simple.get("path"), str):
        return None
    multipart, accepted = simple.get("multipart") is True, _texts(media.get("accept"))
    return {"path": path.lstrip("/"), "multipart": multipart, "accept": accepted}


def _input_schema(definitions: Definitions, raw: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {
        name: one for name, one in _mapping(raw.get("parameters")).items() if isinstance(one, Mapping) and name != ALT
    }
    first = [name for name in _texts(raw.get("parameterOrder")) if name in parameters]
    properties = {name: parameter(parameters[name]) for name in dict.fromkeys([*first, *parameters])}
    required = [name for name in properties if _needed(parameters[name])]
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if "request" in raw:
        body, needed = _body(definitions, raw)
        properties[BODY] = body
        required += [BODY] if needed and "mediaUpload" not in raw else []
    if _upload(raw):
        properties[MEDIA] = _media(_mapping(raw["mediaUpload"]).get("accept"))
    if raw.get("supportsMediaDownload") is True:
        properties[ALT] = _ALT
    properties.setdefault(FIELDS, _FIELDS)
    if required:
        schema["required"] = required
    request = _reference(raw, "request")
    return schema | ({"$defs": definitions.closure(request)} if request and definitions.has(request) else {})


def _body(definitions: Definitions, raw: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the schema of the body, and whether the method makes no sense without one."""
    request = _reference(raw, "request")
    if request is None or not definitions.has(request):
        return {"type": "object", "description": "The JSON body of the request."}, False
    demanded = definitions.demands(request, raw["id"])
    body: dict[str, Any] = {"$ref": f"#/$defs/{request.replace('~', '~0').replace('/', '~1')}"}
    if demanded:
        body["required"] = list(demanded)
    return body, bool(demanded) or definitions.expects(request)


def _media(accept: Any) -> dict[str, Any]:
    accepted = ", ".join(_texts(accept)) or "*/*"
    return {
        "type": "object",
        "description": f"The content to upload: as `text`, or any bytes as `base64`. Of type {cut(accepted, 200)}.",
        "properties": {
            "text": {"type": "string"},
            "base64": {"type": "string", "contentEncoding": "base64"},
            "type": {
                "type": "string",
                "description": "Its media type, as `image/png`.",
                "pattern": "^[^/\\s]+/[^\\s]+$",
            },
        },
        "additionalProperties": False,
    }


def _names(found: Mapping[str, Method]) -> dict[str, Method]:
    """Return methods by name: their id without the containers that nearly all are in, where that stays unique.

    Names are cut to fit what clients allow, and the words at the end say what a method does.
    """
    counts = Counter(_without_containers(one) for one in found)
    named: dict[str, Method] = {}
    for one, method in found.items():
        short = _without_containers(one)
        named[short if counts[short] == 1 else one] = method
    return named


def _without_containers(method_id: str) -> str:
    for container in _CONTAINERS:
        rest = method_id.removeprefix(container)
        if rest != method_id and "." in rest:
            return rest
    return method_id


def _path_fault(raw: Mapping[str, Any]) -> str | None:
    opened, closed = raw["path"].count("{"), raw["path"].count("}")
    return None if opened == closed else "its path is no template"


def _needed(raw: Mapping[str, Any]) -> bool:
    return (raw.get("required") is True or raw.get("location") == "path") and not _has_default(raw)


def _defaults(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return what fills the variables of the path where nothing is given: the server cannot know of them."""
    parameters = _mapping(raw.get("parameters")).items()
    return {name: one["default"] for name, one in parameters if _has_default(one) and one.get("location") == "path"}


def _has_default(raw: Any) -> bool:
    return isinstance(_mapping(raw).get("default"), str) and raw["default"] != ""


def _reference(raw: Mapping[str, Any], key: str) -> str | None:
    found = _mapping(raw.get(key)).get("$ref")
    return found if isinstance(found, str) else None


def _values(resource: Any, key: str) -> Iterator[Mapping[str, Any]]:
    return (one for one in _mapping(_mapping(resource).get(key)).values() if isinstance(one, Mapping))


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
