"""Arguments of a call as a person types them: JSON, a file, or `key=value` typed by the tool's schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from banyan.core.errors import InvalidArgument

SchemaOf = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Returns the schema of one argument; an empty one where nothing is known of it."""

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


async def read(words: Sequence[str], schema_of: SchemaOf) -> dict[str, Any]:
    """Return the arguments that `words` say; later ones count before earlier ones.

    A word is a JSON object, `-` (JSON on standard input), `@FILE` (JSON in a file), `key=value` (typed by the
    schema; a key given again makes a list) or `key:=json`.

    Raises:
        InvalidArgument: a word is none of these, or its JSON is malformed or no object.
    """
    found: dict[str, Any] = {}
    texts: dict[str, list[str]] = {}
    for word in words:
        if word == "-" or word[:1] in {"@", "{"}:
            found |= _object(word)
            continue
        key, sign, value = word.partition("=")
        if not sign or not key.rstrip(":"):
            raise InvalidArgument("arguments", f"`{word[:80]}` is neither JSON nor `key=value` nor `@file`")
        if key.endswith(":"):
            found[key[:-1]] = _json(value, key[:-1])
        else:
            texts.setdefault(key, []).append(value)
    for key, values in texts.items():
        found[key] = typed(values, await schema_of(key))
    return found


def _object(word: str) -> dict[str, Any]:
    if word == "-":
        text, where = sys.stdin.read(), "standard input"
    elif word.startswith("@"):
        text, where = _file(word[1:]), word[1:]
    else:
        text, where = word, "arguments"
    value = _json(text, where)
    if not isinstance(value, dict):
        raise InvalidArgument("arguments", f"the JSON of {where} is no object")
    return value


def _file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidArgument("arguments", f"`{name}` cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidArgument("arguments", f"`{name}` is not UTF-8") from None


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        # The text is not repeated: it may hold what is private.
        raise InvalidArgument("arguments", f"malformed JSON in {where}: {error}") from None


def typed(values: Sequence[str], schema: Mapping[str, Any]) -> Any:
    """Return what `values`, all given for one key, mean under `schema`; text where that cannot be told."""
    if len(values) > 1:
        item = schema.get("items")
        return [_one(value, item if isinstance(item, Mapping) else {}) for value in values]
    return _one(values[0], schema)


def _one(text: str, schema: Mapping[str, Any]) -> Any:
    for choice in schema.get("enum") or ():
        if text == choice or text == json.dumps(choice):
            return choice
    types = _types(schema)
    if "string" in types:
        return text
    for read_as, reader in _READERS.items():
        if read_as in types:
            try:
                return reader(text)
            except (ValueError, KeyError, RecursionError):
                continue
    if "array" in types:
        item = schema.get("items")
        return [_one(text, item if isinstance(item, Mapping) else {})]
    return text


def _types(schema: Mapping[str, Any]) -> set[str]:
    """Return every type that `schema` lets a value have."""
    named = schema.get("type")
    found = {named} if isinstance(named, str) else set(named or ())
    for word in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(word) or ():
            if isinstance(one, Mapping):
                found |= _types(one)
    return found


def _integer(text: str) -> int:
    return int(text.replace("_", ""))


def _null(text: str) -> None:
    if text != "null":
        raise ValueError(text)


def _container(kind: type) -> Callable[[str], Any]:
    def reader(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)  # noqa: TRY004 - the reader of another type is tried next
        return value

    return reader


_READERS: Mapping[str, Callable[[str], Any]] = {
    "null": _null,
    "integer": _integer,
    "number": float,
    "boolean": lambda text: _BOOLEANS[text.casefold()],
    "array": _container(list),
    "object": _container(dict),
}
