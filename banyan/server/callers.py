"""Who calls where nobody can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan.core.ports import Elicited


class PythonCaller:
    """Nobody to ask: a call from a Python program."""

    surface = "python"

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        """Return None: nobody can be asked."""
        return None

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Tell nobody."""
