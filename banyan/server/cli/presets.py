"""`--preset` and `--show`: arguments that are filled in for the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer

from banyan.core.errors import InvalidArgument

PRESET = typer.Option(
    "--preset",
    help="Fill in an argument of every tool, or of those whose name matches GLOB, and hide it. "
    "`ARG:=JSON` for what is no text; `${NAME}` refers to a secret.",
    metavar="[GLOB:]ARG=VALUE",
)
SHOW = typer.Option("--show", help="Show this preset argument all the same: it may be left out.", metavar="ARG")


def presets(given: Sequence[str] | None, show: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return the presets of a source that these options say; see `banyan.core.preset.Preset`.

    Raises:
        InvalidArgument: one is not given as `ARG=VALUE`, or `show` names an argument without a preset.
    """
    found = [_preset(one) for one in given or ()]
    for name in show or ():
        if all(one["argument"] != name for one in found):
            raise InvalidArgument("show", f"`{name}` has no `--preset`")
    return [one | {"hidden": one["argument"] not in (show or ())} for one in found]


def _preset(word: str) -> dict[str, Any]:
    left, sign, value = word.partition("=")
    is_json = left.endswith(":")
    glob, _, argument = left.removesuffix(":").rpartition(":")
    if not sign or not argument:
        # The text is not repeated: it may hold a secret.
        raise InvalidArgument("preset", "give it as `ARG=VALUE`, `ARG:=JSON` or `GLOB:ARG=VALUE`")
    return {"argument": argument, "tool": glob or "*", "value": _value(argument, value) if is_json else value}


def _value(argument: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidArgument("preset", f"what `{argument}` is set to is no JSON") from None
