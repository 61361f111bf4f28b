"""What arrived at a server, read as the document itself says: by openapi-core, werkzeug and qs-codec.

Nothing here knows how the request was made.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus

from jsonschema_path import SchemaPath
from openapi_core.deserializing.styles import style_deserializers
from openapi_core.schema.parameters import get_style_and_explode
from openapi_core.templating.media_types.finders import MediaTypeFinder
from openapi_core.templating.paths.finders import APICallPathFinder
from qs_codec import DecodeOptions, decode
from werkzeug.datastructures import MultiDict
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

HOST = "http://recorded.test"
ABSENT = object()
_FORMATS = {"csv": ("form", False), "ssv": ("spaceDelimited", False), "pipes": ("pipeDelimited", False),
            "multi": ("form", True)}  # fmt: skip
_IGNORED = frozenset({"accept", "content-type", "authorization"})
"""The specification says that header parameters of these names are ignored."""


class Disagreement(AssertionError):
    """What arrived does not say what was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One request, as the server got it."""

    method: str
    path: str
    """Undecoded."""
    query: str
    headers: Mapping[str, str]
    body: bytes

    def request(self) -> Request:
        environ = EnvironBuilder(method=self.method).get_environ()
        environ |= {"QUERY_STRING": self.query, "wsgi.input": io.BytesIO(self.body)}
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        environ |= {"CONTENT_LENGTH": str(len(self.body)), "CONTENT_TYPE": self.headers.get("content-type", "")}
        return Request(environ)


class OperationReader:
    """Reads requests of one operation of a document."""

    def __init__(self, root: Mapping[str, Any], path: str, method: str) -> None:
        item = {key: value for key, value in root["paths"][path].items() if key != "servers"}
        item[method] = {key: value for key, value in item[method].items() if key != "servers"}
        base = {key: value for key, value in root.items() if key not in ("basePath", "host", "schemes")}
        # Some documents tell operations of one path apart by what follows a `#` or `?`, which is not sent.
        plain = path.partition("#")[0].partition("?")[0]
        self.fixed = {name for name, _ in parse_qsl(path.partition("#")[0].partition("?")[2])}
        self.old = "swagger" in root
        self.spec = SchemaPath.from_dict({**base, "servers": [{"url": HOST}], "paths": {plain: item}})
        self.operation = self.spec / "paths" / plain / method
        shared = self.spec / "paths" / plain / "parameters"
        found = {}
        for listed in (shared, self.operation / "parameters"):
            for one in listed if listed.exists() else ():
                found[(_text(one, "name"), _text(one, "in"))] = one
        self.parameters = found
        self.finder = APICallPathFinder(self.spec)

    def check(self, arrived: Arrived, meant: Mapping[tuple[str, str], Any], body: Any) -> None:
        """Return if `arrived` says what was meant.

        Raises:
            Disagreement: it does not.
        """
        found = self.finder.find(arrived.method.lower(), HOST + arrived.path)
        with arrived.request() as request:
            seen = self._parameters(arrived, request, found.path_result.variables, meant)
            if extra := set(request.args) - seen - self.fixed:
                raise Disagreement(f"query parameters that nobody meant: {sorted(extra)}")
            self._body(arrived, request, body)

    def _parameters(
        self, arrived: Arrived, request: Request, path: Mapping[str, str], meant: Mapping[tuple[str, str], Any]
    ) -> set[str]:
        seen: set[str] = set()
        for (name, place), one in self.parameters.items():
            if place in ("body", "formData") or (place == "header" and name.lower() in _IGNORED):
                continue
            if place == "path" and name not in path:
                # A fault of the document: the template has no place for it.
                continue
            value = meant.get((name, place))
            if place == "path":
                _same(f"path {name}", value, self._styled(one, name, _located(path, one, name), value, unquote))
            elif place == "query":
                seen |= self._query(one, name, arrived, request, value)
            elif place == "header":
                # What our client says of itself stands where nothing else is meant.
                own = name.lower() == "user-agent" and value is None
                headers = {name: request.headers[name]} if name in request.headers and not own else {}
                meant_text = value.strip() if isinstance(value, str) else value
                _same(f"header {name}", meant_text, self._styled(one, name, headers, value, str))
            elif place == "cookie":
                _same(f"cookie {name}", value, unquote(request.cookies.get(name, "")) or ABSENT)
        return seen

    def _query(self, one: SchemaPath, name: str, arrived: Arrived, request: Request, value: Any) -> set[str]:
        if "content" in one:
            read = json.loads(request.args[name]) if name in request.args else ABSENT
            _same(f"query {name}", ABSENT if value is None else value, read, exact=True)
            return {name}
        style, explode = self._style(one)
        if style == "deepObject":
            tree = decode(arrived.query, DecodeOptions(depth=50, parameter_limit=100_000, list_limit=10_000))
            _same(f"query {name}", value, tree.get(name, ABSENT))
            return {key for key in request.args if key == name or key.startswith(f"{name}[")}
        if isinstance(value, Mapping) and explode and style == "form":
            read = {key: request.args[key] for key in value if key in request.args}
            _same(f"query {name}", value, read)
            return set(value)
        pairs = [pair.partition("=") for pair in arrived.query.split("&") if pair]
        raw: MultiDict[str, str] = MultiDict((unquote_plus(key), text) for key, _, text in pairs)
        if style == "pipeDelimited":
            raw = MultiDict((key, text.replace("%7C", "|")) for key, text in raw.items(multi=True))
        if explode and style != "form":
            style = "form"  # the specification writes exploded lists of all three styles alike
        _same(f"query {name}", value, self._styled(one, name, raw, value, unquote_plus, style))
        return {name}

    def _style(self, one: SchemaPath) -> tuple[str, bool]:
        if not self.old:
            style, explode = get_style_and_explode(one)
            return str(style), bool(explode)
        usual = ("form", False) if _text(one, "in") in ("query", "formData") else ("simple", False)
        stated = one.get("collectionFormat")
        return _FORMATS[stated] if stated in _FORMATS and usual[0] == "form" else usual

    def _styled(
        self, one: SchemaPath, name: str, location: Any, value: Any, read: Any, style: str | None = None
    ) -> Any:
        """Return a value as openapi-core splits it by the style that the document states."""
        if "content" in one:
            return read(location[name]) if name in location else ABSENT
        stated, explode = self._style(one)
        kind = "array" if isinstance(value, list) else "object" if isinstance(value, dict) else ""
        try:
            found = style_deserializers[style or stated](explode, name, kind, location)
        except KeyError:
            return ABSENT
        return _each(found, read)

    def _body(self, arrived: Arrived, request: Request, body: Any) -> None:
        if body is ABSENT:
            if arrived.body:
                raise Disagreement("a body that nobody meant")
            return
        kind = request.mimetype
        media = None
        if not self.old:
            media = MediaTypeFinder(self.operation / "requestBody" / "content").find(kind or "none").media_type
        if kind == "application/x-www-form-urlencoded":
            self._form(arrived, request, body, media)
        elif kind == "multipart/form-data":
            _multipart(request, body)
        elif kind.endswith(("/json", "+json")):
            _same("body", body, json.loads(arrived.body), exact=True)
        elif isinstance(body, list):
            _same("body", body, [json.loads(line) for line in arrived.body.splitlines()], exact=True)
        elif arrived.body not in _readings(body):
            raise Disagreement(f"the body {body!r} arrived as {arrived.body!r}")

    def _form(self, arrived: Arrived, request: Request, body: Mapping[str, Any], media: SchemaPath | None) -> None:
        options = DecodeOptions(depth=50, parameter_limit=100_000, list_limit=10_000)
        tree = decode(arrived.body.decode(), options)
        encoding = media.get("encoding") if media is not None else None
        for name, value in body.items():
            stated = encoding / name if encoding is not None and name in encoding else None
            style = stated.get("style") if stated is not None else None
            if style == "deepObject":
                _same(f"form {name}", value, tree.get(name, ABSENT))
            elif isinstance(value, list):
                joined = self.old and _old_format(self.parameters, name) != "multi"
                read: Any = request.form[name].split(",") if joined and name in request.form else None
                read = request.form.getlist(name) if read is None else read
                listed = [one for one in value if one is not None]
                _same(f"form {name}", listed, [_json_like(one, two) for one, two in zip(listed, read, strict=True)])
            elif value is not None:
                _same(f"form {name}", value, _json_like(value, request.form.get(name, ABSENT)))
        roots = {key.partition("[")[0] for key in request.form}
        if extra := roots - {name.partition("[")[0] for name in body}:
            raise Disagreement(f"form fields that nobody meant: {sorted(extra)}")


def _text(one: SchemaPath, key: str) -> str:
    return str((one / key).read_str())


def _located(path: Mapping[str, str], one: SchemaPath, name: str) -> dict[str, str]:
    """Return a piece of the path under the key that openapi-core looks for: its template's, after RFC 6570."""
    style = one.get("style")
    sign = {"label": ".", "matrix": ";"}.get(style if isinstance(style, str) else "", "")
    star = "*" if sign and one.get("explode") else ""
    return {f"{sign}{name}{star}": path[name]}


