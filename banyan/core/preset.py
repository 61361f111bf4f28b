"""Preset arguments: filled in for the model, and, where hidden, not shown to it at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from banyan.core.errors import InvalidArgument
from banyan.core.template import expand
from banyan.core.tool import ToolSpec

PRESETS = "presets"
"""Key of a spec's binding under which its presets stand: argument to value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A value for one argument of the tools that match a pattern."""

    argument: str
    value: Any
    """JSON; in text, `${NAME}` refers to a secret."""
    tool: str = "*"
    """Glob over the tools' names at their server, without regard to case."""
    hidden: bool = True
    """Not shown to a model, which then cannot choose another value."""

    def to_json(self) -> dict[str, Any]:
        """Return the preset as a source's configuration keeps it."""
        return {"argument": self.argument, "value": self.value, "tool": self.tool, "hidden": self.hidden}


def presets(config: Mapping[str, Any]) -> tuple[Preset, ...]:
    """Return the presets of a source's configuration.  Raises `InvalidArgument` when one is malformed."""
    found = []
    for one in config.get("presets", ()):
        try:
            found.append(Preset(**one))
        except TypeError:
            raise InvalidArgument("presets", "each has `argument`, `value`, and may have `tool` and `hidden`") from None
    return tuple(found)


def with_presets(spec: ToolSpec, given: Sequence[Preset]) -> ToolSpec:
    """Return `spec` as a model sees it: hidden arguments gone from its schema, others no longer required.

    Of two presets of one argument the first counts. Tools without the argument are left alone. What is filled in
    stands in the binding.
    """
    properties = spec.input_schema.get("properties")
    if not isinstance(properties, Mapping):
        return spec
    chosen: dict[str, Preset] = {}
    for preset in given:
        if preset.argument in properties and fnmatchcase(spec.upstream_name.casefold(), preset.tool.casefold()):
            chosen.setdefault(preset.argument, preset)
    if not chosen:
        return spec
    hidden = {name for name, preset in chosen.items() if preset.hidden}
    schema = dict(spec.input_schema)
    schema["properties"] = {name: value for name, value in properties.items() if name not in hidden}
    required = [name for name in spec.input_schema.get("required", ()) if name not in chosen]
    schema.pop("required", None)
    if required:
        schema["required"] = required
    filled = {name: {"value": preset.value, "hidden": preset.hidden} for name, preset in chosen.items()}
    return replace(spec, input_schema=schema, binding={**spec.binding, PRESETS: filled})


def fill(
    spec: ToolSpec, arguments: Mapping[str, Any], secret: Callable[[str], str | None], *, source: str
) -> dict[str, Any]:
    """Return `arguments` with the presets of `spec` filled in: hidden ones always, others where none is given.

    Raises:
        SecretMissing: a preset refers to a secret that `secret` does not know.
    """
    filled = dict(arguments)
    for name, preset in spec.binding.get(PRESETS, {}).items():
        if preset["hidden"] or name not in filled:
            value = preset["value"]
            filled[name] = expand(value, secret, source=source) if isinstance(value, str) else value
    return filled


def hidden_arguments(spec: ToolSpec) -> frozenset[str]:
    """Return the arguments that a caller cannot give, since a preset does."""
    return frozenset(name for name, preset in spec.binding.get(PRESETS, {}).items() if preset["hidden"])
