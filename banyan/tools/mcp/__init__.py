"""MCP servers as sources: sessions that are started when needed, watched, and ended for sure."""

from banyan.tools.mcp.backend import McpBackend
from banyan.tools.mcp.limits import SessionLimits

__all__ = ["McpBackend", "SessionLimits"]
