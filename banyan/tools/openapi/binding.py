"""How the arguments of one operation become an HTTP request: all that a call needs, without the document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Place(StrEnum):
    """Where in the request a parameter goes."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"


class Style(StrEnum):
    """How a list or an object becomes text."""

    SIMPLE = "simple"
    FORM = "form"
    LABEL = "label"
    MATRIX = "matrix"
    SPACE = "spaceDelimited"
    PIPE = "pipeDelimited"
    TAB = "tabDelimited"  # OpenAPI 2.0 only
    DEEP = "deepObject"


class BodyKind(StrEnum):
    """How a body is written."""

    JSON = "json"
    JSON_LINES = "json_lines"  # one JSON value a line; the argument is a list
    FORM = "form"
    MULTIPART = "multipart"
    BINARY = "binary"
    TEXT = "text"


class SchemeKind(StrEnum):
    """What proves who calls."""

    API_KEY = "apiKey"
    BASIC = "basic"
    BEARER = "bearer"
    OAUTH2 = "oauth2"
    OPENID = "openIdConnect"
    MUTUAL_TLS = "mutualTLS"
    OTHER = "other"  # an HTTP scheme that is neither basic nor bearer


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterBinding:
    """One parameter of the path, the query, the headers or the cookies."""

    name: str
    """As the request spells it."""
    argument: str
    """As the tool's input schema spells it; another name only where two parameters share one."""
    place: Place
    style: Style
    explode: bool = False
    allow_reserved: bool = False
    required: bool = False
    media_type: str = ""
    """Where the value is written as a whole in this media type, as `application/json`, whatever the style."""

    def to_json(self) -> dict[str, Any]:
        """Return the parameter as JSON, without what is usual."""
        found: dict[str, Any] = {"name": self.name, "in": self.place.value, "style": self.style.value}
        if self.argument != self.name:
            found["argument"] = self.argument
        found.update(_true(explode=self.explode, allow_reserved=self.allow_reserved, required=self.required))
        return found | ({"media_type": self.media_type} if self.media_type else {})

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> ParameterBinding:
        """Return the parameter that `to_json` gave `data` of."""
        return ParameterBinding(
            name=data["name"],
            argument=data.get("argument", data["name"]),
            place=Place(data["in"]),
            style=Style(data["style"]),
            explode=data.get("explode", False),
            allow_reserved=data.get("allow_reserved", False),
            required=data.get("required", False),
            media_type=data.get("media_type", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldBinding:
    """One member of a body: of a JSON object, or of a form."""

    name: str
    argument: str
    """The tool's argument that holds it; unused where the body is one argument."""
    style: Style = Style.FORM
    """Forms only: how a list or an object is written where `media_type` is empty."""
    explode: bool = True
    allow_reserved: bool = False
    media_type: str = ""
    """Forms only: the media type of the field's value; empty is text for plain values and JSON for objects."""
    binary: bool = False
    """The value is a file: base64 text, or an object with `text` or `base64`, and `filename` and `media_type`."""

    def to_json(self) -> dict[str, Any]:
        """Return the field as JSON, without what is usual."""
        found: dict[str, Any] = {"name": self.name}
        if self.argument != self.name:
            found["argument"] = self.argument
        if self.style is not Style.FORM:
            found["style"] = self.style.value
        if not self.explode:
            found["explode"] = False
        found.update(_true(allow_reserved=self.allow_reserved, binary=self.binary))
        return found | ({"media_type": self.media_type} if self.media_type else {})

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> FieldBinding:
        """Return the field that `to_json` gave `data` of."""
        return FieldBinding(
            name=data["name"],
            argument=data.get("argument", data["name"]),
            style=Style(data.get("style", Style.FORM)),
            explode=data.get("explode", True),
            allow_reserved=data.get("allow_reserved", False),
            media_type=data.get("media_type", ""),
            binary=data.get("binary", False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyBinding:
    """The request's body: one argument, or an object whose members are arguments of their own."""

    kind: BodyKind
    media_type: str
    """What `Content-Type` says, without a boundary."""
    argument: str = ""
    """The argument that is the whole body; empty where `fields` are arguments of their own.

    Of kind `binary` it is a file as in `FieldBinding.binary`; of kind `text` a string.
    """
    fields: tuple[FieldBinding, ...] = ()
    """Where `argument` is empty every member; else, for forms, how those members are written that are not as usual."""
    required: bool = False
    """A body is sent even where no argument is given for it: an empty object, an empty form."""

    def to_json(self) -> dict[str, Any]:
        """Return the body as JSON, without what is usual."""
        found: dict[str, Any] = {"kind": self.kind.value, "media_type": self.media_type}
        if self.argument:
            found["argument"] = self.argument
        if self.fields:
            found["fields"] = [one.to_json() for one in self.fields]
        return found | _true(required=self.required)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> BodyBinding:
        """Return the body that `to_json` gave `data` of."""
        return BodyBinding(
            kind=BodyKind(data["kind"]),
            media_type=data["media_type"],
            argument=data.get("argument", ""),
            fields=tuple(FieldBinding.from_json(one) for one in data.get("fields", ())),
            required=data.get("required", False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBinding:
    """One address that the operation is served at."""

    url: str
    """May hold `{variables}`; may be relative where the document was not read from a URL."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variable to its default; one without a default is not in it."""

    def to_json(self) -> dict[str, Any]:
        """Return the server as JSON."""
        return {"url": self.url} | ({"variables": dict(self.variables)} if self.variables else {})

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> ServerBinding:
        """Return the server that `to_json` gave `data` of."""
        return ServerBinding(url=data["url"], variables=data.get("variables", {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeBinding:
    """One way to prove who calls."""

    kind: SchemeKind
    place: Place | None = None
    """For an API key: query, header or cookie."""
    name: str = ""
    """For an API key the name of that parameter; for `other` the name of the HTTP scheme."""
    token_url: str = ""
    """For OAuth2: where client credentials are exchanged for a token; empty where there is no such flow."""

    def to_json(self) -> dict[str, Any]:
        """Return the scheme as JSON, without what is usual."""
        found = {"kind": self.kind.value, "in": self.place and self.place.value}
        found |= {"name": self.name, "token_url": self.token_url}
        return {key: value for key, value in found.items() if value}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> SchemeBinding:
        """Return the scheme that `to_json` gave `data` of."""
        return SchemeBinding(
            kind=SchemeKind(data["kind"]),
            place=Place(data["in"]) if "in" in data else None,
            name=data.get("name", ""),
            token_url=data.get("token_url", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One operation as an HTTP request."""

    method: str
    """In capitals."""
    path: str
    """Template, as `/users/{id}`; each `{name}` is a path parameter's `name`."""
    query: tuple[tuple[str, str], ...] = ()
    """Query parameters that are part of the path and always sent."""
    servers: tuple[ServerBinding, ...] = ()
    """The first is used; empty where the document names none."""
    own_servers: bool = False
    """The operation or its path names its servers itself: they are not those of the rest of the document."""
    parameters: tuple[ParameterBinding, ...] = ()
    body: BodyBinding | None = None
    security: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    """Alternatives, each scheme name to its scopes, all of whose schemes are needed; an empty one: nothing is needed.

    No alternative at all means that nothing is needed and nothing is sent.
    """
    schemes: Mapping[str, SchemeBinding] = field(default_factory=dict)
    """Every scheme that `security` names."""
    accept: tuple[str, ...] = ()
    """Media types of the answers, the best first."""

    def to_json(self) -> dict[str, Any]:
        """Return the binding as a tool's spec keeps it."""
        found: dict[str, Any] = {"method": self.method, "path": self.path}
        parts: dict[str, Any] = {
            "query": [list(pair) for pair in self.query],
            "servers": [one.to_json() for one in self.servers],
            "own_servers": self.own_servers,
            "parameters": [one.to_json() for one in self.parameters],
            "body": self.body and self.body.to_json(),
            "security": [{name: list(scopes) for name, scopes in one.items()} for one in self.security],
            "schemes": {name: one.to_json() for name, one in self.schemes.items()},
            "accept": list(self.accept),
        }
        return found | {key: value for key, value in parts.items() if value}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Binding:
        """Return the binding that `to_json` gave `data` of."""
        body = data.get("body")
        return Binding(
            method=data["method"],
            path=data["path"],
            query=tuple((name, value) for name, value in data.get("query", ())),
            servers=tuple(ServerBinding.from_json(one) for one in data.get("servers", ())),
            own_servers=data.get("own_servers", False),
            parameters=tuple(ParameterBinding.from_json(one) for one in data.get("parameters", ())),
            body=BodyBinding.from_json(body) if body else None,
            security=tuple({name: tuple(scopes) for name, scopes in one.items()} for one in data.get("security", ())),
            schemes={name: SchemeBinding.from_json(one) for name, one in data.get("schemes", {}).items()},
            accept=tuple(data.get("accept", ())),
        )


def _true(**flags: bool) -> dict[str, bool]:
    return {name: value for name, value in flags.items() if value}
