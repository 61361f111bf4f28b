"""What was asked, tried and found: every table and query of Banyan, behind the ports of core."""

from banyan.memory.database import Database
from banyan.memory.limits import DatabaseLimits

__all__ = ["Database", "DatabaseLimits"]
