"""Write `docs/settings.md` from the settings themselves; `--check` only says whether it is up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from banyan.server.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

HEAD = """# Settings

Settings are read once, at the start, from `settings.toml` in the home folder. Three of them can be given by environment
variables instead, and the command line's `--home` and `--database` count before both:

| variable | what it sets |
|---|---|
| `BANYAN_HOME` | the home folder; without it, the user's data folder |
| `BANYAN_DATABASE_URL` | `database` |
| `BANYAN_LOG` | `log` |

A name that is not below is an error, and so is a value out of its range. Secrets do not belong here: a source refers to
one as `${NAME}`, which is looked up in the environment, the system's keyring, or a file that only its owner can read.

```toml
log = "info"

[calls]
timeout_s = 60

# Assistants ask a person before any tool of this source runs, and never see a table dropped.
[[policy.mcp]]
action = "deny"
tool = "*drop*"

[[policy.mcp]]
action = "ask"
source = "sqlite"
```
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD, *_section("", Settings)]
    return "\n".join(parts).rstrip() + "\n"


def _section(name: str, model: type[BaseModel]) -> Iterator[str]:
    plain = {key: field for key, field in model.model_fields.items() if _parts(field) is None and key != "home"}
    if plain:
        yield f"## `[{name}]`\n" if name else "## Top level\n"
        if name:
            yield f"{(model.__doc__ or '').splitlines()[0]}\n"
        yield "| name | default | allowed | what it does |\n|---|---|---|---|"
        yield from (_row(key, field) for key, field in plain.items())
        yield ""
    for key, field in model.model_fields.items():
        inner = _parts(field)
        if inner is not None:
            many = inner is not field.annotation
            path = f"{name}.{key}" if name else key
            yield from _section(f"[{path}]" if many else path, inner)


def _parts(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that is a table of its own, or a list of such."""
    for one in (field.annotation, *get_args(field.annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _row(key: str, field: FieldInfo) -> str:
    # The only required setting outside a rule is filled in when settings are read.
    default = "an SQLite file in the home folder" if key == "database" else _default(field)
    return f"| `{key}` | {default} | {_allowed(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None or value == frozenset():
        return "unset"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"`{value}`"
    return f"{value:,}"


def _allowed(field: FieldInfo) -> str:
    bounds = [_bound(one) for one in field.metadata if isinstance(one, Ge | Gt | Le | Lt)]
    choices = [f"`{one}`" for one in get_args(field.annotation) if isinstance(one, str)]
    return ", ".join(bounds or choices)


def _bound(bound: Any) -> str:
    signs = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}
    sign, name = signs[type(bound)]
    return f"{sign} {getattr(bound, name):,}"


def main(arguments: list[str]) -> int:
    """Write the page, or check it, and return the exit status."""
    text = page()
    if "--check" in arguments:
        return 0 if PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
