"""OpenAPI documents: read, within a budget, and known by version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from banyan.core.errors import BadFile
from banyan.tools.faults import deeper_than
from banyan.tools.openapi.files import Files
from banyan.tools.openapi.notes import Notes, shown
from banyan.tools.openapi.refs import Node, RefProblem, Refs
from banyan.tools.openapi.yaml_text import YamlBudget, YamlProblem, read_yaml

MAX_BYTES = 64 * 2**20
"""Bytes of a document."""


class Version(StrEnum):
    """The dialect that a document is written in."""

    V2 = "2.0"
    V30 = "3.0"
    V31 = "3.1"  # and later ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that was read."""

    root: Mapping[str, Any]
    version: Version
    origin: str
    """Where it was read from: a path or a URL."""
    refs: Refs
    notes: Notes = field(default_factory=Notes)

    @property
    def title(self) -> str:
        """The API's name."""
        return shown(self._info("title"), 200)

    @property
    def api_version(self) -> str:
        """The API's version, as it counts itself."""
        return shown(self._info("version"), 60)

    @property
    def description(self) -> str:
        """What the API says of itself, raw."""
        found = self._info("description") or self._info("summary")
        return found if isinstance(found, str) else ""

    def _info(self, key: str) -> Any:
        info = self.root.get("info")
        found = info.get(key) if isinstance(info, Mapping) else None
        return "" if found is None else found

    def at(self, *path: str) -> Node:
        """Return the node at `path`, through references; its value is None where there is nothing."""
        node = Node(self.root)
        for key in path:
            node = self.follow(node.child(key))
        return node

    def follow(self, node: Node) -> Node:
        """Return what `node` leads to; where that is nothing, a node without value, and a note."""
        try:
            return self.refs.follow(node)
        except RefProblem as problem:
            self.notes.add(str(problem))
            return Node(None, node.file, node.at)


def load(data: bytes, *, origin: str, allow_refs: Sequence[str] = ()) -> Document:
    """Return the OpenAPI document that `data` holds, in JSON or YAML; blocks for a second for a large one.

    Args:
        data: the document's bytes.
        origin: the path or URL it was read from; relative servers and allowed files are relative to it.
        allow_refs: globs of files below the document's folder that its references may reach; none by default.

    Raises:
        BadFile: it is neither JSON nor YAML, is too large or too deep, or is no OpenAPI document.
    """
    root = _parse(data, origin)
    if not isinstance(root, dict):
        raise BadFile(origin, "it is no OpenAPI document: the top is no object")

    def parse(inner: bytes, path: str) -> Any:
        try:
            return _parse(inner, path)
        except BadFile as error:
            raise RefProblem(str(error)) from None

    files = Files(origin, allow_refs, parse)
    return Document(root=root, version=_version(root, origin), origin=origin, refs=Refs(root, files.read))


def _version(root: Mapping[str, Any], origin: str) -> Version:
    stated = str(root.get("openapi") or root.get("swagger") or root.get("swaggerVersion") or "")
    if "openapi" in root and stated.startswith("3"):
        return Version.V30 if stated == "3" or stated.startswith("3.0") else Version.V31
    if "swagger" in root and stated.startswith("2"):
        return Version.V2
    if not stated:
        raise BadFile(origin, "it is no OpenAPI document: neither `openapi` nor `swagger` tells its version")
    raise BadFile(origin, f"it is written in OpenAPI `{shown(stated, 20)}`; 2.0, 3.0 and 3.1 can be read")


def _parse(data: bytes, origin: str) -> Any:
    if len(data) > MAX_BYTES:
        raise BadFile(origin, f"it has {len(data):,} bytes, more than {MAX_BYTES:,}")
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] in (b"{", b"["):
        return _json(data, origin)
    try:
        return read_yaml(data, YamlBudget())
    except YamlProblem as problem:
        raise BadFile(origin, str(problem), line=problem.line) from None


def _json(data: bytes, origin: str) -> Any:
    """Return a document that starts as JSON does; YAML can have the same start."""
    budget = YamlBudget()
    try:
        value = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        try:
            return read_yaml(data, budget)
        except YamlProblem:
            raise BadFile(origin, f"it is no JSON: {shown(error.msg, 120)}", line=error.lineno) from None
    if deeper_than(value, budget.levels):
        raise BadFile(origin, f"it is nested more than {budget.levels} levels deep")
    return value
