"""When a server that failed may be started again."""

from __future__ import annotations

import random
from collections.abc import Callable

from banyan.tools.mcp.limits import SessionLimits


class Breaker:
    """Counts failures in a row: the first is free, then each start waits longer, then none is tried for a while."""

    def __init__(self, limits: SessionLimits, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._dice = random.SystemRandom()
        self.failures = 0
        """In a row, since the last answer."""
        self._not_before = 0.0

    @property
    def open(self) -> bool:
        """Whether nothing is tried for now."""
        return self.failures >= self._limits.breaker_failures and self.wait_s > 0

    @property
    def wait_s(self) -> float:
        """Seconds until a start may be tried."""
        return max(0.0, self._not_before - self._now())

    def succeeded(self) -> None:
        """Note an answer: all is forgiven."""
        self.failures = 0
        self._not_before = 0.0

    def failed(self) -> None:
        """Note a failure: a start that came to nothing, a server that died or hung."""
        self.failures += 1
        limits = self._limits
        beyond = self.failures - limits.breaker_failures
        if beyond >= 0:
            wait_s = min(limits.breaker_cap_s, limits.breaker_open_s * 2.0 ** min(beyond, 30))
        elif self.failures == 1:
            wait_s = 0.0
        else:
            wait_s = min(limits.backoff_cap_s, limits.backoff_first_s * 2.0 ** (self.failures - 2))
        # A spread of a fifth, so that servers that fell together do not rise together.
        self._not_before = self._now() + wait_s * self._dice.uniform(0.9, 1.1)
