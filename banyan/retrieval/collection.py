"""Files of tools and of queries with known answers, as an evaluation reads them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from banyan.core.document import tool_document
from banyan.core.errors import BadFile
from banyan.core.find import Document
from banyan.core.tool import ToolSpec, search_digest

Model = TypeVar("Model", bound=BaseModel)

SUFFIXES = (".jsonl", ".json", ".gz", ".zst")
"""How files of a collection may end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One query and the tools that answer it."""

    qid: str
    query: str
    wanted: tuple[frozenset[str], ...]
    """For every tool that is needed, the ids of which each will do."""


class _ToolLine(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    server: str
    name: str
    title: str = ""
    description: str = ""
    input_schema: dict[str, Any] = Field(default_factory=dict)


class _QueryLine(BaseModel):
    model_config = ConfigDict(extra="ignore")

    qid: str
    query: str
    tools: list[str] = Field(min_length=1)
    alternatives: dict[str, list[str]] | None = None


def read_tools(path: Path) -> list[Document]:
    """Return the tools of a file of JSON lines, as search reads them.

    Raises:
        BadFile: the file cannot be read, or one of its lines is no tool.
    """
    return [_document(line) for line in _lines(path, _ToolLine)]


def read_questions(path: Path, equivalents: Mapping[str, frozenset[str]]) -> list[Question]:
    """Return the queries of a file of JSON lines.

    Args:
        path: the file; a `.gz` or `.zst` at its end says how it is packed.
        equivalents: for a tool, those that are the same as it; see `read_equivalents`.

    Raises:
        BadFile: the file cannot be read, or one of its lines is no query.
    """
    return [_question(line, equivalents) for line in _lines(path, _QueryLine)]


def read_equivalents(path: Path) -> dict[str, frozenset[str]]:
    """Return for every tool of a group all of the group; the file is one JSON list of groups of ids.

    Raises:
        BadFile: it is not that.
    """
    try:
        groups = json.loads(_text(path))
    except ValueError as error:
        raise BadFile(str(path), f"no JSON: {error}") from error
    strings = isinstance(groups, list) and all(
        isinstance(group, list) and all(isinstance(one, str) for one in group) for group in groups
    )
    if not strings:
        raise BadFile(str(path), "no list of lists of tool ids")
    return {one: frozenset(group) for group in groups for one in group}


def _document(line: _ToolLine) -> Document:
    spec = ToolSpec(
        server=line.server,
        upstream_name=line.name,
        title=line.title,
        description=line.description,
        input_schema=line.input_schema,
    )
    return tool_document(line.id, spec, source="", digest=search_digest(spec))


def _question(line: _QueryLine, equivalents: Mapping[str, frozenset[str]]) -> Question:
    alternatives = line.alternatives or {}
    wanted = tuple(
        frozenset({tool, *alternatives.get(tool, ())}) | equivalents.get(tool, frozenset()) for tool in line.tools
    )
    return Question(qid=line.qid, query=line.query, wanted=wanted)


def _lines(path: Path, model: type[Model]) -> Iterator[Model]:
    # Only "\n" ends a line: splitlines would also split at the separators that descriptions contain.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            raise BadFile(str(path), f"{place}: {first['msg']}".removeprefix(": "), line=number) from error


def _text(path: Path) -> str:
    try:
        return _unpack(path).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadFile(str(path), str(error)) from error


def _unpack(path: Path) -> bytes:
    unpackers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".zst": _unzstd}
    return unpackers.get(path.suffix, bytes)(path.read_bytes())


def _unzstd(data: bytes) -> bytes:
    import zstandard

    try:
        return bytes(zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read())
    except zstandard.ZstdError as error:
        raise OSError(f"not zstandard: {error}") from error


def pool_of(files: Sequence[Path]) -> dict[str, Document]:
    """Return the tools of all files as one pool, by id; of two with the same id the first counts.

    Raises:
        BadFile: a file cannot be read, or one of its lines is no tool.
    """
    pool: dict[str, Document] = {}
    for path in files:
        for document in read_tools(path):
            pool.setdefault(document.key, document)
    return pool
