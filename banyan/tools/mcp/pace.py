"""Slowing a server that talks more than anybody listens, so that it takes no time from the others."""

from __future__ import annotations

import anyio

NOTICE = 1.0
"""What a message costs that is passed on."""

CHAFF = 0.1
"""What a message costs that is read and dropped."""

_PER_S = 2_000.0
_BURST = 500.0
_STEP_S = 0.004
"""Short naps let little pile up, so that what is done between two of them takes half a millisecond."""


class Pace:
    """Lets bursts through, and holds a flood to 2,000 messages a second by not reading on."""

    def __init__(self) -> None:
        self._left = _BURST
        self._at = 0.0

    async def spend(self, cost: float) -> None:
        """Wait as long as what was spent so far is too much."""
        now = anyio.current_time()
        self._left = min(_BURST, self._left + (now - self._at) * _PER_S) - cost
        self._at = now
        if self._left < 0:
            await anyio.sleep(_STEP_S)