def _old_format(parameters: Mapping[tuple[str, str], SchemaPath], name: str) -> Any:
    one = parameters.get((name, "formData"))
    return one.get("collectionFormat") if one is not None else None


def _each(found: Any, read: Any) -> Any:
    if isinstance(found, Mapping):
        return {read(key): read(value) for key, value in found.items()}
    return [read(one) for one in found] if isinstance(found, list) else read(found)


def _json_like(meant: Any, text: Any) -> Any:
    """Return the value of a form field that holds an object: JSON is the specification's default for these."""
    return json.loads(text) if isinstance(meant, Mapping | list) and isinstance(text, str) else text


def _multipart(request: Request, body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        listed = [one for one in (value if isinstance(value, list) else [value]) if one is not None]
        files = [one.read() for one in request.files.getlist(name)]
        texts = request.form.getlist(name)
        if files:
            _same(f"file {name}", [_bytes(one) for one in listed], files, exact=True)
        elif isinstance(value, list) and len(texts) == 1 and texts[0].startswith("["):
            _same(f"part {name}", value, json.loads(texts[0]), exact=True)
        elif isinstance(value, Mapping):
            _same(f"part {name}", [value], [json.loads(one) for one in texts], exact=True)
        else:
            _same(f"part {name}", listed, [_json_like(one, two) for one, two in zip(listed, texts, strict=True)])
    if extra := {*request.form, *request.files} - set(body):
        raise Disagreement(f"parts that nobody meant: {sorted(extra)}")


def _readings(body: Any) -> list[bytes]:
    """Return the bytes that a text body, or a file, can be."""
    if isinstance(body, Mapping):
        return [_bytes(body)]
    try:
        return [str(body).encode(), _bytes(body)]
    except ValueError:
        return [str(body).encode()]


def _bytes(value: Any) -> bytes:
    if isinstance(value, Mapping):
        return base64.b64decode(value["base64"]) if "base64" in value else str(value["text"]).encode()
    return base64.b64decode(str(value))


def _pruned(value: Any) -> Any:
    """Return a value without what a query cannot say: null, and what is empty."""
    if isinstance(value, Mapping):
        kept = {key: _pruned(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one is not None and one not in ([], {})}
    if isinstance(value, list):
        return [one for one in map(_pruned, value) if one is not None and one not in ([], {})]
    return value


def _same(where: str, meant: Any, read: Any, *, exact: bool = False) -> None:
    if not exact:
        meant = _pruned(meant)
        meant = ABSENT if meant is None or meant in ([], {}) else meant
        read = ABSENT if read is not ABSENT and read in ([], {}) else read
    if meant is ABSENT and read is ABSENT:
        return
    if meant is ABSENT or read is ABSENT or not (meant == read if exact else _equal(meant, read)):
        raise Disagreement(f"{where}: {meant!r} arrived as {read!r}")


def _equal(meant: Any, read: Any) -> bool:
    """Return whether a text, or texts, say a value."""
    if isinstance(meant, Mapping):
        alike = isinstance(read, Mapping) and meant.keys() == read.keys()
        return alike and all(_equal(one, read[key]) for key, one in meant.items())
    if isinstance(meant, list):
        listed: Sequence[Any] = read if isinstance(read, list) else [read]
        return len(meant) == len(listed) and all(_equal(one, two) for one, two in zip(meant, listed, strict=True))
    if isinstance(meant, bool):
        return read in (meant, str(meant).lower())
    if isinstance(meant, int | float):
        return float(read) == float(meant)
    return bool(meant == read)
