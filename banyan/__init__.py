"""Banyan finds the right few among tens of thousands of tools, and calls them through one guarded path."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from banyan.core.call import Outcome as Outcome
    from banyan.core.errors import BanyanError as BanyanError
    from banyan.core.find import FindAnswer as FindAnswer
    from banyan.core.tool import Tool as Tool
    from banyan.server.app import Banyan as Banyan
    from banyan.server.app import open as open
    from banyan.server.settings import Settings as Settings
    from banyan.tools.function import tool as tool

_DOOR = {
    "Banyan": "banyan.server.app",
    "BanyanError": "banyan.core.errors",
    "FindAnswer": "banyan.core.find",
    "Outcome": "banyan.core.call",
    "Settings": "banyan.server.settings",
    "Tool": "banyan.core.tool",
    "open": "banyan.server.app",
    "tool": "banyan.tools.function",
}
"""Public name to the module that has it: loaded on first use, so importing Banyan does no work."""

__all__ = ["Banyan", "BanyanError", "FindAnswer", "Outcome", "Settings", "Tool", "open", "tool"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"module `banyan` has no attribute `{name}`")
    value = getattr(import_module(_DOOR[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
