"""What is inside a Banyan, for the rest of this room: programs are not meant to reach for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from banyan.server.app import Banyan
    from banyan.server.wiring import Parts


def parts_of(b: Banyan) -> Parts:
    """Return the parts that `b` is made of."""
    return b._parts
