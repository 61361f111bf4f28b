"""Arguments drawn from a JSON Schema by Hypothesis, with the signs that requests have to escape among them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

FORMATS = {
    "date-time": ["2024-02-29T23:59:59Z", "1999-12-31T00:00:00+02:00"],
    "date": ["2024-02-29"],
    "uuid": ["5f0c1c3e-6b1a-4c1e-9a51-0c5b1d1c8a10"],
    "uri": ["https://example.com/a?b=c&d=%20#e"],
    "email": ["a+b@example.com"],
    "ipv4": ["192.0.2.1"],
}
PLAIN = st.sampled_from("abcXYZ019-_~")
ASCII = st.sampled_from("abcXYZ019-_.~ !\"#$%&'()*+,/:;<=>?@[]^`{|}")
WIDE = st.one_of(ASCII, st.sampled_from("éß☃漢🎈\t"))
_DEEPEST = 8
_ALL_UNTIL = 2
_KEYS = ("contentEncoding", "pattern", "format")


def draws(schema: Mapping[str, Any], alphabets: Mapping[str, st.SearchStrategy[str]], *, count: int) -> list[Any]:
    """Return `count` values of an object schema, always the same ones; the simplest is left out."""
    found: list[Any] = []

    @settings(
        max_examples=count + 1,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(_Drawer(data, schema, alphabets).arguments())

    collect()
    return found[-count:]


class _Drawer:
    """Draws values of one schema."""

    def __init__(self, data: st.DataObject, root: Mapping[str, Any], alphabets: Mapping[str, Any]) -> None:
        self.data = data
        self.root = root
        self.alphabets = alphabets
        self.alphabet: st.SearchStrategy[str] = WIDE

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def arguments(self) -> dict[str, Any]:
        found = {}
        required = self.root.get("required", ())
        for name, schema in self.root.get("properties", {}).items():
            if name in required or self.draw(st.integers(0, 2)):
                self.alphabet = self.alphabets.get(name, WIDE)
                found[name] = self.value(schema, 0)
        return found

    def value(self, schema: Any, depth: int) -> Any:
        flat = self.flat(schema, depth)
        if "const" in flat:
            return flat["const"]
        if flat.get("enum"):
            return self.draw(st.sampled_from(flat["enum"]))
        kind = flat.get("type") or _kind(flat)
        if isinstance(kind, list):
            kind = self.draw(st.sampled_from(kind))
        return getattr(self, f"_{kind}")(flat, depth)

    def flat(self, schema: Any, depth: int) -> dict[str, Any]:
        """Return a schema without references and choices: one of each is taken."""
        if not isinstance(schema, Mapping):
            return {}
        flat = {key: one for key, one in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
        inner = [*schema.get("allOf", ())]
        if "$ref" in schema:
            inner.append(self.at(schema["$ref"]))
        inner += [self.choice(schema[word], depth) for word in ("anyOf", "oneOf") if schema.get(word)]
        for one in inner:
            flat = _merged(flat, self.flat(one, depth))
        return flat

    def choice(self, schemas: list[Any], depth: int) -> Any:
        return schemas[0] if depth > _DEEPEST else self.draw(st.sampled_from(schemas))

    def at(self, ref: str) -> Any:
        found: Any = self.root
        for part in ref.removeprefix("#").split("/")[1:]:
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        found = {}
        for name, one in schema.get("properties", {}).items():
            if one is False:
                continue
            if name in required or (depth < _ALL_UNTIL and self.draw(st.integers(0, 3)) == 1):
                found[name] = self.value(one, depth + 1)
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping) and depth < _ALL_UNTIL:
            for key in self.draw(st.lists(st.text(PLAIN, min_size=1, max_size=4), max_size=2, unique=True)):
                found.setdefault(key, self.value(more, depth + 1))
        for name in required:
            found.setdefault(name, self._string({}, depth))
        return found

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", 3), max(3, least))
        count = self.draw(st.integers(least, max(least, most if depth < 3 else least)))
        items = [self.value(schema.get("items", {"type": "string"}), depth + 1) for _ in range(count)]
        if schema.get("uniqueItems"):
            items = [one for place, one in enumerate(items) if one not in items[:place]]
        return items

    def _string(self, schema: Mapping[str, Any], depth: int) -> str:
        if schema.get("contentEncoding") == "base64":
            return base64.b64encode(self.draw(st.binary(max_size=12))).decode()
        if pattern := schema.get("pattern"):
            try:
                # The end of a line is no end of the text in other dialects of patterns.
                return str(self.draw(st.from_regex(re.compile(pattern.replace("$", r"\Z"), re.ASCII))))
            except (re.error, ValueError):
                pass
        least = schema.get("minLength", 0)
        most = max(least, min(schema.get("maxLength", 12), 12))
        if schema.get("format") in FORMATS and least < 36:
            return str(self.draw(st.sampled_from(FORMATS[schema["format"]])))
        return str(self.draw(st.text(self.alphabet, min_size=least, max_size=most)))

    def _integer(self, schema: Mapping[str, Any], depth: int) -> int:
        low, high = _bounds(schema, 1)
        step = schema.get("multipleOf", 1)
        value = int(self.draw(st.integers(int(low), int(high))))
        return value if step == 1 or not float(step).is_integer() else -(-value // int(step)) * int(step)

    def _number(self, schema: Mapping[str, Any], depth: int) -> float:
        if "multipleOf" in schema:
            return self._integer({**schema, "multipleOf": 1}, depth)
        low, high = _bounds(schema, 0.5)
        return float(self.draw(st.floats(low, high, allow_nan=False, allow_infinity=False)))

    def _boolean(self, schema: Mapping[str, Any], depth: int) -> bool:
        return bool(self.draw(st.booleans()))

    def _null(self, schema: Mapping[str, Any], depth: int) -> None:
        return None


def _kind(schema: Mapping[str, Any]) -> str:
    if "properties" in schema or "additionalProperties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _bounds(schema: Mapping[str, Any], step: float) -> tuple[float, float]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1000) + step)
    high = schema.get("maximum", schema.get("exclusiveMaximum", 1_000_000) - step)
    return (low, max(low, high)) if "minimum" in schema or "exclusiveMinimum" in schema else (min(low, high), high)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found = {**other, **one}
    if "properties" in one and "properties" in other:
        found["properties"] = {**other["properties"], **one["properties"]}
    if "required" in one and "required" in other:
        found["required"] = [*dict.fromkeys([*one["required"], *other["required"]])]
    return found
